"""What this writer stands on, looked at every few seconds and only measured: nothing depends on it.

Calls and relays find out for themselves what is away; an operator wants to know before they do.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.messaging import jetstream
from cqar_shared.redis_store.cache import Cache
from cqar_shared.runtime.outages import MAYBE_AWAY
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_shared.runtime.telemetry import DEPENDENCY_UP
from cqar_writer import metrics
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.relays.publisher import Publisher
from cqar_writer.store import entity_rows

LOOK_EVERY_S: Final = 5.0
TIMEOUT_S: Final = 2.0


class Surroundings:
    """Looks at PostgreSQL, NATS and Redis.

    Args:
        now: The wall clock, by which keys end.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publisher: Publisher,
        cache: Cache | None,
        now: Callable[[], dt.datetime],
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._publisher = publisher
        self._cache = cache
        self._now = now

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            raise_if_cancelled()
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Once; what does not answer is away, not an error."""
        DEPENDENCY_UP.labels("postgres").set(await self._look_at_database())
        DEPENDENCY_UP.labels("nats").set(await self._streams())
        if self._cache is not None:
            # The relay to Redis asks it twice a second.
            DEPENDENCY_UP.labels("redis").set(not self._cache.breaker.is_open)

    async def _look_at_database(self) -> bool:
        """Where the head is, also while no relay runs; and which key ends first."""
        try:
            async with asyncio.timeout(TIMEOUT_S), self._engine.connect() as tx:
                head = await self._database.head(tx)
                end = await entity_rows.first_key_end(tx, self._now())
        except ServiceNotReady:
            return True  # it answers, and is not what is to be measured
        except (sa.exc.SQLAlchemyError, *MAYBE_AWAY):
            return False
        metrics.PROGRESS.committed(head.epoch, head.revision)
        metrics.KEY_END.set(math.inf if end is None else end.timestamp())
        return True

    async def _streams(self) -> bool:
        """How full JetStream is."""
        if (js := self._publisher.jetstream()) is None:
            return False
        try:
            account = await js.account_info()
            metrics.STORAGE_BYTES.set(account.storage)
            metrics.STORAGE_BYTES_MAX.set(_limit(account.limits.max_storage))
            for stream in (jetstream.CHANGES, jetstream.EVENTS):
                await _measure(js, stream)
        except (NatsError, OSError, TimeoutError):
            return False
        return True


async def _measure(js: JetStreamContext, stream: str) -> None:
    try:
        info = await js.stream_info(stream)
    except NotFoundError:
        return  # the relays make it
    metrics.STREAM_BYTES.labels(stream).set(info.state.bytes)
    metrics.STREAM_BYTES_MAX.labels(stream).set(_limit(info.config.max_bytes))
    metrics.STREAM_MESSAGES.labels(stream).set(info.state.messages)


def _limit(given: int | None) -> float:
    """NATS says none by -1, or by nothing."""
    return math.inf if given is None or given < 0 else given
