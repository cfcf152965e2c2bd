"""`cqar catalogue`: the facts that come with CQAR."""

from __future__ import annotations

import datetime as dt

import click

from cqar import catalogue as bundled
from cqar.cli.exit_codes import REFUSED
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.output import to_stderr
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target


@click.group(cls=GroupedGroup)
def catalogue() -> None:
    """The facts that come with CQAR: assets, chains, venues, well-known symbols.

    \b
    Example: cqar catalogue load
    """


@catalogue.command()
@click.option("--no-listings", is_flag=True, help="Load assets, chains and venues only.")
@with_target
def load(target: Target, *, no_listings: bool) -> None:
    """Add what the registry lacks of the catalogue; what it states stays, and is added to.

    \b
    Example: cqar catalogue load
    """
    with target.to_writer() as connection, progress_bar("catalogue") as progress:
        now = dt.datetime.now(dt.UTC)
        result = bundled.load(connection, now, progress, listings=not no_listings)
    for rejected in result.rejected:
        to_stderr(f"rejected {rejected.spelling}: {rejected.reason}")
    counts = f"{result.created} added, {result.updated} updated, {result.unchanged} already there"
    to_stderr(f"{counts}, {len(result.rejected)} rejected")
    if result.rejected:
        raise click.exceptions.Exit(REFUSED)
