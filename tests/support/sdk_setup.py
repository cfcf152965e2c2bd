"""What the SDK's tests share: a market as it is answered, results to compare, a ready client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from cqar.sdk import decoding as read
from cqar.sdk.results import Resolution
from cqar_resolver.queries import resolution
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.memory_registry_view import Held, completed

#: What a test waits at most for what must come.
WAIT_S = 30.0
LISTING = an_id("listing")
FRESHNESS = pb.Freshness(epoch=1, revision=7, state=pb.SNAPSHOT_STATE_LIVE, staleness_ms=12)


def a_listing(**changes: Any) -> Entity:
    """BTCUSDT, online, with the venue's own steps."""
    given = {"listing_id": LISTING, "status": MarketStatusCode.ONLINE, "min_notional": Decimal(5)}
    return a_venue_symbol(**{**given, **changes})


def resolve_btcusdt(
    *entities: Entity, symbol: Entity | None = None, stale: pb.Reason | None = None
) -> Resolution:
    """What is answered of BTCUSDT at Binance where these are the listings."""
    assets = (an_asset(), an_asset("USDT"), an_asset("ETH"))
    market = (*assets, a_venue(), completed(symbol or a_symbol(), Held(*assets)))
    snapshot = hydrated(encoded(*market, *(entities or (a_listing(),))))
    context = QueryContext(snapshot, stale)
    found = resolution.resolve(context, "binance", "BTCUSDT", Instant.of(NOW))
    return read.resolution(found, read.freshness(FRESHNESS))


def without_age(result: Any) -> Any:
    """A result as plain data, without how old it is by now."""
    return _strip_age(msgspec.to_builtins(result, builtin_types=(Decimal,)))


def _strip_age(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _strip_age(v) for k, v in value.items() if k != "staleness_ms"}
    return [_strip_age(one) for one in value] if isinstance(value, list | tuple) else value


@asynccontextmanager
async def ready_client(target: str, **options: Any) -> AsyncIterator[cqar.AsyncClient]:
    async with cqar.AsyncClient(target, **{"timeout_s": WAIT_S, **options}) as asked:
        await asked.wait_ready(WAIT_S)
        yield asked
