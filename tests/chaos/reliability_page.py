"""docs/RELIABILITY.md, written from the table of faults and from what was measured."""

from __future__ import annotations

import datetime as dt
import os
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class PagePart:
    """What another program writes into the page, between its marks."""

    name: str
    made_by: str

    @property
    def _begin(self) -> str:
        return f"<!-- {self.name}: made by `{self.made_by}` -->"

    @property
    def _end(self) -> str:
        return f"<!-- {self.name} ends -->"

    def held_in(self, page: str) -> str:
        """It, with its marks."""
        within = page.partition(self._begin)[2].partition(self._end)[0]
        return self._begin + within + self._end

    def put(self, page: str, table: str) -> str:
        """The page with another table."""
        return page.replace(self.held_in(page), f"{self._begin}\n\n{table}\n{self._end}")


ABUSE: Final = PagePart("abuse", "python -m tests.chaos.abuse")
FAILOVERS: Final = PagePart("failovers", "make chaos")
#: Fault's name -> each time to heal, in seconds.
Measured = Mapping[str, Sequence[float]]


def text_of(measured: Measured, times: int, on: dt.date) -> str:
    rows = "".join(words_of(fault) + _numbers(measured[fault.name]) for fault in FAULTS)
    start_s = statistics.median(measured["SIGKILL_of_a_resolver"])
    return Template(TEMPLATE.read_text()).substitute(
        faults=TABLE + rows,
        abuse=ABUSE.held_in(PATH.read_text()),
        failovers=FAILOVERS.held_in(PATH.read_text()),
        started=f"{start_s:.0f} s here, under load",
        times=times,
        day=on.isoformat(),
        machine=machine(),
    )


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
