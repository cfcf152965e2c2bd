"""What the SDK's tests share: a market's resolution, results to compare, and every surface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from cqar.sdk import decoding
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.results import Resolution
from cqar_resolver.config import ResolverConfig
from cqar_resolver.queries import resolution
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.memory_registry_view import Held, completed

#: How long a test waits for what must come.
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
    """The resolution of BTCUSDT at Binance in a market with these entities."""
    assets = (an_asset(), an_asset("USDT"), an_asset("ETH"))
    market = (*assets, a_venue(), completed(symbol or a_symbol(), Held(*assets)))
    snapshot = hydrated(encoded(*market, *(entities or (a_listing(),))))
    context = QueryContext(snapshot, stale)
    found = resolution.resolve(context, "binance", "BTCUSDT", Instant.of(NOW))
    return decoding.resolution(found, decoding.freshness(FRESHNESS))


def without_age(result: Any) -> Any:
    """A result as plain data, without how old it is by now."""
    return _strip_age(msgspec.to_builtins(result, builtin_types=(Decimal,)))


def _strip_age(value: Any) -> Any:
    if isinstance(value, dict):
        ages = ("staleness_ms", "facts_age_ms")
        return {k: _strip_age(v) for k, v in value.items() if k not in ages}
    return [_strip_age(item) for item in value] if isinstance(value, list | tuple) else value


@asynccontextmanager
async def ready_client(target: str, **options: Any) -> AsyncIterator[cqar.AsyncClient]:
    async with cqar.AsyncClient(target, **{"timeout_s": WAIT_S, **options}) as client:
        await client.wait_ready(WAIT_S)
        yield client


class Surface(NamedTuple):
    """A client or replica, synchronous or not, whose calls are awaited."""

    api: Any

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        call = partial(getattr(self.api, method), *arguments, **options)
        return await (call() if isinstance(self.api, AsyncApi) else asyncio.to_thread(call))

    async def outcome(self, method: str, arguments: Any, options: Any) -> object:
        """The result without its age, or what the error says."""
        try:
            return without_age(await self.call(method, *arguments, **options))
        except cqar.CqarError as error:
            return type(error), str(error), error.reason, error.violations

    async def watch(self, **options: Any) -> AsyncIterator[cqar.Update]:
        updates = self.api.watch(**options)
        if isinstance(self.api, AsyncApi):
            async for update in updates:
                yield update
        while update := await asyncio.to_thread(next, updates, None):
            yield update


#: How each form is made, of (resolver's target, database, nats).
_FORMS: Final[dict[str, Callable[..., Any]]] = {
    "AsyncClient": lambda target, *_, **options: cqar.AsyncClient(target, **options),
    "Client": lambda target, *_, **options: cqar.Client(target, **options),
    "async Replica": lambda _, *here, **options: cqar.Replica(*here, **options),
    "Replica": lambda _, *here, **options: cqar.Replica(*here, **options),
}
FORMS: Final = tuple(_FORMS)


@asynccontextmanager
async def surface(
    form: str, config: ResolverConfig, target: str, *, is_ready: bool = True, **options: Any
) -> AsyncIterator[Surface]:
    """A client of the resolver at `target`, or a replica beside it, in one of the `FORMS`."""
    here = (target, config.database_url, config.nats_url)
    context = _FORMS[form](*here, **{"timeout_s": WAIT_S, **options})
    is_async = form.startswith(("Async", "async"))
    opened = await (context.__aenter__() if is_async else asyncio.to_thread(context.__enter__))
    try:
        if is_ready:
            await Surface(opened).call("wait_ready", WAIT_S)
        yield Surface(opened)
    finally:
        end = (None, None, None)
        await (context.__aexit__(*end) if is_async else asyncio.to_thread(context.__exit__, *end))
