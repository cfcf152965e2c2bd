"""What is below memory: Redis for what is one value there, PostgreSQL for everything else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from cqc.resolver.v1 import resolver_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_resolver.queries.execute import ANY, FallbackRequest, run_yielding
from cqar_resolver.queries.query import BatchQuery, QueryResult
from cqar_resolver.replication.freshness import boot_clock_s
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.load_rounds import run_loading
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.errors import RegistryError, ServiceNotReady
from cqar_shared.queries.entities import EntityQuery
from cqar_shared.queries.partial_reader import ROUNDS_MAX, PartialReader
from cqar_shared.queries.query import Query, QueryContext, run_query
from cqar_shared.queries.reader import LISTING_TERMS
from cqar_shared.redis_store import cached_kinds
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.redis_store.cached_kinds import ENTRIES
from cqar_shared.replication.positions import LogPosition, is_reached
from cqar_shared.runtime.circuit_breaker import CircuitBreaker
from cqar_shared.runtime.outages import MAYBE_AWAY, is_away
from cqar_shared.sql import entity_queries, history_check

#: A thousand resolvers share one PostgreSQL.
CONNECTIONS_MAX: Final = 2
#: PostgreSQL returns the head, which is one row, within milliseconds: if a caller's budget ends
#: after waiting this long for that alone, PostgreSQL failed. Everything else may take long.
PATIENCE_S: Final = 0.1
#: Nobody knows whether an answer from Redis is the newest.
UNCONFIRMED: Final = pb.Reason(
    code="STALE_SNAPSHOT", message="this resolver is loading, and could not ask PostgreSQL"
)

_TOO_MANY: Final = "this takes too many steps: ask again when this resolver is loaded"

T = TypeVar("T")


class RedisStore:
    """Answers a query that takes one cached value; never composes several, never a NOT_FOUND."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def answer(
        self, request: FallbackRequest[T], registry_id: bytes
    ) -> QueryResult[T] | None:
        """Return None if PostgreSQL must be asked.

        Args:
            registry_id: The registry's; empty if it is not known yet.
        """
        reader = PartialReader()
        lookup = _only_lookup(request.query, reader)
        entry = ENTRIES.get((lookup.kind, lookup.lookup)) if lookup else None
        if lookup is None or entry is None:
            return None
        values = lookup.values if lookup.lookup else entry.kind.parts_of(*lookup.values)
        try:
            cursor, (payload,) = await self._cache.read([entry.key(values)])
        except Unavailable:
            return None
        if cursor is None or payload is None:
            return None
        if registry_id and cursor.registry_id != registry_id:
            return None
        # Only PostgreSQL may say that an epoch has ended.
        epoch, revision = request.min_position
        if (epoch, revision) > ANY and (cursor.at.epoch != epoch or cursor.at.revision < revision):
            return None
        messages = cached_kinds.decoded(entry, payload)
        if not messages:
            return None
        key_of = entry.kind.key_of
        reader.load({lookup: [(key_of(m), m.SerializeToString()) for m in messages]})
        context = QueryContext(reader, UNCONFIRMED, request.canary_group)
        value = run_query(request.query, context)
        if reader.missing or isinstance(value, RegistryError):
            return None
        freshness = request.unconfirmed_at(cursor.at.epoch, cursor.at.revision)
        return QueryResult(value, freshness, "redis")


def _only_lookup(query: Query[Any], reader: PartialReader) -> LookupKey | None:
    """Return the one lookup that an answer begins with; None if it begins with several, or none."""
    if isinstance(query, BatchQuery):
        return None
    if isinstance(query, EntityQuery):
        # What else it asks for is of no use unless there is no such entity.
        return LookupKey(query.kind, "", (query.key,))
    run_query(query, QueryContext(reader, UNCONFIRMED))
    return next(iter(reader.missing)) if len(reader.missing) == 1 else None


