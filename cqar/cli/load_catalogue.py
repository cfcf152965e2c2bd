"""`cqar catalogue`: the facts that come with CQAR."""

from __future__ import annotations

import datetime as dt

import click

from cqar import catalogue as bundled
from cqar.cli.output import to_stderr
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target


@click.group()
def catalogue() -> None:
    """The facts that come with CQAR: assets, chains, venues, well-known symbols."""


@catalogue.command()
@click.option("--no-listings", is_flag=True, help="Assets, chains and venues only.")
@with_target
def load(target: Target, *, no_listings: bool) -> None:
    """Add what the registry lacks of the catalogue; change nothing that is there.

    \b
    Example: cqar catalogue load
    """
    with target.to_writer() as connection, progress_bar("catalogue") as progress:
        now = dt.datetime.now(dt.UTC)
        sent = bundled.load(connection, now, progress, listings=not no_listings)
    for rejected in sent.rejected:
        to_stderr(f"rejected {rejected.spelling}: {rejected.reason}")
    to_stderr(
        f"{sent.created} added, {sent.unchanged} there already, {len(sent.rejected)} rejected"
    )
    if sent.rejected:
        raise click.exceptions.Exit(1)
