"""`cqar audit verify`: evidence that nobody changed the registry's past afterwards."""

from __future__ import annotations

import asyncio

import asyncpg
import click

from cqar.audit import Broken, verified
from cqar.cli.target import Target, override
from cqar.cli.words import say
from cqar.connection import CallFailed
from cqar.embedded.endpoints import read_endpoints
from cqar.position import Position as PositionText
from shared.history import Position


def _and_noted(noted: list[Position]) -> str:
    return f" It went through all {len(noted)} that were noted." if noted else ""


def _noted(text: str) -> Position:
    """EPOCH:REVISION:CHAIN as writers log it."""
    position, _, chain = text.rpartition(":")
    try:
        return Position(*PositionText.parse(position), bytes.fromhex(chain))
    except ValueError as error:
        message = f"{text!r} is no EPOCH:REVISION:CHAIN as a writer's log has it: {error}"
        raise click.BadParameter(message) from None


@click.group()
def audit() -> None:
    """Evidence that the registry's past is as it was written."""


@audit.command()
@click.option("--database-url", default="", help="Instead of the stack's own database.")
@click.option(
    "--noted",
    multiple=True,
    metavar="EPOCH:REVISION:CHAIN",
    callback=lambda _, __, given: [_noted(text) for text in given],
    help="Where the chain was, by a writer's log of then; may be given several times.",
)
@override
def verify(target: Target, database_url: str, noted: list[Position]) -> None:
    """Recompute the hash chain from the first revision; name the first that does not fit.

    Also compared: what everybody reads, with what the revisions made of it, and the index of
    each entity's history. Domain events are not part of the chain. The chain is evidence only
    against whoever cannot rewrite all of it: writers log once an hour where it is ("the chain is
    at …"), and --noted compares with what such a line of the past says.

    \b
    Example: cqar audit verify --noted "$(cat noted)"
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    try:
        found = asyncio.run(verified(url, noted))
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    except Broken as error:
        raise CallFailed(str(error), "DATA_LOSS") from error
    say(
        f"{found.revisions} revisions, none altered; {found.entities} entities are as they say."
        f" The chain ends in {found.chain.hex()}.{_and_noted(noted)}"
    )
