"""`cqc.resolver.v1.Resolver`: the sidecar's own API."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverServicer
from google.protobuf.message import Message

from cqar_resolver import metrics
from cqar_resolver.queries import requests
from cqar_resolver.queries.assets import ExpandGroupQuery, ResolveAssetQuery
from cqar_resolver.queries.execute import QueryExecutor
from cqar_resolver.queries.near_spellings import near_spellings
from cqar_resolver.queries.orders import CheckOrderQuery
from cqar_resolver.queries.query import QueryResult
from cqar_resolver.queries.resolution import FindVenueSymbolsQuery, ResolveBatchQuery, ResolveQuery
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.services.freshness_metadata import send_freshness
from cqar_resolver.services.watch_stream import WatchStreams
from cqar_shared.errors import EntityNotFound, RegistryError
from cqar_shared.queries.query import Query
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.runtime import version
from cqar_shared.runtime.process_memory import memory_bytes

M = TypeVar("M", bound=Message)


class ResolverService(ResolverServicer):
    """Every method; `query_of`, `execute`, `status` and `watch` serve this process, without gRPC.

    Args:
        stale_is_error: CheckOrder fails while the snapshot may be out of date.
    """

    def __init__(
        self,
        replica: ReplicaState,
        executor: QueryExecutor,
        now: Callable[[], dt.datetime],
        *,
        stale_is_error: bool = False,
    ) -> None:
        self._replica = replica
        self._executor = executor
        self._watches = WatchStreams(replica)
        self._now = now
        self._read_order = partial(CheckOrderQuery.from_request, stale_is_error=stale_is_error)

    def query_of(self, method: str, request: Any) -> Query[Any]:
        """Read a request to one of `requests.QUERIES`.

        Raises:
            Invalid, TooLarge: No registry can answer the request.
        """
        read = self._read_order if method == "CheckOrder" else requests.QUERIES[method]
        return read(request, self._now())

    async def execute(self, query: Query[M], caller: str) -> QueryResult[M]:
        """Do as `QueryExecutor.execute`; the answer also says itself how current it is."""
        result = await self._executor.execute(query, caller)
        if not isinstance(result.value, RegistryError):
            metrics.count_denials(requests.denials(result.value))
            requests.set_freshness(result.value, result.freshness)
        elif isinstance(result.value, EntityNotFound) and isinstance(query, ResolveQuery):
            result.value.near = self._near(query)
        return result

    def _near(self, query: ResolveQuery) -> tuple[str, ...]:
        """What the venue spells nearly so; nothing while memory is not loaded."""
        if not self._replica.is_complete:
            return ()
        return near_spellings(self._replica.snapshot, query.venue_id, query.venue_symbol)

    def status(self) -> pb.GetStatusResponse:
        """Return what is served and how current it is.

        Raises:
            ServiceNotReady: Memory did not reach the caller's minimal revision in time.
        """
        self._executor.require_reached()
        replica = self._replica
        status = pb.GetStatusResponse(
            freshness=self._executor.freshness(),
            memory_bytes=memory_bytes(),
            version=version.version(),
            reason=replica.reason,
            canary_group=self._executor.canary_group,
        )
        if replica.is_complete:
            snapshot = replica.snapshot
            status.head.CopyFrom(snapshot.head)
            status.lag = replica.lag
            status.counts.update(snapshot.counts)
            status.hydrated_from = replica.hydrated_from
            if replica.hydrated_at is not None:
                status.hydrated_at.FromDatetime(replica.hydrated_at)
        return status

    def watch(self, request: pb.WatchRequest, caller: str) -> AsyncGenerator[pb.WatchResponse]:
        """Return the change sets as they are applied; see `WatchStreams.watch`."""
        self._executor.require_reached()
        return self._watches.watch(request, caller)

    # ------------------------------------------------------------ gRPC

    async def _answer(self, query: Query[M], context: Context) -> M:
        result = await self.execute(query, caller_of(context))
        send_freshness(result.freshness, context)
        return result.get()

    async def Resolve(self, request: pb.ResolveRequest, context: Context) -> pb.ResolveResponse:
        return await self._answer(ResolveQuery.from_request(request, self._now()), context)

    async def ResolveBatch(
        self, request: pb.ResolveBatchRequest, context: Context
    ) -> pb.ResolveBatchResponse:
        return await self._answer(ResolveBatchQuery.from_request(request, self._now()), context)

    async def FindVenueSymbols(
        self, request: pb.FindVenueSymbolsRequest, context: Context
    ) -> pb.FindVenueSymbolsResponse:
        return await self._answer(FindVenueSymbolsQuery.from_request(request, self._now()), context)

    async def ResolveAsset(
        self, request: pb.ResolveAssetRequest, context: Context
    ) -> pb.ResolveAssetResponse:
        return await self._answer(ResolveAssetQuery.from_request(request, self._now()), context)

    async def ExpandGroup(
        self, request: pb.ExpandGroupRequest, context: Context
    ) -> pb.ExpandGroupResponse:
        return await self._answer(ExpandGroupQuery.from_request(request, self._now()), context)

    async def CheckOrder(
        self, request: pb.CheckOrderRequest, context: Context
    ) -> pb.CheckOrderResponse:
        return await self._answer(self._read_order(request, self._now()), context)

    async def GetStatus(
        self, request: pb.GetStatusRequest, context: Context
    ) -> pb.GetStatusResponse:
        send_freshness(self._executor.freshness(), context)
        return self.status()

    async def Watch(
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        async for response in self.watch(request, caller_of(context)):
            yield response
