"""Measures PostgreSQL, NATS and Redis every few seconds; nothing depends on the result.

Calls and relays notice outages by themselves; an operator wants to know before they do.
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
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.relays.publisher import Publisher
from cqar_writer.store import entity_rows

LOOK_EVERY_S: Final = 5.0
TIMEOUT_S: Final = 2.0


class DependencyMonitor:
    """Sets the gauges of PostgreSQL, NATS and Redis.

    Args:
        now: The wall clock, for the expiry of keys.
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
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._publisher = publisher
        self._cache = cache
        self._now = now

    async def run(self) -> None:
        """Measure again and again, until cancelled."""
        while True:
            raise_if_cancelled()
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Measure once; a server that does not answer is down, which is no error."""
        DEPENDENCY_UP.labels("postgres").set(await self._measure_database())
        DEPENDENCY_UP.labels("nats").set(await self._measure_nats())
        if self._cache is not None:
            # The cache relay asks Redis twice a second.
            DEPENDENCY_UP.labels("redis").set(not self._cache.breaker.is_open)

    async def _measure_database(self) -> bool:
        """Measure the head, also while no relay runs, and the next expiry of a key."""
        try:
            async with asyncio.timeout(TIMEOUT_S), self._engine.connect() as tx:
                head = await self._database.head(tx)
                expiry = await entity_rows.next_key_expiry(tx, self._now())
        except ServiceNotReady:
            return True  # it answers, though it is not the registry's current database
        except (sa.exc.SQLAlchemyError, *MAYBE_AWAY):
            return False
        metrics.PROGRESS.committed(head.epoch, head.revision)
        metrics.KEY_END.set(math.inf if expiry is None else expiry.timestamp())
        return True

    async def _measure_nats(self) -> bool:
        """Measure how full JetStream is."""
        if (js := self._publisher.jetstream()) is None:
            return False
        try:
            account = await js.account_info()
            metrics.STORAGE_BYTES.set(account.storage)
            metrics.STORAGE_BYTES_MAX.set(_limit(account.limits.max_storage))
            for stream in (jetstream.CHANGES, jetstream.EVENTS):
                await _measure_stream(js, stream)
        except (NatsError, OSError, TimeoutError):
            return False
        return True


async def _measure_stream(js: JetStreamContext, stream: str) -> None:
    try:
        info = await js.stream_info(stream)
    except NotFoundError:
        return  # the relays create it
    metrics.STREAM_BYTES.labels(stream).set(info.state.bytes)
    metrics.STREAM_BYTES_MAX.labels(stream).set(_limit(info.config.max_bytes))
    metrics.STREAM_MESSAGES.labels(stream).set(info.state.messages)


def _limit(given: int | None) -> float:
    """A limit; NATS states none as -1, or leaves it out."""
    return math.inf if given is None or given < 0 else given
