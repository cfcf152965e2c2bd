"""Fills an empty, migrated database with a synthetic market: straight, and as the writer would."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import asyncpg

from bench.registry.copying import copy_revision, copy_tables, drop_exclusions
from bench.registry.market import Market
from bench.registry.revisions import ENTITIES_A_REVISION, Change, sealed
from cqar_shared.codec import entity_codec
from cqar_shared.sql.postgres import make_engine
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.store import entity_rows

#: Told how many listings' worth is written.
Told = Callable[[int], None]


async def fill(
    url: str, market: Market, at: dt.datetime, *, tables: bool, told: Told = lambda _: None
) -> HeadRow:
    """Write the market as revisions after the head that is there; returns the head.

    Args:
        tables: Whether what the writer reads is written too. Resolvers read `current` alone; at
            a million listings the rest takes four times as long.
        told: Called after each revision with how many entities are written.
    """
    head = await head_of(url)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            # What refers to what is right by construction; a test compares all of it.
            await connection.execute("SET LOCAL session_replication_role = replica")
            again = await drop_exclusions(connection) if tables else []
            written = 0
            for changes in _batches(market):
                row, head = sealed(head, changes, at)
                await copy_revision(connection, row, changes)
                if tables:
                    await copy_tables(connection, changes)
                written += len(changes)
                told(written)
            for statement in again:
                await connection.execute(statement)
            await save_head(connection, head)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
    return head


def _batches(market: Market) -> Iterator[list[Change]]:
    entities = market.entities()
    while some := list(islice(entities, ENTITIES_A_REVISION)):
        yield [
            Change(kind, kind.key_of(entity), entity, b"", entity_codec.encode(kind, entity))
            for kind, entity in some
        ]


async def head_of(url: str) -> HeadRow:
    engine = make_engine(url, connections_max=1, application="cqar-bench")
    try:
        async with engine.connect() as tx:
            return await entity_rows.read_head(tx)
    finally:
        await engine.dispose()


async def save_head(connection: Any, head: HeadRow) -> None:
    statement = "UPDATE registry_head SET revision = $1, chain = $2, live_count = $3, set_hash = $4"
    values = (head.revision, head.chain, head.live_count, head.set_hash)
    await connection.execute(statement, *values)
