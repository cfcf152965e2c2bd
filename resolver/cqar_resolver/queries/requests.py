"""What a resolver is asked, as work on one reading: checked at once, then done as often as need be.

Pure, so that whoever has a reading answers alike: a resolver, what stands in for its memory, and
a program that reads a resolver's published replica.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sized
from functools import partial
from typing import Any, Final

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import as_of_listing, assets, orders, resolve_listing
from cqar_resolver.queries.query import BatchQuery, Query, QueryContext
from cqar_resolver.queries.resolve_listing import Resolving, require_spelling, resolve_or_say_why
from cqar_shared.codec.request_validation import as_of_instant, require_id, require_one
from cqar_shared.domain.instant import Instant
from cqar_shared.errors import ServiceNotReady, TooLarge
from cqar_shared.rpc import request_limits
from cqar_shared.rpc.message_size import ANSWER_BYTES_MAX, ANSWER_MIB_MAX

KEYS_MAX: Final = request_limits.KEYS_MAX


def resolve(request: pb.ResolveRequest, now: dt.datetime) -> Query[pb.ResolveResponse]:
    require_spelling(request.venue_id, request.venue_symbol)
    resolving, at = _resolving(request, now)

    def work(basis: QueryContext) -> pb.ResolveResponse:
        found = resolving(basis, request.venue_id, request.venue_symbol, at)
        return pb.ResolveResponse(resolution=found)

    return work


def resolve_batch(
    request: pb.ResolveBatchRequest, now: dt.datetime
) -> Query[pb.ResolveBatchResponse]:
    require_few(request.keys, "keys")
    resolving, at = _resolving(request, now)
    each = [partial(resolve_or_say_why, key=key, at=at, how=resolving) for key in request.keys]
    return BatchQuery(
        each,
        lambda found: pb.ResolveBatchResponse(resolutions=found),
        partial(require_fits, len(each)),
    )


def find_venue_symbols(
    request: pb.FindVenueSymbolsRequest, now: dt.datetime
) -> Query[pb.FindVenueSymbolsResponse]:
    require_id("symbol_id", request.symbol_id)
    require_few(request.venue_ids, "venues")
    at, venue_ids = Instant.of(now), frozenset(request.venue_ids)

    def work(basis: QueryContext) -> pb.FindVenueSymbolsResponse:
        found = resolve_listing.venue_symbols(basis.reading, request.symbol_id, venue_ids, at)
        return pb.FindVenueSymbolsResponse(venue_symbols=found)

    return work


def resolve_asset(
    request: pb.ResolveAssetRequest, now: dt.datetime
) -> Query[pb.ResolveAssetResponse]:
    assets.require_question(request)
    at = Instant.of(now)
    return lambda basis: assets.resolve(basis, request, at)


def expand_group(request: pb.ExpandGroupRequest, _: dt.datetime) -> Query[pb.ExpandGroupResponse]:
    require_one(request, "group_id", "name")
    if request.group_id:
        require_id("group_id", request.group_id)
    return lambda basis: assets.expand(basis, request)


def check_order(
    request: pb.CheckOrderRequest, now: dt.datetime, *, stale_is_error: bool = False
) -> Query[pb.CheckOrderResponse]:
    """Args: stale_is_error: Whether an order is not judged at all by what may be behind."""
    require_spelling(request.venue_id, request.venue_symbol)
    order, at = orders.order_in(request), Instant.of(now)

    def work(basis: QueryContext) -> pb.CheckOrderResponse:
        if stale_is_error and basis.stale is not None:
            raise ServiceNotReady(f"orders are not judged now: {basis.stale.message}")
        return orders.check(basis, order, at)

    return work


#: By the names of the methods.
WORKS: Final[Mapping[str, Callable[[Any, dt.datetime], Query[Any]]]] = {
    "Resolve": resolve,
    "ResolveBatch": resolve_batch,
    "FindVenueSymbols": find_venue_symbols,
    "ResolveAsset": resolve_asset,
    "ExpandGroup": expand_group,
    "CheckOrder": check_order,
}


def told(answer: Any, freshness: pb.Freshness) -> Any:
    """The answer, which says how current it is."""
    place = answer.resolution if isinstance(answer, pb.ResolveResponse) else answer
    place.freshness.CopyFrom(freshness)
    return answer


def denials(answer: Any) -> Iterator[str]:
    """Why it allows nothing to be opened; nothing where it says nothing of that."""
    verdicts: list[Any] = []
    match answer:
        case pb.ResolveResponse():
            verdicts = [answer.resolution.tradeable.open]
        case pb.ResolveBatchResponse():
            verdicts = [found.tradeable.open for found in answer.resolutions]
        case pb.CheckOrderResponse():
            verdicts = [answer]
    return (reason.code for verdict in verdicts for reason in verdict.reasons)


def _resolving(request: Any, now: dt.datetime) -> tuple[Resolving, Instant]:
    """How to answer, and for which instant.

    Raises:
        Invalid: It is none that can be asked for.
    """
    then = as_of_instant(request, now)
    return (
        (resolve_listing.resolve, Instant.of(now))
        if then is None
        else (as_of_listing.resolve, then)
    )


def require_few(asked: Sized, what: str) -> None:
    """Refuse more than fits one answer.

    Raises:
        TooLarge: They are more.
    """
    if len(asked) > KEYS_MAX:
        raise TooLarge(f"{len(asked)} {what}; at most {KEYS_MAX}: split them")


def require_fits(keys: int, size_bytes: int) -> None:
    """Refuse an answer that no message holds, as soon as it is known to be one.

    Args:
        keys: How many are asked for.
        size_bytes: Of the resolutions so far.

    Raises:
        TooLarge: It is.
    """
    if size_bytes > ANSWER_BYTES_MAX:
        message = f"the answer to {keys} keys is over {ANSWER_MIB_MAX} MiB: split them"
        raise TooLarge(message)
