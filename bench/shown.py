"""What is going on and what came out, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import setting
from bench.document import MARKS
from bench.goals import GOALS, Results, found


@contextmanager
def progress(console: Console) -> Iterator[setting.Progress]:
    """One line that changes; where nobody looks, a line for each thing that begins."""
    columns = (TextColumn("{task.description:<60}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None)
        last = ""

        def told(what: str, done: int, total: int) -> None:
            nonlocal last
            bars.update(task, description=what, completed=done, total=total)
            if what != last and not console.is_terminal:
                console.log(what)
            last = what

        yield told


def table(console: Console, results: Results) -> None:
    """Every goal, and what became of it."""
    shown = Table("what", "goal", "measured", "peer", "met")
    for goal in GOALS:
        measured, peer, met = found(goal, results)
        shown.add_row(goal.what, goal.goal, measured, peer, MARKS[met])
    console.print(shown)
