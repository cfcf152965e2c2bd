"""The tiers below memory: Redis for what is one value there, PostgreSQL for all else.

Used while the first snapshot is loading, and for a caller who saw more than the snapshot has by
its deadline. Every part has a bound: a flight per question, so many at once and of one caller, a
budget of time, so many connections, and a breaker that stops asking a PostgreSQL that does not
answer. Who meets a bound that callers have filled is told RESOURCE_EXHAUSTED; UNAVAILABLE says that
a tier does not answer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from cqc.resolver.v1 import resolver_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_resolver.fallback.partial_reader import PartialLookup, PartialReader
from cqar_resolver.queries.query import BatchQuery, Query, QueryContext
from cqar_resolver.replication.freshness import DRIFT, boot_clock_s
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.reader import LISTING_TERMS
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.errors import RegistryError, ServiceNotReady, TooLarge, TooMany
from cqar_shared.redis_store import cached_kinds
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.redis_store.cached_kinds import ENTRIES
from cqar_shared.replication.positions import LogPosition, is_reached
from cqar_shared.runtime.circuit_breaker import CircuitBreaker
from cqar_shared.runtime.event_loop import yielding
from cqar_shared.runtime.fair_queue import FairQueue
from cqar_shared.runtime.outages import MAYBE_AWAY, is_away
from cqar_shared.runtime.slots import Slots
from cqar_shared.sql import entity_queries, history_check
from cqar_shared.sql.postgres import dispose

#: All that a caller waits for below memory.
BUDGET_S: Final = 0.25
#: The same for what memory never holds, which no order waits for: 2,000 spellings of another time
#: take some 0.5 s.
BEYOND_MEMORY_S: Final = 2.0
#: PostgreSQL tells the head, which is one row, within milliseconds: whoever waited for that alone
#: this long when the budget ended met a failure of its own. Whatever else takes long is long.
PATIENCE_S: Final = 0.1
#: At once, and of one caller.
FLIGHTS_MAX: Final = 32
FLIGHTS_EACH: Final = 8
#: Questions that fly, or wait for those of the same caller to land.
QUESTIONS_MAX: Final = 1_024
QUESTIONS_EACH: Final = 128
#: A thousand resolvers share one PostgreSQL.
CONNECTIONS_MAX: Final = 2
#: Of these what has many answers, and takes some 0.5 s, leaves other callers one.
BATCHES_EACH: Final = CONNECTIONS_MAX - 1
#: Of answers, at 60 us each, between two looks at the clock.
EACH_AT_ONCE: Final = 8
#: A resolution takes some ten steps, each of which may want what the one before has found.
ROUNDS_MAX: Final = 32

T = TypeVar("T")
#: (epoch, revision) that the answer must have, at least.
MinPosition = tuple[int, int]


class Standing(NamedTuple):
    """How current memory is, which bounds what PostgreSQL says of the same revision or a later one.

    By itself what PostgreSQL says is confirmed by nobody: it may be a replica, or an old primary.

    Attributes:
        stale: Why verdicts must fail closed, if they must.
    """

    freshness: pb.Freshness
    stale: pb.Reason | None

    def at(self, epoch: int, revision: int, age_s: float = 0.0) -> pb.Freshness:
        """The same of another position, some time later."""
        told = pb.Freshness(epoch=epoch, revision=revision, state=self.freshness.state)
        if self.freshness.HasField("staleness_ms"):
            later_ms = int(age_s * 1000 * DRIFT) + 1
            told.staleness_ms = self.freshness.staleness_ms + later_ms
        return told

    def unconfirmed_at(self, epoch: int, revision: int) -> pb.Freshness:
        """Of what Redis says: no bound, and not LIVE."""
        is_live = self.freshness.state == pb.SNAPSHOT_STATE_LIVE
        state = pb.SNAPSHOT_STATE_STALE if is_live else self.freshness.state
        return pb.Freshness(epoch=epoch, revision=revision, state=state)


class FallbackRequest(NamedTuple):
    """What an answer from below memory has to be.

    Attributes:
        standing: How current memory is.
        at_s: When that was told, by the boot clock.
        memory: Complete, and without what this takes; None: it is not to be used.
    """

    least: MinPosition
    standing: Standing
    at_s: float
    memory: Snapshot | None


@dataclass
class Flight:
    """What was reached of the budget: whether it was this question's turn with PostgreSQL."""

    has_turn: bool = False


