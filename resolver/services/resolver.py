"""`cqc.resolver.v1.Resolver`: the sidecar's own API."""

from __future__ import annotations

import datetime as dt
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverServicer
from google.protobuf.timestamp_pb2 import Timestamp

from resolver import answers, metrics
from resolver.view import View
from shared import about, rules
from shared.errors import CqarError, Invalid, NotFound, TooLarge, Unimplemented, Violation
from shared.grpc_errors import Context
from shared.resolution import instant

#: gRPC's default limit is 4 MB a message; a Resolution is at most about 2 KB.
KEYS_MAX: Final = 2_000


class ResolverService(ResolverServicer):
    def __init__(self, view: View, now: Callable[[], dt.datetime]) -> None:
        self._view = view
        self._now = now

    async def Resolve(self, request: pb.ResolveRequest, context: Context) -> pb.ResolveResponse:
        require_present(request)
        require_spelling(request.venue_id, request.venue_symbol)
        freshness = tell_freshness(self._view, context)
        try:
            found = self._resolve(request.venue_id, request.venue_symbol, instant(self._now()))
        except NotFound:
            metrics.LOOKUPS.labels("Resolve", "not_found", "memory").inc()
            raise
        metrics.LOOKUPS.labels("Resolve", "found", "memory").inc()
        found.freshness.CopyFrom(freshness)
        return pb.ResolveResponse(resolution=found)

    async def ResolveBatch(
        self, request: pb.ResolveBatchRequest, context: Context
    ) -> pb.ResolveBatchResponse:
        require_present(request)
        if len(request.keys) > KEYS_MAX:
            raise TooLarge(f"{len(request.keys)} keys; at most {KEYS_MAX}: split them")
        # No await between here and the answer: all are of one revision.
        now = instant(self._now())
        resolutions = [self._resolve_or_say_why(key, now) for key in request.keys]
        freshness = tell_freshness(self._view, context)
        return pb.ResolveBatchResponse(resolutions=resolutions, freshness=freshness)

    def _resolve_or_say_why(self, key: pb.VenueSymbolKey, now: Timestamp) -> pb.Resolution:
        try:
            require_spelling(key.venue_id, key.venue_symbol)
            found = self._resolve(key.venue_id, key.venue_symbol, now)
        except (NotFound, Invalid) as error:
            metrics.LOOKUPS.labels("ResolveBatch", "not_found", "memory").inc()
            reason = pb.Reason(code=error.reason, message=str(error))
            return pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND, not_found=reason)
        metrics.LOOKUPS.labels("ResolveBatch", "found", "memory").inc()
        return found

    def _resolve(self, venue_id: str, spelling: str, now: Timestamp) -> pb.Resolution:
        return answers.resolve(self._view.snapshot, venue_id, spelling, now, stale(self._view))

    async def GetStatus(
        self, request: pb.GetStatusRequest, context: Context
    ) -> pb.GetStatusResponse:
        view = self._view
        if not view.is_complete:
            return pb.GetStatusResponse(
                freshness=view.freshness_message(),
                memory_bytes=memory_bytes(),
                version=about.version(),
            )
        snapshot = view.snapshot
        status = pb.GetStatusResponse(
            freshness=tell_freshness(view, context),
            head=snapshot.head,
            lag=view.lag,
            counts=snapshot.counts,
            hydrated_from=view.hydrated_from,
            memory_bytes=memory_bytes(),
            version=about.version(),
        )
        if view.hydrated_at is not None:
            status.hydrated_at.FromDatetime(view.hydrated_at)
        return status

    async def FindVenueSymbols(
        self, request: pb.FindVenueSymbolsRequest, context: Context
    ) -> pb.FindVenueSymbolsResponse:
        raise unanswered()

    async def ResolveAsset(
        self, request: pb.ResolveAssetRequest, context: Context
    ) -> pb.ResolveAssetResponse:
        raise unanswered()

    async def ExpandGroup(
        self, request: pb.ExpandGroupRequest, context: Context
    ) -> pb.ExpandGroupResponse:
        raise unanswered()

    async def CheckOrder(
        self, request: pb.CheckOrderRequest, context: Context
    ) -> pb.CheckOrderResponse:
        raise unanswered()

    async def Watch(
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        raise unanswered()
        yield pb.WatchResponse()


def unanswered() -> CqarError:
    return Unimplemented("this release does not answer this method")


def require_present(request: Any) -> None:
    if request.HasField("as_of"):
        raise Unimplemented("as_of is not answered by this release")


def require_spelling(venue_id: str, spelling: str) -> None:
    """Refuse what no venue or spelling can be.

    Raises:
        Invalid: With both fields' violations.
    """
    violations: list[Violation] = [
        *rules.check_slug("venue_id", venue_id),
        *rules.check_printable("venue_symbol", spelling),
    ]
    if violations:
        raise Invalid(violations)


def stale(view: View) -> pb.Reason | None:
    """Why verdicts must fail closed now, if they must."""
    if view.freshness.state == pb.SNAPSHOT_STATE_LIVE:
        return None
    message = "this resolver could not confirm lately that it is up to date"
    return pb.Reason(code="STALE_SNAPSHOT", message=message)


def tell_freshness(view: View, context: Context) -> pb.Freshness:
    """The answer's freshness, told in its trailing metadata too."""
    freshness = view.freshness_message()
    context.set_trailing_metadata(
        (("cqar-revision", str(freshness.revision)), ("cqar-epoch", str(freshness.epoch)))
    )
    return freshness


def memory_bytes() -> int:
    """What this process has resident."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()
