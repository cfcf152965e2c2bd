"""`python -m bench`: run benchmarks, keep the results, and write them into docs/PERFORMANCE.md."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from functools import partial

import click
from rich.console import Console
from rich.table import Table

from bench import document, results
from bench.benchmarks import BENCHMARKS
from bench.goals import GOALS
from bench.runner import run
from bench.stack import FULL, QUICK

NAMES = [benchmark.name for benchmark in BENCHMARKS]


@click.command()
@click.option("--quick", is_flag=True, help="Take a minute; keep results apart, write no document.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Only these benchmarks.")
@click.option("--rounds", type=click.IntRange(1, 50), help="Of each case; 5, or 1 with --quick.")
@click.option("--seed", type=int, help="Of the order; random by default.")
@click.option("--document", "only_document", is_flag=True, help="Only write the document anew.")
def main(
    *, quick: bool, only: tuple[str, ...], rounds: int | None, seed: int | None, only_document: bool
) -> None:
    """Measure how fast CQAR is on this machine, each case beside its peers.

    \b
    Example: python -m bench --only grpc_resolve --rounds 3
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("bench").setLevel(logging.INFO)
    console = Console(stderr=True)
    folder = results.FOLDER / "quick" if quick else results.FOLDER
    if not only_document:
        scale = QUICK if quick else FULL
        scale = scale._replace(rounds=rounds or scale.rounds)
        chosen = [benchmark for benchmark in BENCHMARKS if not only or benchmark.name in only]
        start_s, seed = time.monotonic(), random.randrange(2**31) if seed is None else seed
        save = partial(results.save, folder=folder)
        asyncio.run(run(chosen, scale, random.Random(seed), save))
        console.print(f"{time.monotonic() - start_s:.0f} s, order {seed}; {folder}")
    table = Table("what", "goal", "measured", "peer", "met")
    for goal in GOALS:
        measured, peer, met = goal.finding(results.read(folder))
        table.add_row(goal.what, goal.goal, measured, peer, document.VERDICTS[met])
    console.print(table)
    if not quick:
        console.print(f"wrote {document.write(results.read(folder))}")


if __name__ == "__main__":
    main()
