"""Answers resolvers who say that the database lost what they served.

They cannot begin a new epoch themselves: they may only read. Nor are they believed: the writer
looks into its own history, and does not let itself be asked too often, or for too much.
"""

from __future__ import annotations

import logging
import time

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.database.fencing import Fencing
from cqar_writer.database.head import Heads
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations.pipeline import Mutations
from cqar_writer.protocol import epoch_rules
from cqar_writer.protocol.epoch_rules import BUMPS_APART_S
from cqar_writer.protocol.log_rows import head_message
from cqar_writer.store import outbox

log = logging.getLogger(__name__)


class Bumps:
    """Judges claims.

    Args:
        fencing: Looks whether a claim speaks for a database that took this one's place.
        database: Judges what `engine` leads to.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        mutations: Mutations,
        heads: Heads,
        fencing: Fencing,
        database: PrimaryDatabase,
    ) -> None:
        self._engine = engine
        self._fencing = fencing
        self._database = database
        self._mutations = mutations
        self._heads = heads
        self._bumped_at = -BUMPS_APART_S

    async def answer(self, request: bytes) -> bytes:
        """A resolver holds what the database it read does not: look, and believe the look."""
        asked = replication_pb2.EpochBumpRequest.FromString(request)
        bumped = False
        head = await self._heads.confirmed()
        await self._fencing.heed(head, asked.held, asked.found)
        if await self._lost(asked.held) and self._may_bump():
            held = asked.held
            bumped = await self._mutations.bump_epoch(head.epoch, held.epoch, held.revision)
            head = await self._heads.confirmed()
        answer = replication_pb2.EpochBumpResponse(head=head_message(head), bumped=bumped)
        return answer.SerializeToString()

    async def _lost(self, held: replication_pb2.Head) -> bool:
        """Whether what a resolver holds is no longer part of the database's history."""
        claim = LogPosition(held.epoch, held.revision, held.chain)
        async with self._engine.connect() as tx:
            head = await self._database.head(tx)
            at = position_of(head)
            if held.registry_id != head.registry_id:
                return False
            if not positions.is_believable(at, claim):
                log.error("a claim to hold %s is not believed", claim)
                return False
            rows = await outbox.rows_after(tx, held.revision - 1, 1)
        row = LogPosition(rows[0].epoch, rows[0].revision, rows[0].chain) if rows else None
        return epoch_rules.is_lost(at, claim, row)

    def _may_bump(self) -> bool:
        if time.monotonic() - self._bumped_at < BUMPS_APART_S:
            return False
        self._bumped_at = time.monotonic()
        return True
