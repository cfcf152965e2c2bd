"""The tables of docs/PERFORMANCE.md, written between its marks from the results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.goals import GOALS, Results, found
from bench.machine import ROOT

PATH: Final = ROOT / "docs" / "PERFORMANCE.md"
PLOTS: Final = ROOT / "docs" / "performance"
MARKS: Final[Mapping[bool | None, str]] = {True: "met", False: "missed", None: ""}
HEADINGS: Final = "| what | goal | measured | peer, in the same run | |\n|---|---|---|---|---|\n"
RUNS: Final = "| subject | rounds | when | commit | load before |\n|---|---:|---|---|---:|\n"


def text_of(page: str, results: Results) -> str:
    """The page with the tables of these results between its marks."""
    for part, table in (("measured", _table(results)), ("runs", _runs(results))):
        before, begin, rest = page.partition(f"<!-- {part}: made by `make bench` -->\n")
        _, end, after = rest.partition(f"\n<!-- {part} ends -->")
        page = f"{before}{begin}\n{table}{end}{after}"
    return page


def _table(results: Results) -> str:
    rows = []
    for goal in GOALS:
        measured, peer, met = found(goal, results)
        rows.append(f"| {goal.what} | {goal.goal} | {measured} | {peer} | {MARKS[met]} |\n")
    return HEADINGS + "".join(rows)


def _runs(results: Results) -> str:
    rows = (
        f"| `{r.subject}` | {r.rounds} | {re.sub('T', ' ', r.at)[:16]} | {r.commit} | {r.load} |\n"
        for r in results.values()
    )
    return RUNS + "".join(rows)


def write(results: Results) -> Path:
    """Write the tables and plots of the results; returns the page's path."""
    from bench.plots import draw_all  # noqa: PLC0415  (matplotlib takes a second to import)

    draw_all(results, PLOTS)
    PATH.write_text(text_of(PATH.read_text(encoding="utf-8"), results), encoding="utf-8")
    return PATH
