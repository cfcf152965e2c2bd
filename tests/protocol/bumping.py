"""A writer that answers resolvers' claims, as `writer.bumps.Bumps`; the real core judges them."""

from __future__ import annotations

from collections.abc import Callable

from cqc.replication.v1 import replication_pb2

from shared import history
from shared.history import Position, position_of
from tests.protocol.database import Database
from tests.protocol.pausing import pause
from writer import epoch_core
from writer.epoch_core import BUMPS_APART_S


class Bumps:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._bumped_at_s = -BUMPS_APART_S

    async def answer(self, claim: replication_pb2.Head) -> None:
        await pause()
        head = position_of(self._database.head())
        held = Position(claim.epoch, claim.revision, claim.chain)
        await pause()
        if not history.is_believable(head, held):
            return
        rows = self._database.rows_after(held.revision - 1, 1)
        row = Position(rows[0].epoch, rows[0].revision, rows[0].chain) if rows else None
        await pause()
        if not epoch_core.is_lost(head, held, row):
            return
        if self._clock() - self._bumped_at_s < BUMPS_APART_S:
            return
        self._bumped_at_s = self._clock()
        self._database.bump(head.epoch, held)
