"""The outbox in SQL: all change sets, in order; each function needs an open transaction."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kind import Ref
from shared.schema import entity_revisions, outbox, registry_head

#: Wakes every writer's relay; the payload is empty, since the relay looks for itself.
CHANNEL: Final = "cqar_outbox"
#: 10,000,000 revisions: at 1,500 commits/s, the most this design makes, nearly two hours.
#: The relay's leader looks ahead every few minutes.
PARTITION_REVISIONS: Final = 10_000_000


class OutboxRow(NamedTuple):
    revision: int
    epoch: int
    prev_chain: bytes
    chain: bytes
    is_reset: bool
    live_count: int
    set_hash: bytes
    payload: bytes
    events: bytes
    committed_at: dt.datetime


async def advance(tx: AsyncConnection, row: OutboxRow, database: tuple[int, int]) -> None:
    """Append a revision to the outbox, move the head to it and wake the relays."""
    await tx.execute(sa.insert(outbox).values(row._asdict()))
    await tx.execute(
        sa.update(registry_head).values(
            epoch=row.epoch,
            revision=row.revision,
            chain=row.chain,
            live_count=row.live_count,
            set_hash=row.set_hash,
            system_identifier=database[0],
            timeline_id=database[1],
        )
    )
    await tx.execute(sa.text(f"NOTIFY {CHANNEL}"))


async def rows_of(tx: AsyncConnection, ref: Ref, before: int | None, most: int) -> list[OutboxRow]:
    """The newest `most` outbox rows that changed an entity, before a revision if given."""
    table = entity_revisions
    columns = [outbox.c[name] for name in OutboxRow._fields]
    query = (
        sa.select(*columns)
        .join(table, table.c.revision == outbox.c.revision)
        .where(table.c.kind == ref[0], table.c.key == ref[1])
    )
    if before is not None:
        query = query.where(table.c.revision < before)
    rows = await tx.execute(query.order_by(table.c.revision.desc()).limit(most))
    return [OutboxRow(*row) for row in rows]


async def rows_after(tx: AsyncConnection, revision: int, most: int) -> list[OutboxRow]:
    """Up to `most` rows after `revision`, in order."""
    columns = [outbox.c[name] for name in OutboxRow._fields]
    query = sa.select(*columns).where(outbox.c.revision > revision)
    rows = await tx.execute(query.order_by(outbox.c.revision).limit(most))
    return [OutboxRow(*row) for row in rows]


async def newest_older_than(tx: AsyncConnection, age_s: float) -> tuple[int, int] | None:
    """(epoch, revision) of the newest change set that was committed longer ago than this."""
    query = sa.select(outbox.c.epoch, outbox.c.revision).where(
        outbox.c.committed_at < sa.func.now() - dt.timedelta(seconds=age_s)
    )
    row = (await tx.execute(query.order_by(outbox.c.revision.desc()).limit(1))).first()
    return None if row is None else (row.epoch, row.revision)


async def ensure_partitions(tx: AsyncConnection, revision: int) -> None:
    """Make the outbox's partitions for this revision and the ten million after it."""
    for place in (revision // PARTITION_REVISIONS, revision // PARTITION_REVISIONS + 1):
        first = place * PARTITION_REVISIONS
        await tx.execute(
            sa.text(
                f"CREATE TABLE IF NOT EXISTS outbox_p{place} PARTITION OF outbox"
                f" FOR VALUES FROM ({first}) TO ({first + PARTITION_REVISIONS})"
            )
        )
