"""Archives entities that have long been over: once an hour, one writer at a time.

Archiving is a mutation like any other: one revision of the history, which every resolver applies.
An archived entity stays in PostgreSQL and is answered from there; a change makes it live again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from typing import Final

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.archive import ARCHIVE, Archive, ArchivedEntity
from cqar_shared.errors import TooLarge
from cqar_shared.replication import positions
from cqar_writer import metrics
from cqar_writer.database import confirmed_commit
from cqar_writer.mutations import Mutations
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import archive_candidates, outbox, writes
from cqar_writer.store.archive_candidates import ArchiveCandidate
from cqar_writer.store.saved_entities import CurrentRow, SavedEntities

log = logging.getLogger(__name__)

ARCHIVE_EVERY_S: Final = 3_600.0
#: Between two revisions, so that other mutations get the write lock.
PAUSE_S: Final = 0.1
ACTOR: Final = "cqar"


class Archiver:
    """Archives candidates in batches.

    Args:
        engine: For finding candidates; they are checked again behind the write lock.
        after: How long an entity must have been over.
    """

    def __init__(self, engine: AsyncEngine, mutations: Mutations, after: dt.timedelta) -> None:
        self._engine = engine
        self._mutations = mutations
        self._after = after

    async def run(self) -> None:
        """Archive all candidates, and again after an hour, until cancelled."""
        while True:
            more = await self.step()
            await asyncio.sleep(PAUSE_S if more else ARCHIVE_EVERY_S)

    async def step(self) -> int:
        """Archive up to 1,000 listings and their symbols; returns the number of entities.

        Candidates that do not fit into one change set wait for the next step.
        """
        before = self._mutations.now() - self._after
        async with self._engine.connect() as tx:
            if not await archive_candidates.try_lock(tx):
                return 0
            candidates = await archive_candidates.find_candidates(tx, before)
            limit_bytes = positions.CHANGE_SET_BYTES_MAX // 2
            while batch := archive_candidates.select_fitting(candidates, limit_bytes):
                try:
                    return await self._archive(batch, before)
                except TooLarge:
                    # The entities compress badly, or have grown since they were read.
                    limit_bytes //= 2
            return 0

    async def _archive(self, candidates: Sequence[ArchiveCandidate], before: dt.datetime) -> int:
        now = self._mutations.now()
        async with self._mutations.write_lock() as (tx, head):
            leaving = await archive_candidates.find_candidates(tx, before, candidates)
            if not leaving:
                return 0
            archive = _archive_of(leaving, now)
            row = _build_revision(head, leaving, archive, self._reason(), now)
            entities = _saved_entities(leaving, archive, row.revision)
            await writes.save(tx, ARCHIVE, [archive])
            row = await self._mutations.sign(tx, head, row)
            await outbox.advance(tx, row, head, entities)
            await confirmed_commit.commit(tx)
            self._mutations.notify_committed(row, head)
        for candidate in leaving:
            metrics.ARCHIVED.labels(candidate.kind).inc()
        log.info("revision %d: %d entities are archived", row.revision, len(leaving))
        return len(leaving)

    def _reason(self) -> str:
        return f"archived: delisted or expired {self._after.days} days ago or more"


def _archive_of(leaving: Sequence[ArchiveCandidate], now: dt.datetime) -> Archive:
    entities = tuple(
        ArchivedEntity(
            kind=candidate.kind,
            key=candidate.key,
            venue_id=candidate.venue_id or None,
            venue_symbol=candidate.venue_symbol or None,
        )
        for candidate in leaving
    )
    return Archive(archive_id=str(uuid.uuid4()), archived_at=now, entities=entities)


def _build_revision(
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
    for candidate in leaving:
        change_set.changes.add(
            kind=candidate.kind, key=candidate.key, entity=candidate.payload, archived=True
        )
        set_hash -= positions.hash_of(candidate.kind, candidate.key, candidate.payload)
    payload = entity_codec.encode(ARCHIVE, archive)
    change_set.changes.add(kind=ARCHIVE.name, key=archive.archive_id, entity=payload)
    set_hash += positions.hash_of(ARCHIVE.name, archive.archive_id, payload)
    live = head.live_count - len(leaving) + 1
    return revision_rows.build_revision(
        head, change_set, replication_pb2.DomainEvents(), live, set_hash, now
    )


def _saved_entities(
    leaving: Sequence[ArchiveCandidate], archive: Archive, revision: int
) -> SavedEntities:
    rows = [
        CurrentRow(
            candidate.kind, candidate.key, revision, candidate.payload, deleted=False, archived=True
        )
        for candidate in leaving
    ]
    payload = entity_codec.encode(ARCHIVE, archive)
    rows.append(
        CurrentRow(
            *(ARCHIVE.name, archive.archive_id, revision, payload), deleted=False, archived=False
        )
    )
    return SavedEntities(rows)
