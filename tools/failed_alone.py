"""Runs the modules of the tests that failed last once more: each by itself, three times in a row.

Two workers with three servers each leave a test on two slow cores little time, and a test that
waits for something real may fail of that alone. One that fails by itself as well, even once in
three times, is broken. The names are printed: what failed beside others is to be mended.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

#: Where pytest notes the tests that failed last.
LAST_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")
TIMES: Final = 3
#: More than so many modules do not fail for want of time.
MODULES_MAX: Final = 3


def failed_modules(noted: Path = LAST_FAILED) -> list[str]:
    """Return the modules of the tests that failed last, in order; none if nothing is noted."""
    tests = json.loads(noted.read_text()) if noted.exists() else {}
    return sorted({name.partition("::")[0] for name in tests})


def main() -> int:
    """Return the exit code: 0 if every module passes by itself each time."""
    modules = failed_modules()
    if not modules or len(modules) > MODULES_MAX:
        sys.stderr.write(f"{len(modules)} modules failed: this is no want of time\n")
        return 1
    sys.stderr.write(
        "failed beside others, and run by themselves now: " + ", ".join(modules) + "\n"
    )
    for module in modules:
        for _ in range(TIMES):
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", module]
            # Its own interpreter, and names of files of this project.
            if code := subprocess.run(command, check=False).returncode:  # noqa: S603
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
