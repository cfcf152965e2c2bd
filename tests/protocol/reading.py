"""The ports of a simulated resolver: its PostgreSQL, the stream's messages, and writers' heads."""

from __future__ import annotations

from collections import deque

from cqar_resolver.replication.postgres import HeadRead, OutboxPage, PreflightCheck
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.messaging.head_requests import HeadAnswer, IsWanted
from cqar_shared.messaging.stream_reader import Item, StreamReader
from cqar_shared.replication.positions import StreamMark
from cqar_writer.protocol.log_rows import head_message
from tests.protocol.asking import Asking
from tests.protocol.cluster import Door
from tests.protocol.database import Database, Replica
from tests.protocol.pausing import Away, pause
from tests.protocol.stream import Consumer, Stream


class SimulatedDatabase:
    """As `cqar_resolver.replication.postgres.RegistryDatabase`: an answer is under way."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def look(self, revision: int) -> HeadRead:
        read = _look(self._door.reader(), revision)
        await pause()
        return read

    async def hydrate(self, preflight: PreflightCheck | None = None, held: int = 0) -> Snapshot:
        reader = self._door.reader()
        snapshot, read = reader.hydrate(), _look(reader, held)
        if preflight is not None:
            preflight(read, [])
        await pause()
        return snapshot

    async def rows_after(self, revision: int) -> OutboxPage:
        reader = self._door.reader()
        page = OutboxPage(_look(reader, revision), reader.resolver_rows(revision))
        await pause()
        return page


def _look(reader: Database | Replica, revision: int) -> HeadRead:
    rows = reader.resolver_rows(revision - 1)
    at = rows[0].position if rows else None
    row = at if at is not None and at.revision == revision else None
    return HeadRead(head_message(reader.head()), row)


class SimulatedStream(StreamReader):
    """The real reader's search, in the simulated stream.

    Attributes:
        repeated: Messages that come once more, out of their order.
        consumer: What delivers to the loop that follows, once there is one.
    """

    def __init__(self, stream: Stream) -> None:
        self._simulated = stream
        self.repeated: deque[bytes] = deque()
        self.consumer: Consumer | None = None

    async def note(self) -> StreamMark | None:
        mark = self._simulated.noted()
        await pause()
        return mark

    async def mark_and_owner(self) -> tuple[StreamMark, str]:
        mark = self._simulated.mark()
        await pause()
        return mark, ""

    def read(self, after: int) -> Followed:
        self.consumer = Consumer(self._simulated, after)
        return Followed(self.consumer, self.repeated, after)

    async def first_from(self, sequence: int) -> Item | None:
        if self._simulated.is_down:
            raise Away
        await pause()
        return self._simulated.first_from(sequence)

    def held(self, first: int, last: int) -> Held:  # type: ignore[override]
        return Held(self, first, last)


class Followed:
    """What comes behind a sequence; None while nothing does. No generator: see `Held`."""

    def __init__(self, consumer: Consumer, repeated: deque[bytes], after: int) -> None:
        self._consumer = consumer
        self._repeated = repeated
        self._last = after

    def __aiter__(self) -> Followed:
        return self

    async def __anext__(self) -> Item | None:
        await pause()
        if self._repeated:
            return self._last, self._repeated.popleft()
        item = self._consumer.take()
        if item is not None:
            self._last = item[0]
        return item


class Held:
    """What a stream holds, in order: no generator, since those cannot be ended while they wait."""

    def __init__(self, reader: SimulatedStream, first: int, last: int) -> None:
        self._reader = reader
        self._next = first
        self._last = last

    def __aiter__(self) -> Held:
        return self

    async def __anext__(self) -> Item:
        item = await self._reader.first_from(self._next)
        if item is None or item[0] > self._last:
            raise StopAsyncIteration
        self._next = item[0] + 1
        return item

    async def aclose(self) -> None:
        """Nothing is open."""


class SimulatedHeads:
    """As `cqar_shared.messaging.head_requests.HeadRequests`: an answer is under way."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def head(self, is_wanted: IsWanted) -> HeadAnswer:
        head = await self._asking.head(is_wanted)
        await pause()
        return HeadAnswer(head, of_group=True)
