"""A relay that waits where `writer.relay.Relay` waits, and does what the real core says."""

from __future__ import annotations

from collections.abc import Callable

from cqc.replication.v1 import replication_pb2

from shared.history import Position, position_of
from tests.protocol.database import ROWS_MAX, Database
from tests.protocol.pausing import Away, pause
from tests.protocol.stream import LostRace, Stream
from writer import relay_core
from writer.outbox import OutboxRow
from writer.relay import HEARTBEAT_S, commit_message, heartbeat_message, reset_message
from writer.relay_core import Do
from writer.store import HeadRow


class Relay:
    """Whether it leads does not matter: any relay may publish, and here all do."""

    def __init__(self, database: Database, stream: Stream, clock: Callable[[], float]) -> None:
        self._database = database
        self._stream = stream
        self._clock = clock
        self._heartbeat_at_s = 0.0
        self._known: tuple[int, Position] | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._step()
            except (LostRace, Away):
                self._known = None
            await pause()

    async def _step(self) -> None:
        last, tail, head, rows = await self._look()
        at, whole = position_of(head), len(rows) == ROWS_MAX
        action = Do.REST
        for action, row in relay_core.plan(at, head.compacted_revision, tail, rows, whole=whole):
            if action is not Do.PUBLISH or row is None:
                break
            last = await self._publish(commit_message(head.registry_id, row), last)
            self._known = (last, Position(row.epoch, row.revision, row.chain))
        if action is Do.RESET:
            last = await self._publish(reset_message(head), last)
            self._known = (last, at)
        elif action is Do.BUMP and tail is not None:
            self._known = None
            self._database.bump(head.epoch, tail)
        elif action is Do.REST and self._clock() - self._heartbeat_at_s >= HEARTBEAT_S:
            self._known = None
            await self._publish(heartbeat_message(head), last)
            self._heartbeat_at_s = self._clock()

    async def _look(self) -> tuple[int, Position | None, HeadRow, list[OutboxRow]]:
        """The stream first, then the database."""
        last, tail = self._known or await self._read_tail()
        head = self._database.head()
        tail = relay_core.believed(position_of(head), tail)
        rows = self._database.rows_after(tail.revision) if tail else []
        await pause()
        return last, tail, head, rows

    async def _read_tail(self) -> tuple[int, Position | None]:
        last = self._stream.mark().last
        await pause()
        newest = self._stream.newest()
        await pause()
        head = relay_core.tail_of(newest)
        return last, position_of(head) if head is not None else None

    async def _publish(self, message: replication_pb2.StreamMessage, last: int) -> int:
        return await self._stream.publish(message.SerializeToString(), last)
