"""Answers resolvers who say that the database lost what they served.

They cannot begin a new epoch themselves: they may only read. Nor are they believed: the writer
looks into its own history, and does not let itself be asked too often, or for too much.
"""

from __future__ import annotations

import logging
import time

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import history
from shared.history import Position, position_of
from writer import epoch_core, metrics, outbox, store
from writer.epoch_core import BUMPS_APART_S
from writer.heads import Heads, head_message
from writer.mutations import Mutations

log = logging.getLogger(__name__)


class Bumps:
    def __init__(self, engine: AsyncEngine, mutations: Mutations, heads: Heads) -> None:
        self._engine = engine
        self._mutations = mutations
        self._heads = heads
        self._bumped_at = -BUMPS_APART_S

    async def answer(self, request: bytes) -> bytes:
        """A resolver holds what the database it read does not: look, and believe the look."""
        asked = replication_pb2.EpochBumpRequest.FromString(request)
        bumped = False
        head = await self._heads.read()
        if await self._lost(head, asked.held) and self._may_bump():
            held = asked.held
            bumped = await self._mutations.bump_epoch(head.epoch, held.epoch, held.revision)
            metrics.EPOCH_BUMPS.inc(bumped)
            head = await self._heads.read()
        answer = replication_pb2.EpochBumpResponse(head=head_message(head), bumped=bumped)
        return answer.SerializeToString()

    async def _lost(self, head: store.HeadRow, held: replication_pb2.Head) -> bool:
        """Whether what a resolver holds is no longer part of the database's history."""
        if held.registry_id != head.registry_id:
            return False
        at = position_of(head)
        claim = Position(held.epoch, held.revision, held.chain)
        if not history.is_believable(at, claim):
            log.error("a claim to hold %s is not believed", claim)
            return False
        async with self._engine.connect() as tx:
            rows = await outbox.rows_after(tx, held.revision - 1, 1)
        row = Position(rows[0].epoch, rows[0].revision, rows[0].chain) if rows else None
        return epoch_core.is_lost(at, claim, row)

    def _may_bump(self) -> bool:
        if time.monotonic() - self._bumped_at < BUMPS_APART_S:
            return False
        self._bumped_at = time.monotonic()
        return True
