"""docs/RELIABILITY.md, written from the table of faults and from what was measured."""

from __future__ import annotations

import datetime as dt
import os
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final

from tests.chaos.faults import FAULTS, Fault

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "RELIABILITY.md"

TEMPLATE: Final = Path(__file__).with_name("reliability.md")
TABLE: Final = """\
| fault | what users see | how it heals | test in `tests/chaos/test_faults.py` | median | worst |
|---|---|---|---|---:|---:|
"""
ABUSE_BEGIN: Final = "<!-- abuse: made by `python -m tests.chaos.abuse` -->"
ABUSE_END: Final = "<!-- abuse ends -->"
#: Fault's name -> each time to heal, in seconds.
Measured = Mapping[str, Sequence[float]]


def text_of(measured: Measured, times: int, on: dt.date) -> str:
    rows = "".join(words_of(fault) + _numbers(measured[fault.name]) for fault in FAULTS)
    start_s = statistics.median(measured["SIGKILL_of_a_resolver"])
    return Template(TEMPLATE.read_text()).substitute(
        faults=TABLE + rows,
        abuse=abuse_in(PATH.read_text()),
        started=f"{start_s:.0f} s here, under load",
        times=times,
        day=on.isoformat(),
        machine=machine(),
    )


def abuse_in(page: str) -> str:
    """What `tests.chaos.abuse` wrote, with its marks."""
    return ABUSE_BEGIN + page.partition(ABUSE_BEGIN)[2].partition(ABUSE_END)[0] + ABUSE_END


def with_abuse(page: str, table: str) -> str:
    """The page with another table of what floods do."""
    return page.replace(abuse_in(page), f"{ABUSE_BEGIN}\n\n{table}\n{ABUSE_END}")


def prose() -> str:
    """All that stands before the table."""
    return TEMPLATE.read_text().partition("$faults")[0]


def words_of(fault: Fault) -> str:
    """A fault's row, up to what is measured."""
    return f"| {fault.title} | {fault.seen} | {fault.heals} | `[{fault.name}]` |"


def _numbers(healed_s: Sequence[float]) -> str:
    return f" {statistics.median(healed_s):.1f} | {max(healed_s):.1f} |\n"


def machine() -> str:
    """As people name it: cores and processor."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    named = found.group(1) if found else "an unknown processor"
    return f"{os.cpu_count()} cores of {named}"
