"""The tables of docs/PERFORMANCE.md, between their marks; the rest of the page is prose."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.goals import GOALS
from bench.results import ROOT, Results

PATH: Final = ROOT / "docs" / "PERFORMANCE.md"
VERDICTS: Final[dict[bool | None, str]] = {True: "met", False: "missed", None: ""}


def page_with(page: str, results: Results) -> str:
    """The page with the tables of these results."""
    goals = [(goal.what, goal.goal, *goal.finding(results)) for goal in GOALS]
    rows = [f"| {' | '.join(row[:4])} | {VERDICTS[row[4]]} |" for row in goals]
    runs = [
        f"| `{r.benchmark}` | {r.rounds} | {r.measured_at[:16].replace('T', ' ')} | {r.commit} |"
        f" {r.load} |"
        for r in results.values()
    ]
    header = ["| what | goal | measured | peer, in the same run | |", "|---|---|---|---|---|"]
    page = _with_part(page, "measured", [*header, *rows])
    header = ["| subject | rounds | when | commit | load before |", "|---|---:|---|---|---:|"]
    return _with_part(page, "runs", [*header, *runs])


def _with_part(page: str, part: str, table: list[str]) -> str:
    before, begin, rest = page.partition(f"<!-- {part}: made by `make bench` -->\n")
    _, end, after = rest.partition(f"\n<!-- {part} ends -->")
    return "".join((before, begin, "\n", "\n".join(table), "\n", end, after))


def write(results: Results) -> Path:
    """Update the page, and return its path."""
    PATH.write_text(page_with(PATH.read_text(encoding="utf-8"), results), encoding="utf-8")
    return PATH
