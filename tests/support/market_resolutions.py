"""Markets as a reader gives them, as the resolutions that a registry with them would answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cqar
from cqar.importer.market import Code, Market
from cqar.importer.terms import terms_stated
from cqar.sdk import decoding
from cqar_resolver.queries import resolution
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.asset import Asset, AssetType
from cqar_shared.domain.kinds.symbol import Symbol
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_venue, an_id
from tests.support.memory_registry_view import Held, completed
from tests.support.sdk_setup import FRESHNESS

_SAME_IN_SYMBOL: Final = (
    *("symbol_type", "underlying_class", "underlying", "contract_kind", "expiry", "option_type"),
    *("exercise_style", "settlement_method"),
)


def resolutions_of(markets: Iterable[Market], venue_id: str) -> list[cqar.Resolution]:
    """Assets are named by the venue's tickers. Announced ends and aliases are left out."""
    symbols, listings, assets = [], [], dict[str, Asset]()
    for market in markets:
        symbol = _symbol_of(market, assets)
        symbols.append(symbol)
        listings.append(
            VenueSymbol(
                listing_id=an_id(f"listing {market.spelling}"),
                venue_id=venue_id,
                venue_symbol=market.spelling,
                symbol_id=symbol.symbol_id,
                status=market.status,
                listed_at=market.listed_at,
                is_primary=True,
                **terms_stated(market),
            )
        )
    known = Held(*assets.values())
    whole = [completed(symbol, known) for symbol in symbols]
    snapshot = hydrated(encoded(*assets.values(), a_venue(venue_id), *whole, *listings))
    context, now = QueryContext(snapshot, None), Instant.of(NOW)
    freshness = decoding.freshness(FRESHNESS)
    return [
        decoding.resolution(
            resolution.resolve(context, venue_id, listing.venue_symbol, now), freshness
        )
        for listing in listings
    ]


def _symbol_of(market: Market, assets: dict[str, Asset]) -> Symbol:
    def asset_id(code: Code | None) -> str | None:
        if code is None:
            return None
        name = code.ticker
        given = {"name": name, "asset_type": AssetType.NATIVE, "asset_id": an_id(f"asset {name}")}
        return assets.setdefault(name, Asset(symbol=name, **given)).asset_id

    return Symbol(
        symbol_id=an_id(f"symbol {market.spelling}"),
        base_asset_id=asset_id(market.base),
        quote_asset_id=asset_id(market.quote),
        settlement_asset_id=asset_id(market.settlement),
        price_asset_id=asset_id(market.price),
        strike_price=market.strike,
        **{name: getattr(market, name) for name in _SAME_IN_SYMBOL},
    )
