"""One writer's process: its relays, its answers, and what it knows."""

from __future__ import annotations

from collections.abc import Callable

from shared.history import Position
from shared.image_store import ImageStore
from tests.protocol import invariants
from tests.protocol.bumping import Bumps
from tests.protocol.caching import CacheRelay, read
from tests.protocol.database import Database
from tests.protocol.imaging import Imaging
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Process
from tests.protocol.redis_server import Redis
from tests.protocol.relay import Relay
from tests.protocol.stream import Stream
from writer.newest import Newest


class Writer:
    """A crash is the end of the object.

    Attributes:
        wrote: The newest that it acknowledged to a client.
    """

    def __init__(
        self,
        database: Database,
        stream: Stream,
        redis: Redis,
        images: ImageStore,
        ledger: Ledger,
        clock: Callable[[], float],
        fresh_publication: Callable[[], str],
    ) -> None:
        self._database = database
        self._redis = redis
        self._ledger = ledger
        self.newest = Newest()
        self.bumps = Bumps(database, clock)
        self.wrote: Position | None = None
        self.relay = Process(Relay(database, stream, clock).run())
        self.cache_relay = Process(CacheRelay(database, redis, self.newest).run())
        imaging = Imaging(database, stream, images, clock, fresh_publication)
        self.imaging = Process(imaging.run())
        self._reading: Process | None = None

    def read(self, keys: tuple[str, ...]) -> None:
        """Go on with the client that is being answered, or begin with the next."""
        if self._reading is None or self._reading.step():
            self._reading = Process(self._read(keys))

    async def _read(self, keys: tuple[str, ...]) -> None:
        wrote = self.wrote
        answer = await read(self._redis, self._database, self.newest, keys)
        if answer is not None:
            invariants.check_answer(self._ledger, answer, wrote)

    def crash(self) -> None:
        for process in (self.relay, self.cache_relay, self.imaging, self._reading):
            if process is not None:
                process.crash()
