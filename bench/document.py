"""The figures in docs/PERFORMANCE.md, between their marks; the rest of the page is prose."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.goals import GOALS
from bench.results import ROOT, Results

PATH: Final = ROOT / "docs" / "PERFORMANCE.md"
BEGIN: Final = "<!-- figures: made by `make bench` -->"
END: Final = "<!-- figures end -->"
VERDICTS: Final[dict[bool | None, str]] = {True: "met", False: "missed", None: ""}


def figures_text(results: Results) -> str:
    """The machine, the table of goals, why some are missed, and the runs, in Markdown."""
    rows, causes = [], dict[str, str]()
    for goal in GOALS:
        measured, peer, met = goal.finding(results)
        rows.append(f"| {goal.what} | {goal.goal} | {measured} | {peer} | {VERDICTS[met]} |")
        if met is False:
            causes.setdefault(goal.cause, goal.what)
    machines = ", ".join(sorted({result.machine for result in results.values()}))
    runs = [
        f"| `{r.benchmark}` | {r.rounds} | {r.measured_at[:16].replace('T', ' ')} | {r.commit}"
        f" | {r.load} |"
        for r in results.values()
    ]
    absent = [
        f"- Not measured: {case}: {why}"
        for result in results.values()
        for case, why in result.absent.items()
    ]
    parts = [
        [f"Measured on {machines}; medians over the rounds."],
        ["| what | goal | measured | peer, in the same run | |", "|---|---|---|---|---|", *rows],
        [f"- **{what}** is missed: {cause}" for cause, what in causes.items()] + absent,
        [
            *("| benchmark | rounds | when | commit | load before |", "|---|---:|---|---|---:|"),
            *runs,
        ],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def page_with(page: str, results: Results) -> str:
    """The page with the figures of these results."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{figures_text(results)}\n\n{END}{rest.partition(END)[2]}"


def write(results: Results) -> Path:
    """Update the page, and return its path."""
    PATH.write_text(page_with(PATH.read_text(encoding="utf-8"), results), encoding="utf-8")
    return PATH
