"""Shares one run below memory among all who ask the same, and bounds what each caller may ask.

Every part has a bound: one flight per question, so many flights at once and of one caller, and a
budget of time. A caller that meets a bound which callers have filled gets RESOURCE_EXHAUSTED;
UNAVAILABLE says that a store does not answer.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.fallback.stores import CONNECTIONS_MAX, PostgresStore, RedisStore
from cqar_resolver.queries.execute import FallbackRequest
from cqar_resolver.queries.query import BatchQuery, QueryResult
from cqar_shared.errors import ServiceNotReady, TooMany
from cqar_shared.redis_store.cache import Cache
from cqar_shared.runtime.circuit_breaker import CircuitBreaker
from cqar_shared.runtime.fair_queue import FairQueue
from cqar_shared.runtime.slots import Slots
from cqar_shared.sql.postgres import dispose

#: The longest that a caller waits for anything below memory.
BUDGET_S: Final = 0.25
#: The same for what memory never holds, which no order waits for: 2,000 spellings as of another
#: time take some 0.5 s.
BEYOND_MEMORY_S: Final = 2.0
#: Flights at once, of all callers and of one.
FLIGHTS_MAX: Final = 32
FLIGHTS_EACH: Final = 8
#: Questions in flight, or waiting for those of the same caller to land.
QUESTIONS_MAX: Final = 1_024
QUESTIONS_EACH: Final = 128
#: A batch takes some 0.5 s: one caller's batches leave other callers a connection.
BATCHES_EACH: Final = CONNECTIONS_MAX - 1

T = TypeVar("T")
#: Queries that compare equal, at the same minimal position, share a flight.
FlightKey = tuple[object, tuple[int, int]]


class Fallback:
    """Redis, then PostgreSQL.

    Args:
        cache: None where there is no Redis.

    Attributes:
        running: The flights.
    """

    def __init__(self, engine: AsyncEngine, cache: Cache | None) -> None:
        self._engine = engine
        self.cache = cache
        self._redis = None if cache is None else RedisStore(cache)
        self._postgres = PostgresStore(engine)
        self.running: dict[FlightKey, asyncio.Task[QueryResult[Any]]] = {}
        questions = Slots("questions below memory", QUESTIONS_MAX, QUESTIONS_EACH)
        self._flights = FairQueue(questions, FLIGHTS_MAX, FLIGHTS_EACH)
        batches = Slots("batches below memory", FLIGHTS_MAX, FLIGHTS_EACH)
        self._batches = FairQueue(batches, CONNECTIONS_MAX, BATCHES_EACH)
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)

    @property
    def breaker(self) -> CircuitBreaker:
        """PostgreSQL's."""
        return self._postgres.breaker

    async def answer(self, request: FallbackRequest[T]) -> QueryResult[T]:
        """Answer from below memory, at `request.min_position` or later.

        Raises:
            ServiceNotReady: No store answers within the budget, or none has come that far.
            TooMany: The question got no turn within the budget, or too many wait already.
            EpochEnded: The registry is in a later epoch.
        """
        key = (request.query, request.min_position)
        flight = self.running.get(key)
        if flight is not None:
            # Who began it may have asked for too much; whoever asks the same has not.
            with suppress(TooMany):
                return await asyncio.shield(flight)
        flight = asyncio.create_task(self._run(request))
        self.running[key] = flight
        flight.add_done_callback(partial(self._done, key))
        return await asyncio.shield(flight)

    def _done(self, key: FlightKey, flight: asyncio.Task[QueryResult[Any]]) -> None:
        if self.running.get(key) is flight:
            del self.running[key]
        if not flight.cancelled():
            flight.exception()  # retrieved, even where all who asked have gone

    async def _run(self, request: FallbackRequest[T]) -> QueryResult[T]:
        budget_s = BUDGET_S if request.memory is None else BEYOND_MEMORY_S
        has_turn = False
        try:
            async with AsyncExitStack() as stack:
                if isinstance(request.query, BatchQuery):
                    # Waiting for the same caller's other batches does not count as its own time.
                    async with asyncio.timeout(budget_s):
                        await stack.enter_async_context(self._batches.of(request.caller))
                async with asyncio.timeout(budget_s), self._flights.of(request.caller):
                    if self._redis is not None:
                        found = await self._redis.answer(request, self._postgres.registry_id)
                        if found is not None:
                            return found
                    # Waiting for a connection here says nothing about PostgreSQL.
                    async with self._connections:
                        has_turn = True
                        return await self._postgres.answer(request)
        except TimeoutError as error:
            if has_turn:
                text = f"neither memory nor what stands in for it answers in {budget_s} s"
                raise ServiceNotReady(text) from error
            text = f"too much is asked below memory: no turn came within {budget_s} s, try again"
            raise TooMany(text) from error

    async def close(self) -> None:
        await dispose(self._engine)
        if self.cache is not None:
            await self.cache.close()
