"""What was measured, and on what."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def machine() -> str:
    """As people name it: cores, processor, memory."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    named = found.group(1) if found else "an unknown processor"
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {named}, {total:.0f} GiB"


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def commit() -> str:
    """The product's commit, with a plus where it was changed since."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "shared", "writer", "resolver", "cqar", "proto")
    return f"{head}+" if changed else head


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or ("unknown" if arguments[0] == "rev-parse" else "")
