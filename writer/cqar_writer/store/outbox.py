"""The outbox in SQL: all change sets, in order. Each function needs an open transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import Ref
from cqar_shared.replication.positions import Term
from cqar_shared.sql import direct_statement
from cqar_shared.sql.schema import entity_revisions, outbox
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store.saved_entities import SAVE_CURRENT, SAVE_TERMS, SavedEntities

#: NOTIFY channel that wakes every writer's relays; the payload is EPOCH:REVISION.
CHANNEL: Final = "cqar_outbox"


#: Appends a revision, moves the head and wakes the relays; other parts may go before it.
_ADVANCE: Final = (
    f"appended AS (INSERT INTO outbox ({', '.join(OutboxRow._fields)})"  # noqa: S608
    f" VALUES ({', '.join(f':{name}' for name in OutboxRow._fields)})),"
    " moved AS (UPDATE registry_head SET epoch = :epoch, revision = :revision, chain = :chain,"
    " live_count = :live_count, set_hash = :set_hash, chain_version = :chain_version,"
    " signature = :signature, signing_key_id = :signing_key_id,"
    " system_identifier = :system_identifier, timeline_id = :timeline_id,"
    " promoted_at_us = :promoted_at_us)"
    f" SELECT pg_notify('{CHANNEL}', :position)"
)
_ADVANCE_TYPES: Final = (
    *(sa.bindparam(name, type_=outbox.c[name].type) for name in OutboxRow._fields),
    sa.bindparam("system_identifier", type_=sa.BigInteger),
    sa.bindparam("timeline_id", type_=sa.BigInteger),
    sa.bindparam("promoted_at_us", type_=sa.BigInteger),
    sa.bindparam("position", type_=sa.Text),
)
_ADVANCE_ALONE: Final = sa.text(f"WITH {_ADVANCE}").bindparams(*_ADVANCE_TYPES)
_ADVANCE_WITH_ENTITIES: Final = sa.text(
    f"WITH {SAVE_CURRENT}, {SAVE_TERMS}, {_ADVANCE}"
).bindparams(*_ADVANCE_TYPES)


def term_after(row: OutboxRow, head: HeadRow) -> Term:
    """Return the database's term after `row` was appended to `head`."""
    promoted_at_us = head.promoted_at_us
    if head.database_changed:
        promoted_at_us = max(promoted_at_us + 1, int(row.committed_at.timestamp() * 1_000_000))
    return Term(promoted_at_us, head.found_timeline_id)


async def advance(
    tx: AsyncConnection, row: OutboxRow, head: HeadRow, entities: SavedEntities | None = None
) -> None:
    """Append a revision to the outbox, move the head to it and wake the relays.

    Args:
        head: The locked head. If the server is not the one that it names, the server is noted.
        entities: What the revision changes; the rows of the kinds' tables are saved by now.
    """
    there = {
        "system_identifier": head.found_system_identifier,
        "timeline_id": head.found_timeline_id,
        "promoted_at_us": term_after(row, head).promoted_at_us,
    }
    position = f"{row.epoch}:{row.revision}"
    given = {**row._asdict(), **there, "position": position}
    if entities is None:
        await direct_statement.fetch(tx, _ADVANCE_ALONE, given)
    else:
        statement = _ADVANCE_WITH_ENTITIES
        await direct_statement.fetch(tx, statement, {**given, **entities.parameters()})


async def payloads_of(tx: AsyncConnection, ref: Ref, before: int | None, limit: int) -> list[bytes]:
    """Return the newest `limit` packed change sets of an entity, before a revision if given."""
    table = entity_revisions
    query = (
        sa.select(outbox.c.payload)
        .join(table, table.c.revision == outbox.c.revision)
        .where(table.c.kind == ref[0], table.c.key == ref[1])
    )
    if before is not None:
        query = query.where(table.c.revision < before)
    return list((await tx.execute(query.order_by(table.c.revision.desc()).limit(limit))).scalars())


async def payloads_at(tx: AsyncConnection, revisions: Sequence[int]) -> list[bytes]:
    """Return the packed change sets of revisions that exist, in their order."""
    query = sa.select(outbox.c.payload).where(outbox.c.revision.in_(revisions))
    return list((await tx.execute(query.order_by(outbox.c.revision))).scalars())