class QueryResult(NamedTuple, Generic[T]):
    """A value, or the error that is the answer, and what it is made from.

    Attributes:
        tier: `memory`, `redis` or `postgres`.
    """

    value: T | RegistryError
    freshness: pb.Freshness
    tier: str

    def get(self) -> T:
        """The value; raises the error."""
        if isinstance(self.value, RegistryError):
            raise self.value
        return self.value


def answer_by(work: Query[T], basis: QueryContext, tier: str) -> QueryResult[T]:
    try:
        return QueryResult(work(basis), basis.freshness, tier)
    except RegistryError as error:
        return QueryResult(error, basis.freshness, tier)


async def answer_unhurried(work: Query[T], basis: QueryContext, tier: str) -> QueryResult[T]:
    """The same; of many answers each between other calls.

    Args:
        basis: Stays as it is meanwhile.
    """
    if not isinstance(work, BatchQuery):
        return answer_by(work, basis, tier)
    found: Any = []
    size_bytes = 0
    async for some in yielding(work.each, EACH_AT_ONCE):
        made = [one(basis) for one in some]
        size_bytes += sum(one.ByteSize() for one in made)
        try:
            work.require_fits(size_bytes)
        except TooLarge as error:
            return QueryResult(error, basis.freshness, tier)
        found += made
    return QueryResult(work.gathered(found), basis.freshness, tier)


