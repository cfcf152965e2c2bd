"""`cqc.resolver.v1.Resolver`: the sidecar's own API."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverServicer
from google.protobuf.message import Message

from cqar_resolver import metrics
from cqar_resolver.fallback.read_path import ReadPath, tell_freshness
from cqar_resolver.queries import requests
from cqar_resolver.queries.query import Query
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.services.watch_stream import Watching
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.runtime import version
from cqar_shared.runtime.process_memory import memory_bytes

M = TypeVar("M", bound=Message)


class ResolverService(ResolverServicer):
    """Every method; those that look something up do so through the tiers.

    Args:
        stale_is_error: Whether an order is not judged at all by what may be behind.
    """

    def __init__(
        self,
        view: ReplicaState,
        tiers: ReadPath,
        now: Callable[[], dt.datetime],
        *,
        stale_is_error: bool = False,
    ) -> None:
        self._view = view
        self._tiers = tiers
        self._watching = Watching(view)
        self._now = now
        self._stale_is_error = stale_is_error

    async def Resolve(self, request: pb.ResolveRequest, context: Context) -> pb.ResolveResponse:
        work = requests.resolve(request, self._now())
        return await self._answer("Resolve", request, work, context)

    async def ResolveBatch(
        self, request: pb.ResolveBatchRequest, context: Context
    ) -> pb.ResolveBatchResponse:
        work = requests.resolve_batch(request, self._now())
        return await self._answer("ResolveBatch", request, work, context)

    async def FindVenueSymbols(
        self, request: pb.FindVenueSymbolsRequest, context: Context
    ) -> pb.FindVenueSymbolsResponse:
        work = requests.find_venue_symbols(request, self._now())
        return await self._answer("FindVenueSymbols", request, work, context)

    async def ResolveAsset(
        self, request: pb.ResolveAssetRequest, context: Context
    ) -> pb.ResolveAssetResponse:
        work = requests.resolve_asset(request, self._now())
        return await self._answer("ResolveAsset", request, work, context)

    async def ExpandGroup(
        self, request: pb.ExpandGroupRequest, context: Context
    ) -> pb.ExpandGroupResponse:
        work = requests.expand_group(request, self._now())
        return await self._answer("ExpandGroup", request, work, context)

    async def CheckOrder(
        self, request: pb.CheckOrderRequest, context: Context
    ) -> pb.CheckOrderResponse:
        work = requests.check_order(request, self._now(), stale_is_error=self._stale_is_error)
        return await self._answer("CheckOrder", request, work, context)

    async def _answer(self, rpc: str, request: Message, work: Query[M], context: Context) -> M:
        answer, freshness = await self._tiers.answer(rpc, request, work, context)
        metrics.count_denials(requests.denials(answer))
        requests.told(answer, freshness)
        return answer

    async def GetStatus(
        self, request: pb.GetStatusRequest, context: Context
    ) -> pb.GetStatusResponse:
        view = self._view
        freshness = view.freshness_message()
        tell_freshness(freshness, context)
        self._tiers.require_reached()
        if not view.is_complete:
            return pb.GetStatusResponse(
                freshness=freshness,
                memory_bytes=memory_bytes(),
                version=version.version(),
                reason=view.reason,
            )
        snapshot = view.snapshot
        status = pb.GetStatusResponse(
            freshness=freshness,
            head=snapshot.head,
            lag=view.lag,
            counts=snapshot.counts,
            hydrated_from=view.hydrated_from,
            memory_bytes=memory_bytes(),
            version=version.version(),
            reason=view.reason,
        )
        if view.hydrated_at is not None:
            status.hydrated_at.FromDatetime(view.hydrated_at)
        return status

    async def Watch(
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        self._tiers.require_reached()
        async for response in self._watching.watch(request, caller_of(context)):
            yield response
