"""Which query each method of `cqc.resolver.v1.Resolver` asks, and how its answer is completed.

Pure, so that whoever has a reader answers alike: a resolver, what stands in for its memory, and a
program that reads a resolver's published replica.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries.assets import ExpandGroupQuery, ResolveAssetQuery
from cqar_resolver.queries.orders import CheckOrderQuery
from cqar_resolver.queries.resolution import FindVenueSymbolsQuery, ResolveBatchQuery, ResolveQuery
from cqar_shared.queries.query import Query

#: Method -> how its request becomes a query; raises Invalid for a request that cannot be one.
QUERIES: Final[Mapping[str, Callable[[Any, dt.datetime], Query[Any]]]] = {
    "Resolve": ResolveQuery.from_request,
    "ResolveBatch": ResolveBatchQuery.from_request,
    "FindVenueSymbols": FindVenueSymbolsQuery.from_request,
    "ResolveAsset": ResolveAssetQuery.from_request,
    "ExpandGroup": ExpandGroupQuery.from_request,
    "CheckOrder": CheckOrderQuery.from_request,
}


def set_freshness(answer: Any, freshness: pb.Freshness) -> Any:
    """Say in an answer how current its source was; return the answer."""
    holder = answer.resolution if isinstance(answer, pb.ResolveResponse) else answer
    holder.freshness.CopyFrom(freshness)
    return answer


def denials(answer: Any) -> Iterator[str]:
    """Yield the code of each reason why an answer's verdict does not allow to open a position."""
    verdicts: list[Any] = []
    match answer:
        case pb.ResolveResponse():
            verdicts = [answer.resolution.tradeable.open]
        case pb.ResolveBatchResponse():
            verdicts = [found.tradeable.open for found in answer.resolutions]
        case pb.CheckOrderResponse():
            verdicts = [answer]
    return (reason.code for verdict in verdicts for reason in verdict.reasons)