class Fallback:
    """Both tiers.

    Args:
        cache: None where there is no Redis.

    Attributes:
        breaker: Of PostgreSQL.
        running: The flights, by question.
    """

    def __init__(self, engine: AsyncEngine, cache: Cache | None) -> None:
        self._engine = engine
        self.cache = cache
        self.breaker = CircuitBreaker()
        self.running: dict[Any, asyncio.Task[QueryResult[Any]]] = {}
        questions = Slots("questions below memory", QUESTIONS_MAX, QUESTIONS_EACH)
        self._flights = FairQueue(questions, FLIGHTS_MAX, FLIGHTS_EACH)
        batches = Slots("batches below memory", FLIGHTS_MAX, FLIGHTS_EACH)
        self._batches = FairQueue(batches, CONNECTIONS_MAX, BATCHES_EACH)
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)
        self._registry_id = b""

    async def answer(
        self,
        question: Any,
        work: Query[T],
        least: MinPosition,
        standing: Standing,
        memory: Snapshot | None = None,
        who: str = "",
    ) -> QueryResult[T]:
        """Answer from below memory, at `least` or later.

        Args:
            question: Equal for those who ask the same; they share one flight.
            standing: Memory's, which is not further than `least` if it is complete.
            memory: Complete, and without what this takes; where PostgreSQL is at the same
                revision, only that is read.
            who: Who asks; nobody waits for what others have going on.

        Raises:
            NotReady: Neither tier answers within the budget, or none is as far as `least`.
            TooMany: It is not this question's turn within the budget, or too many wait already.
            EpochChanged: The registry is in a later epoch than `least`.
        """
        key = (question, least)
        flight = self.running.get(key)
        if flight is not None:
            # Who began it may have asked for too much; whoever asks the same has not.
            with suppress(TooMany):
                return await asyncio.shield(flight)
        asked = FallbackRequest(least, standing, boot_clock_s(), memory)
        flight = asyncio.create_task(self._fly(work, asked, who))
        self.running[key] = flight
        flight.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(flight)

    def _landed(self, key: Any, flight: asyncio.Task[QueryResult[Any]]) -> None:
        if self.running.get(key) is flight:
            del self.running[key]
        if not flight.cancelled():
            flight.exception()  # looked at, even where all who asked have gone

    async def _fly(self, work: Query[T], asked: FallbackRequest, who: str) -> QueryResult[T]:
        budget_s = BUDGET_S if asked.memory is None else BEYOND_MEMORY_S
        flight = Flight()
        try:
            async with AsyncExitStack() as stack:
                if isinstance(work, BatchQuery):
                    # What it waits for others of its caller is no part of what it may take.
                    async with asyncio.timeout(budget_s):
                        await stack.enter_async_context(self._batches.of(who))
                async with asyncio.timeout(budget_s), self._flights.of(who):
                    found = await self._from_redis(work, asked)
                    return found or await self._from_postgres(work, asked, flight)
        except TimeoutError as error:
            if flight.has_turn:
                text = f"neither memory nor what stands in for it answers in {budget_s} s"
                raise ServiceNotReady(text) from error
            text = f"too much is asked below memory: no turn came within {budget_s} s, try again"
            raise TooMany(text) from error

    async def close(self) -> None:
        await dispose(self._engine)
        if self.cache is not None:
            await self.cache.close()

    # ------------------------------------------------------------ Redis

    async def _from_redis(self, work: Query[T], asked: FallbackRequest) -> QueryResult[T] | None:
        """What one value in Redis answers; never composed of several, never a NOT_FOUND."""
        if isinstance(work, BatchQuery):
            return None
        known = PartialReader()
        wanted = _first_wanted(work, known)
        entry = ENTRIES.get((wanted.kind, wanted.lookup)) if wanted else None
        if self.cache is None or wanted is None or entry is None:
            return None
        values = wanted.values if wanted.lookup else entry.kind.parts_of(*wanted.values)
        try:
            cursor, (payload,) = await self.cache.read([entry.key(values)])
        except Unavailable:
            return None
        if cursor is None or payload is None:
            return None
        if self._registry_id and cursor.registry_id != self._registry_id:
            return None
        # That an epoch has ended is for PostgreSQL to say.
        least = asked.least
        if least > (0, 0) and (cursor.at.epoch != least[0] or cursor.at.revision < least[1]):
            return None
        messages = cached_kinds.decoded(entry, payload)
        if not messages:
            return None
        kind = entry.kind
        found = [(kind.key_of(m), m.SerializeToString()) for m in messages]
        known.learn({wanted: found})
        freshness = asked.standing.unconfirmed_at(cursor.at.epoch, cursor.at.revision)
        answer = answer_by(work, QueryContext(known, freshness, UNCONFIRMED), "redis")
        return None if known.wanted or isinstance(answer.value, RegistryError) else answer

    # ------------------------------------------------------------ PostgreSQL

    async def _from_postgres(
        self, work: Query[T], asked: FallbackRequest, flight: Flight
    ) -> QueryResult[T]:
        # Whoever waits for a connection waits for us, which says nothing about PostgreSQL.
        async with self._connections:
            flight.has_turn = True
            return await self._ask_postgres(work, asked)

    async def _ask_postgres(self, work: Query[T], asked: FallbackRequest) -> QueryResult[T]:
        if not self.breaker.allows():
            raise ServiceNotReady(
                "PostgreSQL did not answer lately, and this resolver is not ready"
            )
        try:
            return await self._read(work, asked)
        except (sa.exc.SQLAlchemyError, *MAYBE_AWAY) as error:
            if not (isinstance(error, sa.exc.SQLAlchemyError) or is_away(error)):
                raise
            self.breaker.failed()
            raise ServiceNotReady(f"PostgreSQL does not answer: {type(error).__name__}") from error

    @asynccontextmanager
    async def _connected(
        self, memory: Snapshot | None
    ) -> AsyncIterator[tuple[AsyncConnection, LogPosition, Pinned | None]]:
        """A connection, where PostgreSQL is, and memory as it is when that is told."""
        began_s = boot_clock_s()
        async with AsyncExitStack() as stack:
            try:
                tx = await stack.enter_async_context(self._engine.connect())
                pinned = None if memory is None else stack.enter_context(memory.pinned())
                at = await self._position(tx)
            except asyncio.CancelledError:
                if boot_clock_s() - began_s >= PATIENCE_S:
                    self.breaker.failed()
                raise
            # It does answer. What is asked now may take longer than there is time: no failure.
            self.breaker.succeeded()
            yield tx, at, pinned

    async def _position(self, tx: AsyncConnection) -> LogPosition:
        await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        query = sa.text("SELECT registry_id, epoch, revision, chain FROM registry_head")
        self._registry_id, *at = (await tx.execute(query)).one()
        return LogPosition(*at)

    async def _read(self, work: Query[T], asked: FallbackRequest) -> QueryResult[T]:
        least, standing = asked.least, asked.standing
        async with self._connected(asked.memory) as (tx, at, pinned):
            epoch, revision, _ = at
            if least > (0, 0) and not is_reached(least, epoch, revision):
                raise ServiceNotReady(
                    f"the registry is at {epoch}:{revision}, before {least[0]}:{least[1]}"
                )
            same = pinned is not None and pinned.position[:2] == (epoch, revision)
            if same and pinned is not None and pinned.position != at:
                raise ServiceNotReady(f"PostgreSQL has another history than memory, both at {at}")
            known = PartialReader(pinned if same else None)
            freshness = standing.at(epoch, revision)
            for _ in range(ROUNDS_MAX):
                basis = QueryContext(known, freshness, standing.stale)
                answer = await answer_unhurried(work, basis, "postgres")
                if not known.wanted:
                    age_s = boot_clock_s() - asked.at_s
                    freshness.CopyFrom(standing.at(epoch, revision, age_s))
                    return answer
                known.learn(await _load(tx, known.wanted))
        raise ServiceNotReady("this takes too many steps: ask again when this resolver is loaded")


