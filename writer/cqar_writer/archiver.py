"""Takes what is long over out of snapshots: once an hour, one writer at a time.

It is a mutation like any other: one revision of the history, which every resolver applies. What is
archived stays in PostgreSQL and is answered from there; whoever changes it makes it live again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from typing import Final

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.archive import ARCHIVE, Archive, ArchivedEntity
from cqar_shared.errors import TooLarge
from cqar_shared.replication import positions
from cqar_writer import metrics
from cqar_writer.database import confirmed_commit
from cqar_writer.mutations.pipeline import Mutations
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import archive_candidates, outbox, writes
from cqar_writer.store.archive_candidates import ArchiveCandidate
from cqar_writer.store.writes import CurrentRow

log = logging.getLogger(__name__)

ARCHIVE_EVERY_S: Final = 3_600.0
#: Between two mutations, others have their turn.
PAUSE_S: Final = 0.1
ACTOR: Final = "cqar"


class Archiving:
    """Archives by and by.

    Args:
        engine: For looking: what is found is looked at again behind the head's lock.
        after: How long something has been over.
    """

    def __init__(self, engine: AsyncEngine, mutations: Mutations, after: dt.timedelta) -> None:
        self._engine = engine
        self._mutations = mutations
        self._after = after

    async def run(self) -> None:
        """Archive all there is, and again after an hour, until cancelled."""
        while True:
            more = await self.step()
            await asyncio.sleep(PAUSE_S if more else ARCHIVE_EVERY_S)

    async def step(self) -> int:
        """Archive up to 1,000 listings and their symbols; returns how many entities it were.

        What is too large for one change set waits for the next.
        """
        before = self._mutations.now() - self._after
        async with self._engine.connect() as tx:
            if not await archive_candidates.try_turn(tx):
                return 0
            found = await archive_candidates.over(tx, before)
            most_bytes = positions.CHANGE_SET_BYTES_MAX // 2
            while some := archive_candidates.fitting(found, most_bytes):
                try:
                    return await self._archive(some, before)
                except TooLarge:
                    # What packs badly, or has grown since it was looked at.
                    most_bytes //= 2
            return 0

    async def _archive(self, found: Sequence[ArchiveCandidate], before: dt.datetime) -> int:
        now = self._mutations.now()
        async with self._mutations.turn() as (tx, head):
            leaving = await archive_candidates.over(tx, before, found)
            if not leaving:
                return 0
            archive = _archive_of(leaving, now)
            row = _revision(head, leaving, archive, self._reason(), now)
            await _write(tx, leaving, archive, row.revision)
            row = await self._mutations.signed(tx, head, row)
            await outbox.advance(tx, row, head)
            await confirmed_commit.commit(tx)
            self._mutations.note(row, head)
        for one in leaving:
            metrics.ARCHIVED.labels(one.kind).inc()
        log.info("revision %d: %d entities are archived", row.revision, len(leaving))
        return len(leaving)

    def _reason(self) -> str:
        return f"archived: delisted or expired {self._after.days} days ago or more"


def _archive_of(leaving: Sequence[ArchiveCandidate], now: dt.datetime) -> Archive:
    entities = tuple(
        ArchivedEntity(
            kind=one.kind,
            key=one.key,
            venue_id=one.venue_id or None,
            venue_symbol=one.venue_symbol or None,
        )
        for one in leaving
    )
    return Archive(archive_id=str(uuid.uuid4()), archived_at=now, entities=entities)


def _revision(
    head: HeadRow,
    leaving: Sequence[ArchiveCandidate],
    archive: Archive,
    reason: str,
    now: dt.datetime,
) -> OutboxRow:
    change_set = replication_pb2.ChangeSet(
        epoch=head.epoch, revision=head.revision + 1, actor=ACTOR, reason=reason
    )
    change_set.committed_at.FromDatetime(now)
    set_hash = positions.set_hash_from(head.set_hash)
    for one in leaving:
        change_set.changes.add(kind=one.kind, key=one.key, entity=one.payload, archived=True)
        set_hash -= positions.hash_of(one.kind, one.key, one.payload)
    payload = entity_codec.encode(ARCHIVE, archive)
    change_set.changes.add(kind=ARCHIVE.name, key=archive.archive_id, entity=payload)
    set_hash += positions.hash_of(ARCHIVE.name, archive.archive_id, payload)
    live = head.live_count - len(leaving) + 1
    return revision_rows.sealed(
        head, change_set, replication_pb2.DomainEvents(), live, set_hash, now
    )


async def _write(
    tx: AsyncConnection, leaving: Sequence[ArchiveCandidate], archive: Archive, revision: int
) -> None:
    rows = [
        CurrentRow(one.kind, one.key, revision, one.payload, deleted=False, archived=True)
        for one in leaving
    ]
    payload = entity_codec.encode(ARCHIVE, archive)
    rows.append(
        CurrentRow(
            *(ARCHIVE.name, archive.archive_id, revision, payload), deleted=False, archived=False
        )
    )
    await writes.plan_bulk_write(tx, len(rows))
    await writes.save(tx, ARCHIVE, [archive])
    await writes.save_current(tx, rows)
