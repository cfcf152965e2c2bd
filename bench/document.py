"""docs/PERFORMANCE.md, made of the results, and of the notes that people wrote about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from bench.goals import GOALS, Results, found
from bench.machine import ROOT
from bench.notes import Notes, read_notes

PATH: Final = ROOT / "docs" / "PERFORMANCE.md"
PLOTS: Final = ROOT / "docs" / "performance"
TEMPLATE: Final = Path(__file__).with_name("performance.md")
MARKS: Final[Mapping[bool | None, str]] = {True: "met", False: "missed", None: ""}
HEADINGS: Final = "| what | goal | measured | peer, in the same run | |\n|---|---|---|---|---|\n"
RUNS: Final = "| subject | rounds | when | commit | load before |\n|---|---:|---|---|---:|\n"
NO_NOTE: Final = "No cause is written down yet."


def text_of(results: Results, notes: Notes) -> str:
    """The whole page."""
    machines = sorted({result.machine for result in results.values()})
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        machine="; ".join(machines) or "no machine yet",
        table=_table(results),
        missed=_missed(results, notes),
        runs=_runs(results),
        absent=_absent(results),
        learnt=notes.learnt,
    )


def _table(results: Results) -> str:
    rows = []
    for goal in GOALS:
        measured, peer, met = found(goal, results)
        rows.append(f"| {goal.what} | {goal.goal} | {measured} | {peer} | {MARKS[met]} |\n")
    return HEADINGS + "".join(rows)


def _missed(results: Results, notes: Notes) -> str:
    """Of each goal that was missed, what it was missed by is in the table, and why is here."""
    parts = dict[str, list[str]]()
    for goal in GOALS:
        if found(goal, results).met is False:
            parts.setdefault(goal.key, []).append(goal.what)
    return "\n\n".join(
        f"**{_joined(whats)}**: {notes.causes.get(key, NO_NOTE)}" for key, whats in parts.items()
    )


def _joined(whats: list[str]) -> str:
    return whats[0] if len(whats) == 1 else f"{whats[0]}, and {len(whats) - 1} more like it"


def _runs(results: Results) -> str:
    rows = (
        f"| `{r.subject}` | {r.rounds} | {re.sub('T', ' ', r.at)[:16]} | {r.commit} | {r.load} |\n"
        for r in results.values()
    )
    return RUNS + "".join(rows)


def _absent(results: Results) -> str:
    said = [
        f"- {contestant}: {why}.\n"
        for result in results.values()
        for contestant, why in result.absent.items()
    ]
    return "".join(said) or "Nothing.\n"


def write(results: Results) -> Path:
    """Make the page and its plots of the results; returns the page's path."""
    from bench.plots import draw_all  # noqa: PLC0415  (matplotlib takes a second to import)

    draw_all(results, PLOTS)
    PATH.write_text(text_of(results, read_notes()), encoding="utf-8")
    return PATH