_LAST_CHANGES: Final = sa.text(
    "SELECT e.kind, e.key, max(e.revision) FROM entity_revisions e"
    " JOIN unnest(CAST(:kinds AS text[]), CAST(:keys AS text[])) AS w(kind, key)"
    " ON e.kind = w.kind AND e.key = w.key WHERE e.revision < :before GROUP BY e.kind, e.key"
)


async def last_changes(tx: AsyncConnection, refs: Sequence[Ref], before: int) -> dict[Ref, int]:
    """Return the last revision before another one that changed each of these entities."""
    kinds, keys = [kind for kind, _ in refs], [key for _, key in refs]
    rows = await tx.execute(_LAST_CHANGES, {"kinds": kinds, "keys": keys, "before": before})
    return {(kind, key): revision for kind, key, revision in rows}


_ROWS_AFTER: Final = (
    sa.select(*(outbox.c[name] for name in OutboxRow._fields))
    .where(outbox.c.revision > sa.bindparam("after"))
    .order_by(outbox.c.revision)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


async def rows_after(tx: AsyncConnection, revision: int, limit: int) -> list[OutboxRow]:
    """Return up to `limit` rows after `revision`, in order."""
    rows = await direct_statement.fetch(tx, _ROWS_AFTER, {"after": revision, "limit": limit})
    return [OutboxRow(*row) for row in rows]


_ROWS_BEFORE: Final = (
    sa.select(*(outbox.c[name] for name in OutboxRow._fields))
    .where(outbox.c.revision < sa.bindparam("before"))
    .order_by(outbox.c.revision.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


async def rows_before(tx: AsyncConnection, revision: int, limit: int) -> list[OutboxRow]:
    """Return up to `limit` rows before `revision`, the newest first."""
    rows = await tx.execute(_ROWS_BEFORE, {"before": revision, "limit": limit})
    return [OutboxRow(*row) for row in rows]


_COMMITTED_AT: Final = (
    sa.select(outbox.c.revision, outbox.c.committed_at)
    .where(outbox.c.revision <= sa.bindparam("revision"))
    .order_by(outbox.c.revision.desc())
    .limit(1)
)


async def newest_by(tx: AsyncConnection, head: int, instant: dt.datetime) -> int:
    """Return the newest revision that was committed by an instant, or 0.

    It is found by halving: revisions are committed in their order, and have an index. Where a
    clock was set back, one near it is returned.
    """
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        row = (await tx.execute(_COMMITTED_AT, {"revision": middle})).first()
        if row is None or row.committed_at <= instant:
            low = middle
        else:
            high = row.revision - 1
    row = (await tx.execute(_COMMITTED_AT, {"revision": low})).first()
    return row.revision if row is not None and row.committed_at <= instant else 0


_CHAIN_AT: Final = sa.select(outbox.c.chain).where(outbox.c.revision == sa.bindparam("revision"))


async def chain_at(tx: AsyncConnection, revision: int) -> bytes | None:
    """Return a revision's chain; None if the history has no such revision."""
    return (await tx.execute(_CHAIN_AT, {"revision": revision})).scalar_one_or_none()


async def newest_older_than(tx: AsyncConnection, age_s: float) -> tuple[int, int] | None:
    """Return (epoch, revision) of the newest change set committed more than `age_s` ago."""
    query = sa.select(outbox.c.epoch, outbox.c.revision).where(
        outbox.c.committed_at < sa.func.now() - dt.timedelta(seconds=age_s)
    )
    row = (await tx.execute(query.order_by(outbox.c.revision.desc()).limit(1))).first()
    return None if row is None else (row.epoch, row.revision)


_MAKE_PARTITIONS: Final = sa.text("SELECT make_outbox_partitions(:revision)").bindparams(
    sa.bindparam("revision", type_=sa.BigInteger)
)


async def ensure_partitions(tx: AsyncConnection, revision: int) -> None:
    """Create the outbox's partitions for this revision and the ten million after it."""
    # A function with its owner's rights does so: a writer may not create tables.
    await tx.execute(_MAKE_PARTITIONS, {"revision": revision})
