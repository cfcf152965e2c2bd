"""One writer's process: its relays, its answers, and what it knows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.replication.positions import NO_TERM, LogPosition, term_of
from cqar_writer.database.primary import NewestPosition
from cqar_writer.protocol import relay
from tests.protocol import invariants
from tests.protocol.cluster import Door, Pool
from tests.protocol.database import Database
from tests.protocol.epoch_bump_responder import EpochBumpResponder
from tests.protocol.epochs import Epochs
from tests.protocol.events import EventRelay, EventStream
from tests.protocol.fencing import AskAll, Fencing
from tests.protocol.image_publisher import ImagePublisher
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Away, Process
from tests.protocol.redis_server import Redis
from tests.protocol.relay import ChangeRelay
from tests.protocol.stream import Stream
from tests.protocol.violation import require
from tests.protocol.writer_cache import CacheRelay, read
from tests.protocol.writer_database import WriterDatabase

#: Requests of clients that are answered at once.
REQUESTS_MAX: Final = 3


class Writer:
    """A crash is the end of the object.

    Args:
        compacted: The revision up to which no history is kept: only assertions ask for it.

    Attributes:
        wrote: The newest that it acknowledged to a client.
        is_silent: It is stopped, and its connections to NATS are not closed.
    """

    def __init__(
        self,
        door: Door,
        stream: Stream,
        events: EventStream,
        redis: Redis,
        images: ImageStore,
        ledger: Ledger,
        clock: Callable[[], float],
        fresh_publication: Callable[[], str],
        ask_all: AskAll,
        compacted: Callable[[], int],
    ) -> None:
        self._redis = redis
        self._ledger = ledger
        self._stream = stream
        self._compacted = compacted
        self.newest = NewestPosition()
        self.database = WriterDatabase(Pool(door), self.newest)
        self.epochs = Epochs(self.database, ledger, self._tail)
        fencing = Fencing(self.database, clock, ask_all)
        self.bumps = EpochBumpResponder(self.database, fencing, clock, self.epochs.begin)
        self.wrote: LogPosition | None = None
        self._told_by = NO_TERM
        self._told: dict[tuple[int, int], LogPosition] = {}
        self.is_silent = False
        self.relay = Process(
            ChangeRelay(self.database, stream, clock, self.epochs.begin, fencing).run()
        )
        self.renewing = Process(self.epochs.run())
        self.looking = Process(fencing.look_again())
        self.event_relay = Process(EventRelay(self.database, events, self.epochs.begin).run())
        self.cache_relay = Process(CacheRelay(self.database, redis).run())
        publisher = ImagePublisher(self.database, stream, images, clock, fresh_publication)
        self.imaging = Process(publisher.run())
        self._requests: deque[Process] = deque(maxlen=REQUESTS_MAX)
        self._reading: Process | None = None

    def _tail(self) -> replication_pb2.Head | None:
        try:
            return relay.parse_tail(self._stream.newest())
        except Away:
            return None

    def relay_on(self) -> None:
        """Go on with what goes on by itself."""
        if not self.is_silent:
            for process in (self.relay, self.renewing, self.looking):
                process.step()

    def read(self, keys: tuple[str, ...]) -> None:
        """Go on with the client that is being answered, or begin with the next."""
        if self._reading is None or self._reading.step():
            self._reading = Process(self._read(keys))

    def tells(self, at: LogPosition, server: Database) -> None:
        """A client is told of a change: never again from an earlier server than one before."""
        term = term_of(server.head())
        latest = max(self._told_by, self.newest.seen.term)
        require(term >= latest, 5, "acknowledged where it was before a failover:", at)
        known = self._told.setdefault((at.epoch, at.revision), at)
        is_named_anew = at.epoch in self._ledger.begun_twice
        require(known == at or is_named_anew, 3, "one number names two contents:", at)
        self._told_by, self.wrote = term, at

    def relay_events(self) -> None:
        """Go on with the other relay."""
        if not self.is_silent:
            self.event_relay.step()

    def is_led_on(self) -> bool:
        """What it knows is part of the registry's history, and its database is the registry's."""
        newest = self.newest.seen.position
        return self.is_silent or (self._is_there(newest) and not self.database.is_fenced)

    def require_kept(self) -> None:
        """What it told its clients of is there, or its epoch has ended."""
        if self.is_silent:
            return
        ended = self._ledger.head.epoch
        for at in self._told.values():
            is_kept = self._is_there(at) or at.epoch < ended
            require(is_kept, 5, "acknowledged and lost, and its epoch goes on:", at)

    def _is_there(self, at: LogPosition) -> bool:
        """Whether it is in the registry's history, or nobody can tell any more."""
        is_untold = at.epoch in self._ledger.begun_twice or not at.chain
        return is_untold or at.revision <= self._compacted() or at in self._ledger.line

    async def _read(self, keys: tuple[str, ...]) -> None:
        wrote = self.wrote
        answer = await read(self._redis, self.database, keys)
        if answer is not None:
            invariants.check_answer(self._ledger, answer, wrote)

    def request(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to answer a client; of too many, the first is given up."""
        if len(self._requests) == REQUESTS_MAX:
            self._requests.popleft().crash()
        self._requests.append(Process(work))

    def answer_on(self, steps: int) -> None:
        """Go on with what clients asked for."""
        for request in list(self._requests):
            for _ in range(steps):
                if request.step():
                    self._requests.remove(request)
                    break

    def crash(self) -> None:
        working = [self.relay, self.event_relay, self.cache_relay, self.renewing, self.looking]
        reading = [self._reading] if self._reading is not None else []
        for process in (*working, self.imaging, *reading, *self._requests):
            process.crash()
