"""`make load`, or `python -m loadtests`: every mix for a while, then one table of all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from cqar.admin.connection import CallFailed
from cqar.cli.output import out, table, to_stderr
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.failures import EmbeddedError
from loadtests.locust_runner import WARM_UP_S, LoadFailed, LoadRun, LoadSize, run_locust
from loadtests.mixes import MIXES
from loadtests.own_stack import with_own_stack
from loadtests.run_plan import ALL, runs_on_host, runs_on_stack
from loadtests.summary_table import COLUMNS, FinishedRun, rows, sentences

REPORTS: Final = Path(__file__).with_name("reports")


@click.command()
@click.option(
    "--host", default="", help="HOST:PORT of a writer or resolver; else a stack of our own."
)
@click.option("--key", envvar="CQAR_KEY", default="", help="API key for --host (CQAR_KEY).")
@click.option("--mix", "names", multiple=True, type=click.Choice([*MIXES]), help="Only this one.")
@click.option(
    "--seconds",
    envvar="CQAR_LOAD_SECONDS",
    type=click.IntRange(1, 86_400),
    default=30,
    show_default=True,
    help="How long each mix runs (CQAR_LOAD_SECONDS).",
)
@click.option("--rate", type=click.IntRange(1), help="Acts per second, instead of each mix's own.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes of locust; each has one connection.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(0, 600),
    default=WARM_UP_S,
    show_default=True,
    help="Seconds before those that count.",
)
@click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=REPORTS,
    help="Folder for locust's reports.",
)
def main(
    host: str,
    key: str,
    names: Sequence[str],
    seconds: int,
    rate: int | None,
    processes: int,
    warm_up: int,
    reports: Path,
) -> None:
    """Put the load of CQAR's users on a stack of its own, or on a given server.

    A given server gets the mixes that it can answer and that change nothing; `--mix admin`
    makes and removes assets of its own there.

    \b
    Example:
      python -m loadtests --mix cqmd --seconds 10
      CQAR_KEY=... python -m loadtests --host registry.internal:9090 --mix roadmap
    """
    chosen = [MIXES[name] for name in names]
    size = LoadSize(seconds, rate, processes, warm_up)
    ended: list[FinishedRun] = []

    async def load(runs: Sequence[LoadRun], *, all_there: bool) -> None:
        for run in runs:
            out.print(f"{run.name} at {run.address} for {seconds} s:", end=" ", markup=False)
            outcome, cores = await run_locust(run, size, reports)
            out.print(f"locust used {cores:.1f} cores")
            ended.append(FinishedRun(run, outcome, all_there))

    async def load_stack(endpoints: Endpoints) -> None:
        await load(runs_on_stack(endpoints, chosen or ALL), all_there=True)

    try:
        if host:
            asyncio.run(load(runs_on_host(host, key, chosen), all_there=False))
        elif not asyncio.run(with_own_stack(load_stack)):
            to_stderr("loadtests: interrupted")
            sys.exit(130)
    except (CallFailed, EmbeddedError, LoadFailed) as error:
        to_stderr(f"loadtests: {error}")
        sys.exit(1)
    table("Latencies count from when a call was due", COLUMNS, rows(ended))
    out.print(f"Reports: {reports}/*.html", markup=False)
    for sentence in sentences(ended):
        out.print(sentence, markup=False, soft_wrap=True)
    faults = [fault for each in ended for fault in each.faults]
    for fault in faults:
        to_stderr(fault)
    failed = sum(bool(each.faults) for each in ended)
    out.print(f"{len(ended) - failed} of {len(ended)} runs had no failed call.", markup=False)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