#: Of an answer from Redis nobody knows whether it is the newest.
UNCONFIRMED: Final = pb.Reason(
    code="STALE_SNAPSHOT", message="this resolver is loading, and could not ask PostgreSQL"
)


def _first_wanted(work: Query[Any], known: PartialReader) -> PartialLookup | None:
    """The one question that an answer begins with; None if it begins with several, or none."""
    answer_by(work, QueryContext(known, pb.Freshness(), UNCONFIRMED), "redis")
    return next(iter(known.wanted)) if len(known.wanted) == 1 else None


async def _load(
    tx: AsyncConnection, wanted: Iterable[PartialLookup]
) -> dict[PartialLookup, list[tuple[str, bytes]]]:
    """The answers to all questions: one query for those by key, one for each lookup."""
    found: dict[PartialLookup, list[tuple[str, bytes]]] = {question: [] for question in wanted}
    lookups: defaultdict[tuple[str, str], list[PartialLookup]] = defaultdict(list)
    for question in found:
        lookups[question.kind if question.lookup else "", question.lookup].append(question)
    for row in await entity_queries.load(
        tx, [(q.kind, q.values[0]) for q in lookups.pop(("", ""), [])]
    ):
        found[PartialLookup(row.kind, "", (row.key,))].append((row.key, row.payload))
    for (kind, lookup), questions in lookups.items():
        values = [question.values for question in questions]
        if kind == LISTING_TERMS:
            for question, payload in zip(
                questions, await entity_queries.terms_at(tx, values), strict=True
            ):
                found[question] = [] if payload is None else [("", payload)]
            continue
        rows = await entity_queries.find(tx, KIND_BY_NAME[kind], lookup, values)
        if (kind, lookup) in history_check.ASKED:
            for row in chain.from_iterable(rows):
                await history_check.require_newest(tx, (kind, row.key), row.revision, row.payload)
        for question, some in zip(questions, rows, strict=True):
            found[question] = [(row.key, row.payload) for row in some]
    return found
