"""`cqar history`, `cqar audit verify`: who changed what, and that nobody changed it afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.cli.target import Target, override
from cqar.cli.words import out, print_json, table
from cqar.connection import CallFailed, Connection
from cqar.embedded.endpoints import read_endpoints
from shared import history as chains

ROWS_AT_ONCE = 500


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
        entries = list(_entries(connection, _ref(connection, entity)))
    if as_json:
        print_json(
            [
                json_format.MessageToDict(entry, preserving_proto_field_name=True)
                for entry in entries
            ]
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
        for entry in entries
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


def _entries(connection: Connection, ref: apb.EntityRef) -> Any:
    token = ""
    while True:
        request = apb.HistoryRequest(entity=ref, page_token=token)
        answer = connection.call(connection.admin.History, request)
        yield from answer.entries
        token = answer.next_page_token
        if not token:
            return


@click.group()
def audit() -> None:
    """Evidence that the registry's past is as it was written."""


@audit.command()
@click.option("--database-url", default="", help="Instead of the stack's own database.")
@override
def verify(target: Target, database_url: str) -> None:
    """Recompute the hash chain from the first revision; name the first that does not fit.

    The chain is evidence only against whoever cannot rewrite all of it: compare its end with
    what was noted elsewhere.

    \b
    Example: cqar audit verify
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    try:
        count, end = asyncio.run(_verify(url))
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    out.print(f"{count} revisions, none altered. The chain ends in {end.hex()}.")


async def _verify(url: str) -> tuple[int, bytes]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            query = "SELECT sha256(registry_id), chain FROM registry_head"
            ((chain, head),) = await connection.fetch(query)
            count = 0
            query = (
                "SELECT revision, epoch, prev_chain, chain, payload FROM outbox ORDER BY revision"
            )
            async for row in connection.cursor(query, prefetch=ROWS_AT_ONCE):
                found = chains.chain_of(chain, row["epoch"], row["revision"], row["payload"])
                if row["prev_chain"] != chain or row["chain"] != found:
                    text = f"revision {row['epoch']}:{row['revision']} is not as it was written"
                    raise CallFailed(text, "DATA_LOSS")
                chain, count = found, count + 1
        if head != chain:
            text = f"the head is not where the chain ends, after {count} revisions"
            raise CallFailed(text, "DATA_LOSS")
        return count, chain
    finally:
        await connection.close()
