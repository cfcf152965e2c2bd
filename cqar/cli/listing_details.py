"""A resolution as the rows of `cqar resolve`: all that is known, in groups. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.cli.status import freshness_text
from cqar.importer.listing_proposals import READER

Row = tuple[str, str]

_PRICE: Final = (
    *("min_price", "max_price"),
    *("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down"),
)
_QUANTITY: Final = ("lot_size", "min_order_size", "max_order_size", "min_notional", "max_notional")
_MARKET_ORDERS: Final = (
    *("market_lot_size", "market_min_size", "market_max_size"),
    *("market_min_notional", "market_max_notional"),
)
_MARGIN: Final = ("initial_margin_rate", "maintenance_margin_rate", "max_leverage")


def detail_rows(resolution: rpb.Resolution) -> list[Row]:
    """Name and value of everything that is known; a group without values is left out."""
    specs = resolution.specs
    rows = list(_known(_identity(resolution)))
    groups = {
        "times": _times(resolution),
        "price": _price(specs),
        "quantity": _quantity(specs),
        "market orders": _named(specs, _MARKET_ORDERS),
        "orders": _orders(resolution),
        "margin and fees": _margin(resolution),
        "legs": ((leg.ratio, leg.venue_symbol) for leg in resolution.venue_symbol.legs),
    }
    for title, group in groups.items():
        if known := [(f"  {name}", value) for name, value in _known(group)]:
            rows += [(title, ""), *known]
    return [*rows, *_known(_verdict(resolution))]


def _known(rows: Iterable[Row]) -> Iterator[Row]:
    return ((name, value) for name, value in rows if value)


def _identity(resolution: rpb.Resolution) -> Iterator[Row]:
    symbol, listing = resolution.symbol, resolution.venue_symbol
    yield "symbol", symbol.symbol
    yield "symbol id", symbol.symbol_id
    yield "base", _asset_text(resolution.base_asset)
    yield "quote", _asset_text(resolution.quote_asset)
    yield "settlement", _asset_text(resolution.settlement_asset)
    yield "underlying class", _word(symbol_pb2.UnderlyingClass, symbol.underlying_class)
    yield "underlying", symbol.underlying
    yield "settled in", _word(symbol_pb2.SettlementMethod, symbol.settlement_method).lower()
    yield "exercise style", _word(symbol_pb2.ExerciseStyle, symbol.exercise_style).lower()
    listed = rpb.ResolutionStatus.Name(resolution.status).removeprefix("RESOLUTION_STATUS_")
    yield "listed", "" if listed == "FOUND" else listed.replace("_", " ").lower()
    status = _word(venue_symbol_pb2.MarketStatus, listing.status)
    yield "status", status or "not known, nor are the steps"
    yield "terms of group", resolution.canary_group
    yield "alias of", listing.alias_of
    yield "channels", ", ".join(listing.channels)
    # An import notes here that nobody has reviewed what ccxt reads of the venue.
    yield "read by", str(listing.metadata[READER]) if READER in listing.metadata else ""


def _times(resolution: rpb.Resolution) -> Iterator[Row]:
    listing, symbol = resolution.venue_symbol, resolution.symbol
    yield "listed at", _instant(listing, "listed_at")
    yield "trading starts", _instant(listing, "trading_starts_at")
    for phase in listing.phases:
        ends = [_instant(phase, "starts_at") or "?", _instant(phase, "ends_at") or "?"]
        yield "phase", f"{_word(venue_symbol_pb2.MarketStatus, phase.status)} {' to '.join(ends)}"
    for change in listing.scheduled:
        yield "scheduled", f"{_instant(change, 'effective_at')} {change.field} {change.value}"
    for canary in listing.canaries:
        until = _instant(canary, "ends_at")
        yield "canary", f"{canary.field} {canary.value} for group {canary.canary_group} to {until}"
    yield "expiry", _instant(symbol, "expiry")
    yield "last trade", _instant(symbol, "last_trade_at")
    ends_at = _instant(listing, "ends_at")
    yield "announced end", ends_at
    yield "delisted at", "" if ends_at else _instant(listing, "delisted_at")


def _price(specs: rpb.Specs) -> Iterator[Row]:
    yield "tick size", specs.tick_size
    for band in specs.tick_bands:
        yield "tick size", f"{band.tick_size} from {band.from_price or '0'}"
    yield "price significant digits", str(specs.price_significant_digits or "")
    yield from _named(specs, _PRICE)


def _quantity(specs: rpb.Specs) -> Iterator[Row]:
    yield "order unit", _word(venue_symbol_pb2.OrderUnit, specs.order_unit).lower()
    yield "contract size", specs.contract_size
    yield "unit multiplier", "" if specs.unit_multiplier == "1" else specs.unit_multiplier
    yield from _named(specs, _QUANTITY)


def _orders(resolution: rpb.Resolution) -> Iterator[Row]:
    specs, listing = resolution.specs, resolution.venue_symbol
    yield "order types", ", ".join(specs.order_types)
    yield "time in force", ", ".join(specs.time_in_force)
    for one_of in listing.permission_groups:
        yield "needs one of", ", ".join(one_of.groups)
    yield "also settled in", ", ".join(listing.quote_alternatives)


def _margin(resolution: rpb.Resolution) -> Iterator[Row]:
    specs, exact = resolution.specs, resolution.venue_symbol.exact
    yield from _named(specs, _MARGIN)
    yield "maker fee", specs.maker_fee or exact.maker_fee
    yield "taker fee", specs.taker_fee or exact.taker_fee
    yield "funding interval (s)", str(specs.funding_interval_s or "")


def _verdict(resolution: rpb.Resolution) -> Iterator[Row]:
    verdict = resolution.tradeable
    yield "tradeable", tradeable_text(resolution)
    for reason in verdict.open.reasons:
        yield "  because", f"{reason.code} {reason.message}"
    yield "  until", _instant(verdict, "until")
    yield "projected", "yes, by what is known now" if resolution.projected else ""
    yield "freshness", freshness_text(resolution.freshness)


def tradeable_text(resolution: rpb.Resolution) -> str:
    """Yes or no; empty as of another time, for which there is no verdict."""
    is_found = resolution.status != rpb.RESOLUTION_STATUS_NOT_FOUND
    if is_found and not resolution.HasField("tradeable"):
        return ""
    return "yes" if resolution.tradeable.allowed else "no"


def _named(specs: rpb.Specs, fields: Iterable[str]) -> Iterator[Row]:
    return ((field.replace("_", " "), getattr(specs, field)) for field in fields)


def _word(enum: Any, number: int) -> str:
    """The enumeration's word without its prefix; empty if it is not known."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return enum.Name(number).removeprefix(prefix) if number in enum.values() and number else ""


def _instant(message: Any, field: str) -> str:
    """ISO 8601 in UTC, to the second where it is whole; empty if it is not known."""
    if not message.HasField(field):
        return ""
    moment: dt.datetime = getattr(message, field).ToDatetime(dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _asset_text(asset: Any) -> str:
    return f"{asset.symbol} ({asset.name}{', unverified' if asset.unverified else ''})"
