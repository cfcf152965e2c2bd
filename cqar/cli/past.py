"""`cqar history`, `cqar audit verify`: who changed what, and that nobody changed it afterwards."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.audit import HISTORY, Broken, verified
from cqar.cli.entries import entries
from cqar.cli.key_audit import keys
from cqar.cli.progress import bar
from cqar.cli.target import Target, override
from cqar.cli.words import out, print_json, table
from cqar.connection import CallFailed, Connection
from cqar.embedded.endpoints import read_endpoints
from cqar.position import Position as PositionText
from shared.history import Position


@click.command()
@click.argument("entity")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@override
def history(target: Target, entity: str, *, as_json: bool) -> None:
    """What became of ENTITY, newest first: when, by whom, why, and which fields.

    ENTITY is a venue's spelling, or KIND:KEY.

    \b
    Examples:
      cqar history binance/BTCUSDT
      cqar history venue:binance
    """
    with target.to_writer() as connection:
        found = list(entries(connection, _ref(connection, entity)))
    if as_json:
        print_json(
            [json_format.MessageToDict(entry, preserving_proto_field_name=True) for entry in found]
        )
        return
    rows = [
        (
            f"{entry.epoch}:{entry.revision}",
            entry.committed_at.ToJsonString(),
            entry.actor,
            entry.reason,
            "\n".join(f"{d.field}: {d.before} → {d.after}" for d in entry.differences),
        )
        for entry in found
    ]
    table(f"{entity}: {len(rows)} changes", ("revision", "when", "who", "why", "what"), rows)


def _ref(connection: Connection, entity: str) -> apb.EntityRef:
    kind, colon, key = entity.partition(":")
    venue, slash, spelling = entity.partition("/")
    if colon and "/" not in kind:
        return apb.EntityRef(kind=kind, key=key)
    if not slash:
        raise click.UsageError("name it as VENUE/SPELLING, such as binance/BTCUSDT, or KIND:KEY")
    request = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
    answer = connection.call(connection.registry.GetVenueSymbol, request)
    return apb.EntityRef(kind="venue_symbol", key=answer.venue_symbol.listing_id)


def _and_noted(noted: list[Position]) -> str:
    return f" It went through all {len(noted)} that were noted." if noted else ""


def _noted(text: str) -> Position:
    """EPOCH:REVISION:CHAIN as writers log it."""
    try:
        epoch, revision, chain = text.split(":")
        return Position(*PositionText.parse(f"{epoch}:{revision}"), bytes.fromhex(chain))
    except ValueError:
        message = f"{text!r} is no EPOCH:REVISION:CHAIN as a writer's log has it"
        raise click.BadParameter(message) from None


@click.group()
def audit() -> None:
    """Evidence that the registry's past is as it was written."""


audit.add_command(keys)


@audit.command()
@click.option("--database-url", default="", help="Instead of the stack's own database.")
@click.option(
    "--noted",
    multiple=True,
    metavar="EPOCH:REVISION:CHAIN",
    callback=lambda _, __, given: [_noted(text) for text in given],
    help="Where the chain was, by a writer's log of then; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@override
def verify(target: Target, database_url: str, noted: list[Position], *, as_json: bool) -> None:
    """Replay every change set from the first on; name the first thing that does not fit.

    Compared with what comes of them, in one view of PostgreSQL: the head, each revision with its
    chain and domain events, `current`, every table that is searched, listed or looked up, listings'
    terms, and the index of each entity's history. Takes a temporary file of the registry's size
    and some 200 MiB of memory.

    The chain is evidence only against whoever cannot rewrite all of it: writers log once an hour
    where it is ("the chain is at …"), and --noted compares with what such a line of the past says.

    Exit codes: 0 nothing was altered, 1 something was, or PostgreSQL does not answer.

    \b
    Example: cqar audit verify --noted "$(cat noted)"
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    try:
        with bar("verifying") as advance:
            found = asyncio.run(verified(url, noted, lambda _, done, total: advance(done, total)))
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    except Broken as error:
        if as_json:
            print_json(_altered(error))
        raise CallFailed(_told(error), "DATA_LOSS") from error
    if as_json:
        print_json({"whole": True, **found._asdict(), "chain": found.chain.hex()})
        return
    out.print(
        f"{found.revisions} revisions, none altered; {found.entities} entities are as they say,"
        f" in every table. The chain ends in {found.chain.hex()}.{_and_noted(noted)}",
        soft_wrap=True,
    )


def _altered(error: Broken) -> dict[str, Any]:
    differences = error.differences
    counts = [{"table": t, "what": w, "count": n} for (t, w), n in differences.counts.items()]
    return {
        "whole": False,
        "first": error.first._asdict(),
        "differences": counts,
        "looked_at_everything": differences.is_all,
    }


def _told(error: Broken) -> str:
    """What was found, and what to do about it."""
    differences = error.differences
    counts = ", ".join(f"{t}.{w}: {n}" for (t, w), n in differences.counts.most_common())
    more = "" if differences.is_all else "; it looked no further"
    is_past = any(table in HISTORY for table, _ in differences.counts)
    advice = _PAST_ALTERED if is_past else _PRESENT_ALTERED
    return f"{error}\nIn all: {counts}{more}.\n{advice}"


_FIRST: Final = "Stop the writers, and keep this database as it is for whoever looks into it."
_PAST_ALTERED: Final = (
    f"{_FIRST} The history itself is not as it was written: restore a backup that verifies, and"
    " that went through what was noted outside (docs/OPERATIONS.md, Backup and restore)."
)
_PRESENT_ALTERED: Final = (
    f"{_FIRST} The history is whole, and what is read was altered behind it: change whose passwords"
    " may write there, and restore a backup that verifies (docs/OPERATIONS.md, Backup and restore)."
)
