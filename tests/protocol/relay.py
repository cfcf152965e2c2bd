"""A relay that waits where `change_relay.Relay` waits, and does what the real core says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import position_of, term_of
from cqar_writer.protocol import relay
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow, head_message
from cqar_writer.protocol.relay import RelayAction
from cqar_writer.protocol.terms import Remedy
from cqar_writer.relays.change_relay import (
    HEARTBEAT_S,
    commit_message,
    heartbeat_message,
    reset_message,
)
from tests.protocol.database import ROWS_MAX
from tests.protocol.epochs import Bump
from tests.protocol.fencing import Fencing
from tests.protocol.pausing import Away, pause
from tests.protocol.stream import LostRace, Stream
from tests.protocol.writer_database import WriterDatabase


class Observation(NamedTuple):
    """What one step sees."""

    last: int
    stated: replication_pb2.Head | None
    head: HeadRow
    remedy: Remedy
    rows: list[OutboxRow]


class ChangeRelay:
    """Whether it leads does not matter: any relay may publish, and here all do."""

    def __init__(
        self,
        database: WriterDatabase,
        stream: Stream,
        clock: Callable[[], float],
        bump: Bump,
        fencing: Fencing,
    ) -> None:
        self._database = database
        self._stream = stream
        self._clock = clock
        self._bump = bump
        self._fencing = fencing
        self._heartbeat_at_s = 0.0
        self._known: tuple[int, replication_pb2.Head | None] | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._step()
            except (LostRace, Away):
                self._known = None
            await pause()

    async def _step(self) -> None:
        self._database.require_unfenced()
        last, stated, head, remedy, rows = await self._look()
        at, is_full = position_of(head), len(rows) == ROWS_MAX
        tail = relay.believable_tail(at, position_of(stated) if stated is not None else None)
        if remedy is not Remedy.USE:
            self._known = None
            return
        if stated is not None and await self._fencing.heed(head, stated):
            tail, rows = None, []
        action = RelayAction.REST
        for action, row in relay.plan(at, head.compacted_revision, tail, rows, is_full=is_full):
            if action is not RelayAction.PUBLISH or row is None:
                break
            message = commit_message(head.registry_id, row, term_of(head))
            last = await self._publish(message, last)
            self._known = (last, message.head)
        if action is RelayAction.RESET:
            last = await self._publish(reset_message(head), last)
            self._known = (last, head_message(head))
        elif action is RelayAction.BUMP and tail is not None:
            self._known = None
            await self._bump(head.epoch, tail)
        elif action is RelayAction.REST and self._clock() - self._heartbeat_at_s >= HEARTBEAT_S:
            self._known = None
            await self._publish(heartbeat_message(head), last)
            self._heartbeat_at_s = self._clock()

    async def _look(self) -> Observation:
        """The stream first, then the database."""
        last, stated = self._known or await self._read_tail()
        found = self._look_at(stated)
        await pause()
        return Observation(last, stated, *found)

    def _look_at(
        self, stated: replication_pb2.Head | None
    ) -> tuple[HeadRow, Remedy, list[OutboxRow]]:
        connection = self._database.take()
        head, remedy = self._database.look(connection)
        rows: list[OutboxRow] = []
        if remedy is Remedy.USE and stated is not None:
            rows = connection.server.rows_after(stated.revision)
        return head, remedy, rows

    async def _read_tail(self) -> tuple[int, replication_pb2.Head | None]:
        last = self._stream.mark().last
        await pause()
        newest = self._stream.newest()
        await pause()
        return last, relay.parse_tail(newest)

    async def _publish(self, message: replication_pb2.StreamMessage, last: int) -> int:
        return await self._stream.publish(message.SerializeToString(), last)
