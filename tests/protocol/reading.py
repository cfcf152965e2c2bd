"""What a resolver reads: its PostgreSQL, a connection for each use, and the stream's messages."""

from __future__ import annotations

from cqar_resolver.replication.postgres import HeadRead, OutboxPage
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.messaging.stream_reader import Item, StreamReader
from cqar_shared.replication.stream_mark import StreamMark
from cqar_writer.protocol.log_rows import head_message
from tests.protocol.cluster import Door
from tests.protocol.database import Database, Replica
from tests.protocol.pausing import Away, pause
from tests.protocol.stream import Stream


class Reading:
    """As `cqar_resolver.replication.postgres.Database`.

    Attributes:
        reads: So many connections were made.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self.reads = 0

    def _connect(self) -> Database | Replica:
        self.reads += 1
        return self._door.reader()

    def look(self, revision: int) -> HeadRead:
        return _look(self._connect(), revision)

    def hydrate(self, held: int) -> tuple[HeadRead, Snapshot]:
        reader = self._connect()
        snapshot = reader.hydrate()
        return _look(reader, held), snapshot

    async def rows_after(self, revision: int) -> OutboxPage:
        reader = self._connect()
        found = OutboxPage(_look(reader, revision), reader.resolver_rows(revision))
        await pause()
        return found


def _look(reader: Database | Replica, revision: int) -> HeadRead:
    rows = reader.resolver_rows(revision - 1)
    at = rows[0].position if rows else None
    row = at if at is not None and at.revision == revision else None
    return HeadRead(head_message(reader.head()), row)


class Reader(StreamReader):
    """The real one's search, in the simulated stream."""

    def __init__(self, stream: Stream) -> None:
        self._simulated = stream

    async def mark(self) -> StreamMark:
        return self._simulated.mark()

    async def first_from(self, sequence: int) -> Item | None:
        if self._simulated.is_down:
            raise Away
        await pause()
        return self._simulated.first_from(sequence)

    def held(self, first: int, last: int) -> Held:  # type: ignore[override]
        return Held(self, first, last)


class Held:
    """What a stream holds, in order: no generator, since those cannot be ended while they wait."""

    def __init__(self, reader: Reader, first: int, last: int) -> None:
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
