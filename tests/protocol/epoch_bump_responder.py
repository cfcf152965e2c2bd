"""A writer that answers resolvers' claims, as `EpochBumpResponder`; the real core judges them."""

from __future__ import annotations

from collections.abc import Callable

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.protocol import epoch_rules
from cqar_writer.protocol.epoch_rules import BUMPS_APART_S
from tests.protocol.epochs import Bump
from tests.protocol.fencing import Fencing
from tests.protocol.pausing import pause
from tests.protocol.writer_database import LOOKS_MAX, WriterDatabase, confirm


class EpochBumpResponder:
    def __init__(
        self, database: WriterDatabase, fencing: Fencing, clock: Callable[[], float], bump: Bump
    ) -> None:
        self._database = database
        self._fencing = fencing
        self._clock = clock
        self._bump = bump
        self._bumped_at_s = -BUMPS_APART_S

    async def answer(self, request: replication_pb2.EpochBumpRequest) -> bool:
        """Whether an epoch was begun for what a resolver holds.

        Raises:
            Away: This writer cannot tell.
        """
        self._database.require_unfenced()
        await pause()
        connection, own = self._database.read()
        await confirm(connection, LOOKS_MAX)
        await self._fencing.heed(own, request.held, request.found)
        await pause()
        if not self._is_lost(position_of(request.held)):
            return False
        if self._clock() - self._bumped_at_s < BUMPS_APART_S:
            return False
        self._bumped_at_s = self._clock()
        return await self._bump(own.epoch, position_of(request.held))

    def _is_lost(self, held: LogPosition) -> bool:
        connection, row = self._database.read()
        head = position_of(row)
        if not positions.is_believable(head, held):
            return False
        rows = connection.server.rows_after(held.revision - 1, 1)
        at = LogPosition(rows[0].epoch, rows[0].revision, rows[0].chain) if rows else None
        return epoch_rules.is_lost(head, held, at)
