"""`cqc.resolver.v1.Resolver`: the sidecar's own API."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterable, Sized
from functools import partial
from typing import Any, Final

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverServicer
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol

from resolver import answers, assets, metrics, orders, past
from resolver.fallback import Many
from resolver.memory import memory_bytes
from resolver.reading import Basis
from resolver.resolutions import Resolving, require_spelling, resolve_or_say_why
from resolver.services.watching import Watching
from resolver.tiers import Tiers, tell_freshness
from resolver.view import View
from shared import about, as_of
from shared.errors import NotReady, TooLarge
from shared.grpc_errors import Context
from shared.instant import Instant
from shared.keys import require_id, require_one

#: gRPC's default limit is 4 MB a message; a Resolution is at most about 2 KB.
KEYS_MAX: Final = 2_000


class ResolverService(ResolverServicer):
    """Every method; those that look something up do so through the tiers.

    Args:
        stale_is_error: Whether an order is not judged at all by what may be behind.
    """

    def __init__(
        self,
        view: View,
        tiers: Tiers,
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
        require_spelling(request.venue_id, request.venue_symbol)
        resolve, at = self._resolving(request)

        def work(basis: Basis) -> pb.Resolution:
            return resolve(basis, request.venue_id, request.venue_symbol, at)

        found, freshness = await self._tiers.answer("Resolve", request, work, context)
        found.freshness.CopyFrom(freshness)
        count_denials(found.tradeable.open.reasons)
        return pb.ResolveResponse(resolution=found)

    async def ResolveBatch(
        self, request: pb.ResolveBatchRequest, context: Context
    ) -> pb.ResolveBatchResponse:
        require_few(request.keys)
        resolve, at = self._resolving(request)

        work = Many([partial(resolve_or_say_why, key=k, at=at, how=resolve) for k in request.keys])
        found, freshness = await self._tiers.answer("ResolveBatch", request, work, context)
        for resolution in found:
            count_denials(resolution.tradeable.open.reasons)
        return pb.ResolveBatchResponse(resolutions=found, freshness=freshness)

    def _resolving(self, request: Any) -> tuple[Resolving, Instant]:
        """How to answer, and for which instant.

        Raises:
            Invalid: It is none that can be asked for.
        """
        now = self._now()
        then = as_of.asked(request, now)
        return (answers.resolve, Instant.of(now)) if then is None else (past.resolve, then)

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
                version=about.version(),
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
            version=about.version(),
            reason=view.reason,
        )
        if view.hydrated_at is not None:
            status.hydrated_at.FromDatetime(view.hydrated_at)
        return status

    async def FindVenueSymbols(
        self, request: pb.FindVenueSymbolsRequest, context: Context
    ) -> pb.FindVenueSymbolsResponse:
        require_id("symbol_id", request.symbol_id)
        if len(request.venue_ids) > KEYS_MAX:
            raise TooLarge(f"{len(request.venue_ids)} venues; at most {KEYS_MAX}")
        now, venue_ids = Instant.of(self._now()), frozenset(request.venue_ids)

        def work(basis: Basis) -> list[VenueSymbol]:
            return answers.venue_symbols(basis.reading, request.symbol_id, venue_ids, now)

        found, freshness = await self._tiers.answer("FindVenueSymbols", request, work, context)
        return pb.FindVenueSymbolsResponse(venue_symbols=found, freshness=freshness)

    async def ResolveAsset(
        self, request: pb.ResolveAssetRequest, context: Context
    ) -> pb.ResolveAssetResponse:
        assets.require_question(request)
        now = Instant.of(self._now())

        def work(basis: Basis) -> pb.ResolveAssetResponse:
            return assets.resolve(basis, request, now)

        found, freshness = await self._tiers.answer("ResolveAsset", request, work, context)
        found.freshness.CopyFrom(freshness)
        return found

    async def ExpandGroup(
        self, request: pb.ExpandGroupRequest, context: Context
    ) -> pb.ExpandGroupResponse:
        require_one(request, "group_id", "name")
        if request.group_id:
            require_id("group_id", request.group_id)

        def work(basis: Basis) -> pb.ExpandGroupResponse:
            return assets.expand(basis, request)

        found, freshness = await self._tiers.answer("ExpandGroup", request, work, context)
        found.freshness.CopyFrom(freshness)
        return found

    async def CheckOrder(
        self, request: pb.CheckOrderRequest, context: Context
    ) -> pb.CheckOrderResponse:
        require_spelling(request.venue_id, request.venue_symbol)
        order, now = orders.order_in(request), Instant.of(self._now())

        def work(basis: Basis) -> pb.CheckOrderResponse:
            if self._stale_is_error and basis.stale is not None:
                raise NotReady(f"orders are not judged now: {basis.stale.message}")
            return orders.check(basis, order, now)

        found, freshness = await self._tiers.answer("CheckOrder", request, work, context)
        count_denials(found.reasons)
        found.freshness.CopyFrom(freshness)
        return found

    async def Watch(
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        self._tiers.require_reached()
        async for response in self._watching.watch(request):
            yield response


def count_denials(reasons: Iterable[pb.Reason]) -> None:
    metrics.count_denials(reason.code for reason in reasons)


def require_few(keys: Sized) -> None:
    """Refuse more than fits one answer.

    Raises:
        TooLarge: They are more.
    """
    if len(keys) > KEYS_MAX:
        raise TooLarge(f"{len(keys)} keys; at most {KEYS_MAX}: split them")
