"""`python -m bench`: measure, keep the results, and make docs/PERFORMANCE.md of them."""

from __future__ import annotations

import asyncio
import random
import sys
import time

import click
import msgspec
from rich.console import Console

from bench import keeping, shown
from bench.document import write
from bench.measured import Result
from bench.running import run
from bench.scale import FULL, QUICK
from bench.subjects import SUBJECTS

NAMES = [subject.name for subject in SUBJECTS]


@click.command()
@click.option("--quick", is_flag=True, help="Within a minute, kept apart and in no document.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="These subjects.")
@click.option("--rounds", type=click.IntRange(1, 50), help="Of each; 5, or 1 with --quick.")
@click.option("--seed", type=int, help="Of the order; else another each time.")
@click.option("--document", is_flag=True, help="Measure nothing: make the document anew.")
def main(
    *, quick: bool, only: tuple[str, ...], rounds: int | None, seed: int | None, document: bool
) -> None:
    """Measure how fast CQAR is here, each subject beside its peers.

    \b
    Example: python -m bench --only grpc_resolve --rounds 3
    """
    console = Console(stderr=True)
    if document:
        console.print(f"{write(keeping.read(keeping.FOLDER))} is made.")
        return
    scale = QUICK if quick else FULL
    if rounds is not None:
        scale = msgspec.structs.replace(scale, rounds=rounds)
    subjects = [subject for subject in SUBJECTS if not only or subject.name in only]
    began_s, seed = time.monotonic(), random.randrange(2**31) if seed is None else seed
    folder = keeping.folder_of(quick=quick)

    def keep(result: Result) -> None:
        keeping.save(result, folder)

    with shown.progress(console) as progress:
        asyncio.run(run(subjects, scale, progress, random.Random(seed), keep))
    shown.table(console, keeping.read(folder))
    console.print(f"{time.monotonic() - began_s:.0f} s in all, order {seed}; {folder}")
    if not quick:
        console.print(f"{write(keeping.read(folder))} is made.")


if __name__ == "__main__":
    sys.exit(main())
