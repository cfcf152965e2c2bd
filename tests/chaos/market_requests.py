"""A market of many listings, and change sets that change all of them alike, or add thousands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cqc.assets.v1.asset_pb2 import Asset
from cqc.markets.v1 import symbol_pb2
from cqc.venues.v1 import venue_pb2
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol, VenueSymbolDecimals
from cqc.writer.v1 import registry_admin_pb2 as pb

from tests.support.entity_builders import an_id
from tests.support.load_clients import NATIVE

VENUE: Final = "market"
QUOTE: Final = "MARKETQUOTE"


def spelling(number: int) -> str:
    return f"MKT{number}"


def asset(symbol: str) -> Any:
    named = Asset(asset_id=an_id(symbol), symbol=symbol, name=symbol, asset_type=NATIVE)
    return pb.ApplyItem(asset=named)


def assets_of(batch: int, size: int) -> pb.ApplyRequest:
    """One change set of an import: so many new assets."""
    return pb.ApplyRequest(items=[asset(f"IMPORTED{batch}-{n}") for n in range(size)])


def listings_at(tick_size: str, listings: int) -> pb.ApplyRequest:
    """One change set that gives every listing the same tick size."""
    return pb.ApplyRequest(items=[_listing(n, tick_size) for n in range(listings)])


def whole_market(listings: int, tick_size: str) -> Iterator[pb.ApplyRequest]:
    """Venue, assets, symbols, and a listing for each, all of one tick size."""
    venue = venue_pb2.Venue(venue_id=VENUE, name=VENUE, venue_type=venue_pb2.VENUE_TYPE_CEX)
    bases = [asset(spelling(n)) for n in range(listings)]
    yield pb.ApplyRequest(items=[pb.ApplyItem(venue=venue), asset(QUOTE), *bases])
    yield pb.ApplyRequest(items=[pb.ApplyItem(symbol=_symbol(n)) for n in range(listings)])
    yield listings_at(tick_size, listings)


def _symbol(number: int) -> symbol_pb2.Symbol:
    return symbol_pb2.Symbol(
        symbol_id=an_id(f"symbol {number}"),
        symbol_type=symbol_pb2.SYMBOL_TYPE_SPOT,
        base_asset_id=an_id(spelling(number)),
        quote_asset_id=an_id(QUOTE),
    )


def _listing(number: int, tick_size: str) -> pb.ApplyItem:
    listing = VenueSymbol(
        venue_id=VENUE,
        venue_symbol=spelling(number),
        symbol_id=an_id(f"symbol {number}"),
        exact=VenueSymbolDecimals(tick_size=tick_size, lot_size="1"),
    )
    return pb.ApplyItem(venue_symbol=listing)
