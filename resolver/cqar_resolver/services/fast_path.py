"""Answers the two most frequent methods from bytes to bytes.

A question that was asked before is a look into one dict and its answer a copy; everything else is
done as the ordinary methods do it, or by them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver import metrics
from cqar_resolver.cache import resolution_cache
from cqar_resolver.cache.answer_cache import CachedAnswer, VersionedReader
from cqar_resolver.cache.resolution_cache import FactsAges, ResolutionCache
from cqar_resolver.queries.execute import PARTS_AT_ONCE, QueryExecutor
from cqar_resolver.queries.query import require_fits
from cqar_resolver.queries.resolution import require_few
from cqar_resolver.replication.freshness_lease import LEASE_MAX_S, FreshnessLease, lease_of
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.services.freshness_metadata import pinned_memory, send_freshness
from cqar_resolver.services.resolver_service import ResolverService
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident
from cqar_shared.rpc import request_limits
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.call_metrics import is_logged, succeeded
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.middleware import Methods, metadata_of
from cqar_shared.rpc.min_revision import FORM, HEADER
from cqar_shared.rpc.request_reader import parsed, read
from cqar_shared.runtime.event_loop import yielding
from cqar_shared.runtime.token_bucket import TokenBuckets

SERVICE: Final = "cqc.resolver.v1.Resolver"
RESOLVE_BYTES_MAX: Final = request_limits.bytes_max(f"/{SERVICE}/Resolve")
BATCH_BYTES_MAX: Final = request_limits.bytes_max(f"/{SERVICE}/ResolveBatch")


class FastPath:
    """Resolve and ResolveBatch.

    Args:
        ordinary: Answers what memory cannot, and misses.
        resolutions, rates: Shared by all of a process's servers.
    """

    def __init__(
        self,
        replica: ReplicaState,
        executor: QueryExecutor,
        ordinary: ResolverService,
        resolutions: ResolutionCache,
        now: Callable[[], dt.datetime],
        rates: TokenBuckets,
    ) -> None:
        self._rates = rates
        self._replica = replica
        self._executor = executor
        self._ordinary = ordinary
        self._now = now
        self._resolutions = resolutions
        self._lease: FreshnessLease | None = None
        self._ages = FactsAges(0)

    def register(self, methods: Methods) -> None:
        """Replace the service's own handlers, which must be registered before.

        Args:
            methods: Wraps what is not answered at once.
        """
        handlers: dict[str, Any] = {
            "Resolve": grpc.unary_unary_rpc_method_handler(self._resolve),
            "ResolveBatch": grpc.unary_unary_rpc_method_handler(self._resolve_batch),
        }
        methods.add_registered_method_handlers(SERVICE, handlers)
        wrapped = methods.wrapped(handlers["Resolve"], f"/{SERVICE}/Resolve").unary_unary
        count_call = succeeded("Resolve")
        count_lookup = metrics.counting("Resolve", "found", "memory")
        take = self._rates.take

        async def resolve(request: bytes, context: Context) -> bytes:
            """Answer a question that was asked before, without what wraps the other calls."""
            began_s = time.perf_counter()
            lease = self._current_lease()
            if lease is not None and self._is_reached(metadata_of(context, HEADER)):
                cached = self._find(request, lease)
                # A caller without a token left is refused below, as all callers are.
                if cached is not None and not take(caller_of(context)):
                    if cached.denials:
                        metrics.count_denials(cached.denials)
                    seconds = time.perf_counter() - began_s
                    count_lookup(seconds)
                    count_call(seconds)
                    if cached.facts_ms:
                        age = self._ages.to_append(cached.facts_ms)
                        return cached.encoded + age + lease.encoded_freshness
                    return cached.encoded + lease.encoded_freshness
            answer: bytes = await wrapped(request, context)
            return answer

        methods.put(SERVICE, "Resolve", grpc.unary_unary_rpc_method_handler(resolve))

    def _is_reached(self, min_revision: str) -> bool:
        """Return whether memory is where a call wants it to be; other calls wait or say why."""
        if not min_revision:
            return True
        match = FORM.fullmatch(min_revision)
        epoch, revision, _ = self._replica.snapshot.position
        return match is not None and int(match[1]) == epoch and int(match[2]) <= revision

    def _current_lease(self) -> FreshnessLease | None:
        """Return how current memory is; None unless it is LIVE, or if each call is logged."""
        lease, replica = self._lease, self._replica
        now_s = clock_gettime(CLOCK_BOOTTIME)
        if lease is not None and lease.generation is replica.generation and now_s < lease.until_s:
            return lease
        if replica.state != pb.SNAPSHOT_STATE_LIVE or is_logged():
            return None
        freshness = replica.freshness_message()
        length = lease_of(freshness.staleness_ms, replica.freshness.stale_after_s, LEASE_MAX_S)
        freshness.staleness_ms = length.reported_ms
        now_ns = self._now_ns()
        until_ns = now_ns + int(length.seconds * 1e9)
        encoded = resolution_cache.encode_freshness(freshness)
        until_s = now_s + length.seconds
        # As of the lease's end, as staleness is.
        self._ages = FactsAges(until_ns // 1_000_000)
        self._lease = FreshnessLease(replica.generation, until_s, now_ns, until_ns, encoded)
        return self._lease

    def _find(self, request: bytes, lease: FreshnessLease) -> CachedAnswer | None:
        """Return the answer, if it is kept and holds until the lease ends."""
        if len(request) > resolution_cache.QUESTION_BYTES_MAX:
            return None
        memory = self._replica.snapshot
        cached = self._resolutions.find(request, memory, lease.now_ns, lease.until_ns)
        return cached if cached is not None and cached.is_found else None

    async def _resolve(self, request: bytes, context: Context) -> bytes:
        began_s = time.perf_counter()
        if self._executor.memory_suffices:
            answer = self._from_memory(request)
            if answer is not None and answer.is_found:
                metrics.count_denials(answer.denials)
                freshness = self._executor.freshness()
                send_freshness(freshness, context)
                seconds = time.perf_counter() - began_s
                metrics.count_lookup("Resolve", "found", "memory", seconds)
                age = FactsAges(self._now_ns() // 1_000_000).to_append(answer.facts_ms)
                return answer.encoded + age + resolution_cache.encode_freshness(freshness)
        question = parsed(pb.ResolveRequest, request, RESOLVE_BYTES_MAX)
        response = await self._ordinary.Resolve(question, context)
        return response.SerializeToString()

    def _from_memory(self, request: bytes) -> CachedAnswer | None:
        """Return the answer; None for another time than now, and for what is archived."""
        stale, memory, now_ns = self._replica.stale_reason, self._replica.snapshot, self._now_ns()
        question = parsed(pb.ResolveRequest, request, RESOLVE_BYTES_MAX)
        if question.HasField("as_of"):
            return None
        key = pb.VenueSymbolKey(venue_id=question.venue_id, venue_symbol=question.venue_symbol)
        try:
            return self._resolutions.answer(key.SerializeToString(), memory, stale, now_ns)
        except NotResident:
            return None

    async def _resolve_batch(self, request: bytes, context: Context) -> bytes:
        batch = await read(pb.ResolveBatchRequest, request, BATCH_BYTES_MAX)
        if batch.HasField("as_of") or not self._executor.memory_suffices:
            return await self._ordinary_batch(batch, context)
        require_few(batch.keys, "keys")
        began_s = time.perf_counter()
        try:
            with pinned_memory(self._executor, context) as (memory, freshness):
                keys = [key.SerializeToString() for key in batch.keys]
                answers = await self._answer_each(memory, keys)
        except NotResident:
            return await self._ordinary_batch(batch, context)
        metrics.count_denials(chain.from_iterable(answer.denials for answer in answers))
        metrics.count_lookup("ResolveBatch", "found", "memory", time.perf_counter() - began_s)
        return resolution_cache.batch_response(answers, freshness, self._now_ns() // 1_000_000)

    async def _ordinary_batch(self, batch: pb.ResolveBatchRequest, context: Context) -> bytes:
        response = await self._ordinary.ResolveBatch(batch, context)
        return response.SerializeToString()

    async def _answer_each(
        self, memory: VersionedReader, questions: Sequence[bytes]
    ) -> list[CachedAnswer]:
        """Look up the answers that are kept at once; make the others between other calls."""
        stale, now_ns = self._replica.stale_reason, self._now_ns()
        find = self._resolutions.find
        kept = [find(question, memory, now_ns) if stale is None else None for question in questions]
        require = partial(require_fits, len(questions))
        size_bytes = sum(len(answer.encoded) for answer in kept if answer is not None)
        pairs = list(zip(questions, kept, strict=True))
        missing = Counter(question for question, answer in pairs if answer is None)
        made: dict[bytes, CachedAnswer] = {}
        require(size_bytes)
        async for some in yielding(missing, PARTS_AT_ONCE):
            for question in some:
                made[question] = self._resolutions.make(question, memory, stale, now_ns)
                size_bytes += missing[question] * len(made[question].encoded)
            require(size_bytes)
        return [answer or made[question] for question, answer in pairs]

    def _now_ns(self) -> int:
        return Instant.of(self._now()).ns
