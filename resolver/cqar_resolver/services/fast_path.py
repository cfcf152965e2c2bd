"""The two calls that most programs make, from bytes to bytes.

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
from cqar_resolver.cache.resolution_cache import ResolutionCache
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
        ordinary: Answers what memory may not, or has no answer to.
        known, rates: Shared by all of a process's servers.
    """

    def __init__(
        self,
        view: ReplicaState,
        executor: QueryExecutor,
        ordinary: ResolverService,
        known: ResolutionCache,
        now: Callable[[], dt.datetime],
        rates: TokenBuckets,
    ) -> None:
        self._rates = rates
        self._view = view
        self._executor = executor
        self._ordinary = ordinary
        self._now = now
        self._resolutions = known
        self._held: FreshnessLease | None = None

    def register(self, methods: Methods) -> None:
        """To be done after the service's own: the last handler of a name is the one that counts.

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
            """A question asked before needs none of what the others are wrapped in."""
            began_s = time.perf_counter()
            moment = self._moment()
            if moment is not None and self._is_reached(metadata_of(context, HEADER)):
                made = self._known(request, moment)
                # Who has no token left is told so below, where all are.
                if made is not None and not take(caller_of(context)):
                    if made.denials:
                        metrics.count_denials(made.denials)
                    seconds = time.perf_counter() - began_s
                    count_lookup(seconds)
                    count_call(seconds)
                    return made.framed + moment.encoded_freshness
            answer: bytes = await wrapped(request, context)
            return answer

        methods.put(SERVICE, "Resolve", grpc.unary_unary_rpc_method_handler(resolve))

    def _is_reached(self, wanted: str) -> bool:
        """Whether memory is where a call wants it to be; where not, others wait or say why."""
        if not wanted:
            return True
        found = FORM.fullmatch(wanted)
        epoch, revision, _ = self._view.snapshot.position
        return found is not None and int(found[1]) == epoch and int(found[2]) <= revision

    def _moment(self) -> FreshnessLease | None:
        """How current memory is now; None where it is not LIVE, or calls are logged one by one."""
        held, view = self._held, self._view
        now_s = clock_gettime(CLOCK_BOOTTIME)
        if held is not None and held.generation is view.generation and now_s < held.until_s:
            return held
        if view.state != pb.SNAPSHOT_STATE_LIVE or is_logged():
            return None
        freshness = view.freshness_message()
        lease = lease_of(freshness.staleness_ms, view.freshness.stale_after_s, LEASE_MAX_S)
        freshness.staleness_ms = lease.reported_ms
        now_ns = self._now_ns()
        until_ns = now_ns + int(lease.seconds * 1e9)
        told = resolution_cache.encode_freshness(freshness)
        self._held = FreshnessLease(view.generation, now_s + lease.seconds, now_ns, until_ns, told)
        return self._held

    def _known(self, request: bytes, moment: FreshnessLease) -> CachedAnswer | None:
        """The answer, if it was given before and holds for all of the moment."""
        if len(request) > resolution_cache.QUESTION_BYTES_MAX:
            return None
        memory = self._view.snapshot
        made = self._resolutions.known(request, memory, moment.now_ns, moment.until_ns)
        return made if made is not None and made.is_found else None

    async def _resolve(self, request: bytes, context: Context) -> bytes:
        began_s = time.perf_counter()
        if self._executor.memory_suffices:
            made = self._from_memory(request)
            if made is not None and made.is_found:
                metrics.count_denials(made.denials)
                freshness = self._executor.freshness()
                send_freshness(freshness, context)
                seconds = time.perf_counter() - began_s
                metrics.count_lookup("Resolve", "found", "memory", seconds)
                return made.framed + resolution_cache.encode_freshness(freshness)
        question = parsed(pb.ResolveRequest, request, RESOLVE_BYTES_MAX)
        answer = await self._ordinary.Resolve(question, context)
        return answer.SerializeToString()

    def _from_memory(self, request: bytes) -> CachedAnswer | None:
        """Unless it is asked as of another time than now, or is archived."""
        stale, memory, now_ns = self._view.stale_reason, self._view.snapshot, self._now_ns()
        question = parsed(pb.ResolveRequest, request, RESOLVE_BYTES_MAX)
        if question.HasField("as_of"):
            return None
        key = pb.VenueSymbolKey(venue_id=question.venue_id, venue_symbol=question.venue_symbol)
        try:
            return self._resolutions.of(key.SerializeToString(), memory, stale, now_ns)
        except NotResident:
            return None

    async def _resolve_batch(self, request: bytes, context: Context) -> bytes:
        batch = await read(pb.ResolveBatchRequest, request, BATCH_BYTES_MAX)
        if batch.HasField("as_of") or not self._executor.memory_suffices:
            return await self._batch_below(batch, context)
        require_few(batch.keys, "keys")
        began_s = time.perf_counter()
        try:
            with pinned_memory(self._executor, context) as (memory, freshness):
                made = await self._all_from(memory, [key.SerializeToString() for key in batch.keys])
        except NotResident:
            return await self._batch_below(batch, context)
        metrics.count_denials(chain.from_iterable(one.denials for one in made))
        metrics.count_lookup("ResolveBatch", "found", "memory", time.perf_counter() - began_s)
        return resolution_cache.batch_response(made, freshness)

    async def _batch_below(self, batch: pb.ResolveBatchRequest, context: Context) -> bytes:
        answer = await self._ordinary.ResolveBatch(batch, context)
        return answer.SerializeToString()

    async def _all_from(
        self, memory: VersionedReader, questions: Sequence[bytes]
    ) -> list[CachedAnswer]:
        """What is known at once; what is to be made anew, between other calls."""
        stale, now_ns = self._view.stale_reason, self._now_ns()
        known = self._resolutions.known
        found = [known(one, memory, now_ns) if stale is None else None for one in questions]
        require = partial(require_fits, len(questions))
        size_bytes = sum(len(made.framed) for made in found if made is not None)
        missing = Counter(one for one, made in zip(questions, found, strict=True) if made is None)
        anew: dict[bytes, CachedAnswer] = {}
        require(size_bytes)
        async for some in yielding(missing, PARTS_AT_ONCE):
            for one in some:
                anew[one] = self._resolutions.make(one, memory, stale, now_ns)
                size_bytes += missing[one] * len(anew[one].framed)
            require(size_bytes)
        return [made or anew[one] for one, made in zip(questions, found, strict=True)]

    def _now_ns(self) -> int:
        return Instant.of(self._now()).ns
