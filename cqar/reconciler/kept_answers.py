"""`cqar-reconciler answers`: what is kept of venues' answers, to look at and to replay."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cqar.importer.readers.product_line import matching
from cqar.importer.readers.registry import product_line_of
from cqar.reconciler.config import SECTION, ReconcilerConfig
from cqar.reconciler.kept_rounds import AnswerLost, KeptRounds
from cqar_shared.runtime.config import load

ROUNDS_MAX = 1_000


@contextmanager
def _kept() -> Iterator[KeptRounds]:
    settings = load(ReconcilerConfig, SECTION, os.environ)
    try:
        with KeptRounds.opened(Path(settings.state_folder)) as kept:
            yield kept
    except (AnswerLost, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.group()
def answers() -> None:
    """List and show the answers that are kept. It may run beside the reconciler."""


@answers.command("list")
@click.argument("venue", required=False, default="")
@click.option("--limit", type=click.IntRange(1, ROUNDS_MAX), default=20, show_default=True)
def list_(venue: str, limit: int) -> None:
    """List the newest rounds, of VENUE or of all, with their answers.

    \b
    Example:
      cqar-reconciler answers list kraken --limit 3
    """
    with _kept() as kept:
        for one in kept.rounds(venue, limit):
            at = dt.datetime.fromtimestamp(one.at_s, dt.UTC).isoformat(timespec="seconds")
            click.echo(f"{one.round_id}\t{at}\t{one.venue_id}\t{one.outcome}")
            for answer in kept.answers(one.round_id):
                click.echo(f"\t{answer.sha256}\t{answer.size}\t{answer.request}")


@answers.command()
@click.argument("sha256")
def show(sha256: str) -> None:
    """Print the answer with this hash, as the venue gave it.

    \b
    Example:
      cqar-reconciler answers show 0f3a… > AssetPairs.json
    """
    with _kept() as kept:
        content = kept.content(sha256)
    sys.stdout.buffer.write(content)


@answers.command()
@click.argument("venue")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--round", "round_id", type=int, help="The round's id; default: the newest.")
def replay(venue: str, folder: Path, round_id: int | None) -> None:
    """Write the answers of VENUE's round into FOLDER, and print the command that reads them again.

    \b
    Example:
      cqar-reconciler answers replay kraken ./kraken --round 812
    """
    with _kept() as kept:
        one = kept.round_of(venue, round_id)
        files = kept.export(one, folder)
    line = product_line_of(venue)
    listing = (*line.requests, *line.currency_requests) if line is not None else ()
    words = ["cqar", "import", venue, "--plan"]
    for request, path in files:
        is_price = line is not None and matching(request, listing) is None
        words += ["--prices" if is_price else "--file", f"{request}={path}"]
    at = dt.datetime.fromtimestamp(one.at_s, dt.UTC).isoformat(timespec="seconds")
    click.echo(shlex.join([*words, "--at", at]))
