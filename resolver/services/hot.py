"""The two calls that most programs make, from bytes to bytes.

A question that was asked before is a look into one dict and its answer a copy; everything else is
done as the ordinary methods do it, or by them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb

from resolver import metrics, resolutions
from resolver.reading import NotInMemory
from resolver.remembered import Made, Memory
from resolver.resolutions import Resolutions
from resolver.services.resolver import ResolverService, require_few
from resolver.tiers import Tiers
from resolver.view import View
from shared.grpc_errors import Context, parsed
from shared.instant import Instant
from shared.unhurried import unhurried

#: Of answers made anew, at 60 us each, between two looks at the clock.
ANEW_AT_ONCE: Final = 8


class HotMethods:
    """Both, by the names that gRPC calls them.

    Args:
        ordinary: Answers what memory may not, or has no answer to.
        known: Shared by all of a process's servers.
    """

    def __init__(
        self,
        view: View,
        tiers: Tiers,
        ordinary: ResolverService,
        known: Resolutions,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._view = view
        self._tiers = tiers
        self._ordinary = ordinary
        self._now = now
        self._resolutions = known

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """To be registered after the service's own: the last one counts."""
        return {
            "Resolve": grpc.unary_unary_rpc_method_handler(self.resolve),
            "ResolveBatch": grpc.unary_unary_rpc_method_handler(self.resolve_batch),
        }

    async def resolve(self, request: bytes, context: Context) -> bytes:
        began_s = time.perf_counter()
        if self._tiers.are_not_needed:
            made = self._from_memory(request)
            if made is not None and made.is_found:
                if made.denials:
                    metrics.count_denials(made.denials)
                freshness = self._tiers.tell("Resolve", "found", began_s, context)
                return resolutions.response(made, freshness)
        question = parsed(pb.ResolveRequest, request)
        answer = await self._ordinary.Resolve(question, context)
        return answer.SerializeToString()

    def _from_memory(self, request: bytes) -> Made | None:
        """Unless it is asked as of another time than now, or is archived."""
        stale, memory, now_ns = self._view.stale_reason, self._view.snapshot, self._now_ns()
        if stale is None:
            made = self._resolutions.known(request, memory, now_ns)
            if made is not None:
                return made
        question = parsed(pb.ResolveRequest, request)
        if question.HasField("as_of"):
            return None
        key = pb.VenueSymbolKey(venue_id=question.venue_id, venue_symbol=question.venue_symbol)
        try:
            return self._resolutions.make(key.SerializeToString(), memory, stale, now_ns)
        except NotInMemory:
            return None

    async def resolve_batch(self, request: bytes, context: Context) -> bytes:
        batch = parsed(pb.ResolveBatchRequest, request)
        if batch.HasField("as_of") or not self._tiers.are_not_needed:
            return await self._batch_below(batch, context)
        require_few(batch.keys)
        began_s = time.perf_counter()
        try:
            with self._tiers.pinned(context) as (memory, freshness):
                made = await self._all_from(memory, [key.SerializeToString() for key in batch.keys])
        except NotInMemory:
            return await self._batch_below(batch, context)
        metrics.count_denials(chain.from_iterable(one.denials for one in made))
        metrics.count_lookup("ResolveBatch", "found", "memory", time.perf_counter() - began_s)
        return resolutions.batch_response(made, freshness)

    async def _batch_below(self, batch: pb.ResolveBatchRequest, context: Context) -> bytes:
        answer = await self._ordinary.ResolveBatch(batch, context)
        return answer.SerializeToString()

    async def _all_from(self, memory: Memory, questions: Sequence[bytes]) -> list[Made]:
        """What is known at once; what is to be made anew, between other calls."""
        stale, now_ns = self._view.stale_reason, self._now_ns()
        known = self._resolutions.known
        found = [known(one, memory, now_ns) if stale is None else None for one in questions]
        missing = {one for one, made in zip(questions, found, strict=True) if made is None}
        anew: dict[bytes, Made] = {}
        async for some in unhurried(missing, ANEW_AT_ONCE):
            for one in some:
                anew[one] = self._resolutions.make(one, memory, stale, now_ns)
        return [made or anew[one] for one, made in zip(questions, found, strict=True)]

    def _now_ns(self) -> int:
        return Instant.of(self._now()).ns
