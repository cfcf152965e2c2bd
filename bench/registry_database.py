"""Writes a market into PostgreSQL as revisions, and a burst of changes to it.

It uses the writer's own statements but none of its rules: what is written is right by construction.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.market import Market
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol
from cqar_shared.replication import positions
from cqar_shared.sql.postgres import make_engine
from cqar_writer.protocol import revision_rows
from cqar_writer.store import head_rows, outbox, writes
from cqar_writer.store.saved_entities import CurrentRow, SavedEntities

#: A change set may have 900 KiB; compressed, so many listings have some 400.
ENTITIES_PER_REVISION: Final = 4_000
_EXCLUSIONS: Final = sa.text(
    "SELECT conrelid::regclass::text AS owner, conname AS name,"
    " pg_get_constraintdef(oid) AS definition FROM pg_constraint"
    " WHERE contype = 'x' AND connamespace = 'public'::regnamespace"
)
_LISTINGS: Final = sa.text(
    "SELECT payload FROM current WHERE kind = 'venue_symbol' AND NOT deleted ORDER BY key"
)
_OTHER_STATUS: Final = {
    MarketStatusCode.ONLINE: MarketStatusCode.POST_ONLY,
    MarketStatusCode.POST_ONLY: MarketStatusCode.ONLINE,
}


class Change(NamedTuple):
    """An entity as it becomes.

    Attributes:
        before: Its payload until now; empty where the entity is new.
    """

    kind: AnyKind
    entity: Entity
    before: bytes = b""


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(url, connections_max=1, application="cqar-bench")
    try:
        yield engine
    finally:
        await engine.dispose()


async def fill(url: str, market: Market, *, tables: bool) -> None:
    """Write the market into an empty, migrated database.

    Args:
        tables: Whether the tables that the writer reads are filled too. Resolvers read `current`
            alone; at a million listings the rest takes four times as long.
    """
    entities = market.entities()
    async with connect(url) as engine:
        async with engine.begin() as tx:
            # References are right by construction; a test compares all of them.
            await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
            # Checked row by row the exclusions take most of the time; once, at the end, little.
            exclusions = (await tx.execute(_EXCLUSIONS)).all() if tables else []
            for owner, name, _ in exclusions:
                await tx.execute(sa.text(f"ALTER TABLE {owner} DROP CONSTRAINT {name}"))
            await tx.execute(sa.text(f"SELECT {head_rows.PLAN_ONCE}"))
            while batch := list(islice(entities, ENTITIES_PER_REVISION)):
                changes = [Change(kind, entity) for kind, entity in batch]
                await commit_revision(tx, changes, market.now, tables=tables)
            for owner, name, definition in exclusions:
                await tx.execute(sa.text(f"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition}"))
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.text("VACUUM (ANALYZE)"))


async def commit_revision(
    tx: AsyncConnection, changes: Sequence[Change], now: dt.datetime, *, tables: bool
) -> int:
    """Make the changes the next revision, and return its number.

    It announces no events: a writer that starts would publish a million of them.
    """
    head = await head_rows.read_head(tx)
    revision, live = head.revision + 1, head.live_count
    change_set = replication_pb2.ChangeSet(epoch=head.epoch, revision=revision, actor="bench")
    change_set.committed_at.FromDatetime(now)
    set_hash = positions.set_hash_from(head.set_hash)
    current: list[CurrentRow] = []
    by_kind: defaultdict[str, list[Entity]] = defaultdict(list)
    for kind, entity, before in changes:
        key, payload = kind.key_of(entity), entity_codec.encode(kind, entity)
        change_set.changes.add(kind=kind.name, key=key, entity=payload)
        set_hash += positions.hash_of(kind.name, key, payload)
        set_hash -= positions.hash_of(kind.name, key, before) if before else 0
        live += not before
        current.append(CurrentRow(kind.name, key, revision, payload, deleted=False, archived=False))
        by_kind[kind.name].append(entity)
    no_events = replication_pb2.DomainEvents()
    row = revision_rows.build_revision(head, change_set, no_events, live, set_hash, now)
    if tables:
        for name, entities in by_kind.items():
            await writes.save(tx, KIND_BY_NAME[name], entities)
    await outbox.advance(tx, row, head, SavedEntities(current))
    return revision


class Burst(NamedTuple):
    """Changes, a revision each list, and the last of these revisions."""

    revisions: list[list[Change]]
    last_revision: int


async def prepare_burst(url: str, size: int) -> Burst:
    """Change the status of so many listings, but commit nothing yet.

    Raises:
        ValueError: fewer listings trade.
    """
    changes: list[Change] = []
    async with connect(url) as engine, engine.connect() as tx:
        head = await head_rows.read_head(tx)
        async with tx.stream_scalars(_LISTINGS) as payloads:
            async for payload in payloads:
                listing: VenueSymbol = entity_codec.decode(VENUE_SYMBOL, payload)
                status = _OTHER_STATUS.get(listing.status or MarketStatusCode.DELISTED)
                if status is not None and not listing.alias_of:
                    after = msgspec.structs.replace(listing, status=status)
                    changes.append(Change(VENUE_SYMBOL, after, payload))
                if len(changes) == size:
                    break
    if len(changes) < size:
        raise ValueError(f"{size} changes, but only {len(changes)} listings trade")
    starts = range(0, size, ENTITIES_PER_REVISION)
    revisions = [changes[start : start + ENTITIES_PER_REVISION] for start in starts]
    return Burst(revisions, head.revision + len(revisions))


async def commit_burst(url: str, burst: Burst) -> None:
    """Commit all of it in one transaction, as resolvers would receive a large import."""
    now = dt.datetime.now(dt.UTC)
    async with connect(url) as engine, engine.begin() as tx:
        for changes in burst.revisions:
            await commit_revision(tx, changes, now, tables=True)