class PostgresStore:
    """Answers any query at the revision that PostgreSQL is at.

    A few connections are shared, and a breaker stops asking a PostgreSQL that does not answer.

    Attributes:
        breaker: Open while PostgreSQL is not asked.
        registry_id: The registry's, as it was last read; empty before.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.breaker = CircuitBreaker()
        self.registry_id = b""

    async def answer(self, request: FallbackRequest[T]) -> QueryResult[T]:
        """Answer at `request.min_position` or later.

        Raises:
            ServiceNotReady: PostgreSQL does not answer, or is before that position.
            EpochEnded: The registry is in a later epoch.
        """
        if not self.breaker.allows():
            raise ServiceNotReady(
                "PostgreSQL did not answer lately, and this resolver is not ready"
            )
        try:
            return await self._read(request)
        except (sa.exc.SQLAlchemyError, *MAYBE_AWAY) as error:
            if not (isinstance(error, sa.exc.SQLAlchemyError) or is_away(error)):
                raise
            self.breaker.failed()
            raise ServiceNotReady(f"PostgreSQL does not answer: {type(error).__name__}") from error

    async def _read(self, request: FallbackRequest[T]) -> QueryResult[T]:
        min_position = request.min_position
        async with self._connected(request.memory) as (tx, position, pinned):
            epoch, revision, _ = position
            if min_position > ANY and not is_reached(min_position, epoch, revision):
                raise ServiceNotReady(
                    f"the registry is at {epoch}:{revision},"
                    f" before {min_position[0]}:{min_position[1]}"
                )
            is_same = pinned is not None and pinned.position[:2] == (epoch, revision)
            if is_same and pinned is not None and pinned.position != position:
                message = f"PostgreSQL has another history than memory, both at {position}"
                raise ServiceNotReady(message)
            reader = PartialReader(pinned if is_same else None)
            context = QueryContext(reader, request.stale, request.canary_group)
            run = partial(run_yielding, request.query, context)
            value = await run_loading(
                run, reader, partial(_load, tx), ROUNDS_MAX, ServiceNotReady(_TOO_MANY)
            )
            return QueryResult(value, request.freshness_at(epoch, revision), "postgres")

    @asynccontextmanager
    async def _connected(
        self, memory: Snapshot | None
    ) -> AsyncIterator[tuple[AsyncConnection, LogPosition, Pinned | None]]:
        """Yield a connection, PostgreSQL's position, and memory as it was before that was read."""
        began_s = boot_clock_s()
        async with AsyncExitStack() as stack:
            try:
                tx = await stack.enter_async_context(self._engine.connect())
                pinned = None if memory is None else stack.enter_context(memory.pinned())
                position = await self._position(tx)
            except asyncio.CancelledError:
                if boot_clock_s() - began_s >= PATIENCE_S:
                    self.breaker.failed()
                raise
            # PostgreSQL answers. If there is no time for the rest, that is no failure of its own.
            self.breaker.succeeded()
            yield tx, position, pinned

    async def _position(self, tx: AsyncConnection) -> LogPosition:
        await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        query = sa.text("SELECT registry_id, epoch, revision, chain FROM registry_head")
        self.registry_id, *position = (await tx.execute(query)).one()
        return LogPosition(*position)


async def _load(tx: AsyncConnection, reader: PartialReader) -> None:
    """Read what each missing lookup finds: one SQL query for all keys, one for each index."""
    lookups = reader.missing
    loaded: dict[LookupKey, list[tuple[str, bytes]]] = {lookup: [] for lookup in lookups}
    by_index: defaultdict[tuple[str, str], list[LookupKey]] = defaultdict(list)
    for lookup in lookups:
        by_index[lookup.kind if lookup.lookup else "", lookup.lookup].append(lookup)
    refs = [(lookup.kind, lookup.values[0]) for lookup in by_index.pop(("", ""), [])]
    for row in await entity_queries.load(tx, refs):
        loaded[LookupKey(row.kind, "", (row.key,))].append((row.key, row.payload))
    for (kind, index), group in by_index.items():
        values = [lookup.values for lookup in group]
        if kind == LISTING_TERMS:
            for lookup, payload in zip(
                group, await entity_queries.terms_at(tx, values), strict=True
            ):
                loaded[lookup] = [] if payload is None else [("", payload)]
            continue
        rows = await entity_queries.find(tx, KIND_BY_NAME[kind], index, values)
        if (kind, index) in history_check.ASKED:
            for row in chain.from_iterable(rows):
                await history_check.require_newest(tx, (kind, row.key), row.revision, row.payload)
        for lookup, entities in zip(group, rows, strict=True):
            loaded[lookup] = [(row.key, row.payload) for row in entities]
    reader.load(loaded)
