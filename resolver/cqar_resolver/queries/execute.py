"""Answers a query from memory, or from the stores below it while memory cannot.

With a complete snapshot a miss in memory is the answer, without any I/O. The stores are asked while
the first snapshot is loading, for a caller whose minimal revision memory did not reach in time, and
for what memory never holds, such as the past.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver import metrics
from cqar_resolver.queries.query import BatchQuery, QueryResult, require_fits
from cqar_resolver.replication.freshness import DRIFT, boot_clock_s
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.errors import EntityNotFound, EpochEnded, RegistryError, ServiceNotReady, TooLarge
from cqar_shared.queries.query import Query, QueryContext, run_query
from cqar_shared.queries.reader import NotResident, Reader
from cqar_shared.replication.positions import is_reached
from cqar_shared.runtime.event_loop import yielding

#: (epoch, revision) that an answer must have, at least.
MinPosition = tuple[int, int]
ANY: Final[MinPosition] = (0, 0)
#: Answers of a batch, at 60 us each, between two looks at the clock.
PARTS_AT_ONCE: Final = 8
#: The minimal position of the current call's caller, where memory did not reach it in time.
_unreached: ContextVar[MinPosition | None] = ContextVar("unreached", default=None)
_BEHIND: Final = "memory is before {}:{}, and what stands in for it is not signed"

T = TypeVar("T")


class FallbackRequest(NamedTuple, Generic[T]):
    """A query that memory cannot answer, and how current memory is.

    PostgreSQL may be a lagging replica or an old primary: by itself nothing confirms what it says.
    But memory's staleness bounds that of the same revision or a later one.

    Attributes:
        caller: Who asks; each caller has a bounded part of the work below memory.
        min_position: The answer must not be older.
        freshness: Memory's, at `told_at_s` by the boot clock.
        stale: Why verdicts must deny, if they must.
        memory: Set if memory is complete and lacks only part of the answer: where PostgreSQL is at
            the same revision, only that part is read.
        canary_group: This resolver's; see `QueryContext`.
    """

    query: Query[T]
    caller: str
    min_position: MinPosition
    freshness: pb.Freshness
    stale: pb.Reason | None
    told_at_s: float
    memory: Snapshot | None = None
    canary_group: str = ""

    def freshness_at(self, epoch: int, revision: int) -> pb.Freshness:
        """Return how current an answer of PostgreSQL is that is made now."""
        freshness = pb.Freshness(epoch=epoch, revision=revision, state=self.freshness.state)
        if self.freshness.HasField("staleness_ms"):
            age_ms = int((boot_clock_s() - self.told_at_s) * 1000 * DRIFT) + 1
            freshness.staleness_ms = self.freshness.staleness_ms + age_ms
        return freshness

    def unconfirmed_at(self, epoch: int, revision: int) -> pb.Freshness:
        """Return how current an answer of Redis is: without a bound, and never LIVE."""
        is_live = self.freshness.state == pb.SNAPSHOT_STATE_LIVE
        state = pb.SNAPSHOT_STATE_STALE if is_live else self.freshness.state
        return pb.Freshness(epoch=epoch, revision=revision, state=state)


class Stores(Protocol):
    """What is below memory; `cqar_resolver.fallback.stores.Fallback`."""

    async def answer(self, request: FallbackRequest[T]) -> QueryResult[T]:
        """Answer, or raise ServiceNotReady, TooMany or EpochEnded."""


class QueryExecutor:
    """Picks memory or the stores for each query.

    Args:
        stands_in: Whether the stores may answer in place of memory that is loading or behind; else
            they answer only what memory never holds.
        canary_group: This resolver's; empty: none.
    """

    def __init__(
        self,
        replica: ReplicaState,
        stores: Stores,
        *,
        stands_in: bool = True,
        canary_group: str = "",
    ) -> None:
        self.canary_group = canary_group
        self._replica = replica
        self._stores = stores
        self._stands_in = stands_in

    async def reach(self, epoch: int, revision: int, seconds: float) -> None:
        """Wait until memory is at a revision; if it is not in time, the stores answer this call.

        Raises:
            EpochEnded: The snapshot is of a later epoch.
        """
        try:
            await self._replica.reach(epoch, revision, seconds)
        except ServiceNotReady:
            _unreached.set((epoch, revision))

    @property
    def memory_suffices(self) -> bool:
        """Whether memory is complete and as far as the current call's caller wants it to be."""
        return self._replica.is_complete and _unreached.get() is None

    def require_reached(self) -> None:
        """Refuse a call that only memory answers, where memory is before what its caller saw.

        Raises:
            ServiceNotReady: Memory did not reach the caller's minimal revision in time.
        """
        unreached = _unreached.get()
        if unreached is not None:
            epoch, revision = unreached
            raise ServiceNotReady(
                f"this comes from memory alone, which is before {epoch}:{revision}"
            )

    def freshness(self) -> pb.Freshness:
        """Return how current memory is."""
        return self._replica.freshness_message()

    @contextmanager
    def pinned(self) -> Iterator[tuple[Pinned, pb.Freshness]]:
        """Hold memory at one revision, for work that other calls may interrupt.

        Yields:
            Memory, and how current it is; at the end the freshness is brought up to date.

        Raises:
            ServiceNotReady: Memory is loading, or before what the caller saw.
        """
        if not self._replica.is_complete:
            raise ServiceNotReady(
                "lists come from memory alone, which is loading: ask another resolver"
            )
        self.require_reached()
        freshness, began_s = self.freshness(), boot_clock_s()
        try:
            with self._replica.snapshot.pinned() as memory:
                yield memory, freshness
        finally:
            if freshness.HasField("staleness_ms"):
                freshness.staleness_ms += int((boot_clock_s() - began_s) * 1000 * DRIFT) + 1

    async def execute(self, query: Query[T], caller: str) -> QueryResult[T]:
        """Return the answer, or the error that is the answer, and how current it is.

        Raises:
            ServiceNotReady: Neither memory nor a store can answer.
            TooMany: This caller, or all together, ask too much of the stores.
            EpochEnded: The registry is in a later epoch than what the caller saw.
        """
        began_s = time.perf_counter()
        result = await self._from_memory(query) if self.memory_suffices else None
        if result is None:
            result = await self._from_stores(query, caller)
        is_miss = isinstance(result.value, EntityNotFound)
        if is_miss or not isinstance(result.value, RegistryError):
            outcome = "not_found" if is_miss else "found"
            metrics.count_lookup(query.rpc, outcome, result.tier, time.perf_counter() - began_s)
        return result

    async def _from_memory(self, query: Query[T]) -> QueryResult[T] | None:
        """Return None if memory knows that it lacks part of the answer."""
        replica, stale = self._replica, self._replica.stale_reason
        try:
            if not isinstance(query, BatchQuery):
                freshness = self.freshness()
                value = run_query(query, self._context(replica.snapshot, stale))
                return QueryResult(value, freshness, "memory")
            with self.pinned() as (memory, freshness):
                value = await run_yielding(query, self._context(memory, stale))
                return QueryResult(value, freshness, "memory")
        except NotResident:
            return None

    def _context(self, reader: Reader, stale: pb.Reason | None) -> QueryContext:
        return QueryContext(reader, stale, self.canary_group)

    async def _from_stores(self, query: Query[T], caller: str) -> QueryResult[T]:
        replica, unreached = self._replica, _unreached.get()
        request = FallbackRequest(
            *(query, caller, unreached or ANY),
            *(self.freshness(), replica.stale_reason, boot_clock_s()),
            canary_group=self.canary_group,
        )
        if self.memory_suffices:
            # This process never returns anything older than what it returned before.
            position = replica.snapshot.position[:2]
            request = request._replace(min_position=position, memory=replica.snapshot)
            try:
                return await self._stores.answer(request)
            except EpochEnded as error:
                message = f"memory is not in the registry's new epoch yet: {error}"
                raise ServiceNotReady(message) from error
        if not self._stands_in:
            behind = _BEHIND.format(*request.min_position)
            raise ServiceNotReady(behind if replica.is_complete else replica.loading)
        if replica.is_complete:
            # Memory may have got there meanwhile; the freshness is that of memory's position.
            epoch, revision, _ = replica.snapshot.position
            if is_reached(request.min_position, epoch, revision):
                request = request._replace(min_position=(epoch, revision))
        return await self._stores.answer(request)


async def run_yielding(query: Query[T], context: QueryContext) -> T | RegistryError:
    """Do as `run_query`; let other calls be answered between the parts of a batch.

    Args:
        context: Its reader stays at one revision meanwhile.
    """
    if not isinstance(query, BatchQuery):
        return run_query(query, context)
    answers: list[Any] = []
    size_bytes = 0
    async for parts in yielding(query.parts, PARTS_AT_ONCE):
        added = [query.run_part(context, part) for part in parts]
        size_bytes += sum(answer.ByteSize() for answer in added)
        try:
            require_fits(len(query.parts), size_bytes)
        except TooLarge as error:
            return error
        answers += added
    combined: T = query.combine(answers)
    return combined
