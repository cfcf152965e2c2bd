"""Answers resolvers that claim that the database lost what they served.

A resolver may only read, so it cannot begin an epoch itself. The writer does not believe a claim:
it checks its own history, and limits how often and how far beyond the head an epoch may begin.
"""

from __future__ import annotations

import logging
import time

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.database.fencing import Fencing
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.protocol import epoch_rules
from cqar_writer.protocol.epoch_rules import BUMPS_APART_S
from cqar_writer.protocol.log_rows import head_message
from cqar_writer.store import outbox

log = logging.getLogger(__name__)


class EpochBumpResponder:
    """Checks claims, and begins an epoch for one that is true.

    Args:
        fencing: Asks other writers about a later database that a claim names.
        database: Judges the server behind `engine`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        mutations: Mutations,
        head_reader: HeadReader,
        fencing: Fencing,
        database: PrimaryDatabase,
    ) -> None:
        self._engine = engine
        self._fencing = fencing
        self._database = database
        self._mutations = mutations
        self._head_reader = head_reader
        self._bumped_at = -BUMPS_APART_S

    async def answer(self, request: bytes) -> bytes:
        """Answer a resolver that holds what the database that it read does not."""
        claim = replication_pb2.EpochBumpRequest.FromString(request)
        bumped = False
        head = await self._head_reader.confirmed()
        await self._fencing.heed(head, claim.held, claim.found)
        if await self._lost(claim.held) and self._may_bump():
            held = claim.held
            bumped = await self._mutations.bump_epoch(head.epoch, held.epoch, held.revision)
            head = await self._head_reader.confirmed()
        answer = replication_pb2.EpochBumpResponse(head=head_message(head), bumped=bumped)
        return answer.SerializeToString()

    async def _lost(self, held: replication_pb2.Head) -> bool:
        """Whether the history no longer includes what a resolver holds."""
        claimed = LogPosition(held.epoch, held.revision, held.chain)
        async with self._engine.connect() as tx:
            head = await self._database.head(tx)
            position = position_of(head)
            if held.registry_id != head.registry_id:
                return False
            if not positions.is_believable(position, claimed):
                log.error("a claim to hold %s is not believable", claimed)
                return False
            rows = await outbox.rows_after(tx, held.revision - 1, 1)
        row = LogPosition(rows[0].epoch, rows[0].revision, rows[0].chain) if rows else None
        return epoch_rules.is_lost(position, claimed, row)

    def _may_bump(self) -> bool:
        if time.monotonic() - self._bumped_at < BUMPS_APART_S:
            return False
        self._bumped_at = time.monotonic()
        return True
