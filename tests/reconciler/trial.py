"""`python -m tests.reconciler.trial --minutes 15`: the proof, at length.

Two processes, killed at random, against six simulated venues, beside readers. Writes what each step
took and proved into docs/RECONCILING.md, unless `--no-page`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from cqar.embedded.stack import StackOptions
from tests.acceptance.conftest import Stack, running_stack
from tests.reconciler.played_venues import FEW, MANY, PlayedVenue
from tests.reconciler.trial_run import GONE_AFTER_S, Trial, trial
from tests.support.memory_folder import server_folder
from tools.monitoring import reconciler
from tools.monitoring.panels import Query
from tools.monitoring.paths import PICTURES
from tools.monitoring.pictures.prometheus import Series, beside
from tools.monitoring.pictures.svg import draw

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/RECONCILING.md"
BEGIN: Final = "<!-- trial: begin, made by `python -m tests.reconciler.trial` -->"
END: Final = "<!-- trial: end -->"
PICTURE: Final = PICTURES / f"{reconciler.DASHBOARD.name}.svg"
#: Between two points of it.
STEP_S: Final = 2
MANNERS: Final = 12
KILL_EVERY_S: Final = 8.0
#: Left for the last steps.
LAST_S: Final = 90.0


async def steps(running: Trial, minutes: float, chance: random.Random) -> None:
    """Play first and second files, and be rude for all of the time between."""
    ends_s = time.time() + minutes * 60
    await running.first_files()
    await running.rudeness(MANNERS, chance)
    async with running.killing(KILL_EVERY_S, chance):
        await running.second_files()
        changed_s = time.time()
        await running.changed_form()
        await running.former_form()
        number = 0
        # What is missing ends when it is missing for so long: until then nothing may.
        while time.time() < min(ends_s - LAST_S, changed_s + GONE_AFTER_S - LAST_S):
            number += 1
            await running.rudeness(MANNERS, chance, f"no answers, {number}")
    if ends_s > changed_s + GONE_AFTER_S:
        async with running.killing(KILL_EVERY_S, chance):
            await running.gone()
            await running.rudeness(MANNERS, chance, "no answers at last")


@asynccontextmanager
async def drawing(running: Trial, stack: Stack, folder: Path) -> AsyncIterator[None]:
    """Draw the reconciler's dashboard of what a Prometheus saw meanwhile."""
    reconcilers = {process.http: f"reconciler-{process.name}" for process in running.processes}
    async with beside(stack.endpoints, folder, reconcilers) as prometheus:
        begin_s = time.time()
        yield

        def ask(query: Query) -> list[Series]:
            return prometheus.query_range(query.expr, begin_s, time.time(), STEP_S)

        await asyncio.to_thread(draw, reconciler.DASHBOARD, ask, PICTURE)


async def run(
    venues: Sequence[PlayedVenue], minutes: float, seed: int, keep: Path, *, is_drawn: bool
) -> Trial:
    with server_folder() as folder:
        async with running_stack(StackOptions(folder / "state")) as stack:
            await stack.ok("catalogue", "load", "--no-listings")
            (folder / "reconcilers").mkdir()
            try:
                async with trial(venues, stack, folder / "reconcilers") as running:
                    drawn = drawing(running, stack, folder) if is_drawn else nullcontext()
                    async with drawn:
                        await steps(running, minutes, random.Random(seed))
            finally:
                keep.mkdir(parents=True, exist_ok=True)
                logs = [*folder.glob("state/logs/*.log"), *folder.glob("reconcilers/*.log")]
                for log in logs:
                    shutil.copy(log, keep / log.name)
    return running


def table(running: Trial, minutes: float, seed: int) -> str:
    venues = ", ".join(f"`{venue.venue_id}`" for venue in running.venues)
    answers = running.readers.answers
    asked = ", ".join(f"{count:,} {name}" for name, count in sorted(answers.items()))
    how = f"{minutes:g} minutes (seed {seed}), two processes at once, {running.kills} SIGKILLs"
    read = f"Readers were answered: {asked}; {len(running.readers.wrong)} wrong."
    lines = [
        *(BEGIN, f"{how}; venues {venues}. {read}", ""),
        "| step | seconds | revisions | differences, each found once | what requests got |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {step.name} | {step.seconds:.0f} | {step.revisions} | {step.differences:,} |"
        f" {step.requests} |"
        for step in running.steps
    ]
    return "\n".join([*lines, END])


def write_page(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    PAGE.write_text(marked.sub(lambda _: text, page), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--few", action="store_true", help="three small venues")
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--picture", action="store_true", help="draw the dashboard")
    parser.add_argument("--logs", type=Path, default=Path("build/trial"))
    given = parser.parse_args()
    venues = FEW if given.few else MANY
    running = asyncio.run(
        run(venues, given.minutes, given.seed, given.logs, is_drawn=given.picture)
    )
    text = table(running, given.minutes, given.seed)
    sys.stdout.write(f"{text}\n")
    if not given.no_page:
        write_page(text)


if __name__ == "__main__":
    main()
