"""A field of an answer by the name that cases call it, and whether it is what a claim says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2
from cqc.venues.v1 import venue_symbol_pb2

#: Whose value is a list: a claim's list is that value, and not a choice.
LISTS: Final = frozenset(
    {"tick_bands", "legs", "order_types", "permission_groups", "quote_alternatives"}
)
_Of = Callable[[resolver_pb2.Resolution], Any]


def _word(enum: Any, number: int) -> str | None:
    """An enum's word without its prefix; None where nothing is stated."""
    prefix = enum.DESCRIPTOR.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name: str = enum.Name(number).removeprefix(prefix)
    return None if name == "UNSPECIFIED" else name


def _instant(message: Any, name: str) -> dt.datetime | None:
    if not message.HasField(name):
        return None
    found: dt.datetime = getattr(message, name).ToDatetime(dt.UTC)
    return found


def _listing_instant(name: str) -> _Of:
    return lambda found: _instant(found.venue_symbol, name)


def _spec(name: str) -> _Of:
    return lambda found: getattr(found.specs, name) or None


def _symbol_text(name: str) -> _Of:
    return lambda found: getattr(found.symbol, name) or None


def _symbol_word(name: str, enum: Any) -> _Of:
    return lambda found: _word(enum, getattr(found.symbol, name))


_STEPS: Final = (
    *("tick_size", "lot_size", "min_order_size", "max_order_size", "min_notional", "max_notional"),
    *("contract_size", "price_significant_digits", "market_lot_size", "market_min_size"),
    *("market_max_size", "min_price", "max_price", "bid_multiplier_up", "bid_multiplier_down"),
    *("ask_multiplier_up", "ask_multiplier_down", "market_min_notional", "market_max_notional"),
    *("initial_margin_rate", "maintenance_margin_rate", "max_leverage", "maker_fee", "taker_fee"),
    "funding_interval_s",
)
_INSTANTS: Final = ("listed_at", "delisted_at", "ends_at", "trading_starts_at")
_FIELDS: Final[dict[str, _Of]] = {
    **{name: _spec(name) for name in _STEPS},
    **{name: _listing_instant(name) for name in _INSTANTS},
    "status": lambda f: _word(venue_symbol_pb2.MarketStatus, f.venue_symbol.status),
    "order_unit": lambda f: _word(venue_symbol_pb2.OrderUnit, f.specs.order_unit),
    "unit_multiplier": lambda f: f.venue_symbol.exact.unit_multiplier or None,
    "base": lambda f: f.base_asset.symbol,
    "quote": lambda f: f.quote_asset.symbol,
    "settlement": lambda f: f.settlement_asset.symbol or None,
    "symbol_type": _symbol_word("symbol_type", symbol_pb2.SymbolType),
    "contract_kind": _symbol_word("contract_kind", symbol_pb2.ContractKind),
    "underlying_class": _symbol_word("underlying_class", symbol_pb2.UnderlyingClass),
    "underlying": _symbol_text("underlying"),
    "option_type": _symbol_word("option_type", symbol_pb2.OptionType),
    "expiry": lambda f: _instant(f.symbol, "expiry"),
    "strike_price": lambda f: f.symbol.exact.strike_price or None,
    "tick_bands": lambda f: [[b.from_price, b.tick_size] for b in f.specs.tick_bands],
    "legs": lambda f: [[leg.venue_symbol, leg.ratio] for leg in f.venue_symbol.legs],
    "order_types": lambda f: sorted(f.specs.order_types),
    "permission_groups": lambda f: [sorted(p.groups) for p in f.venue_symbol.permission_groups],
    "quote_alternatives": lambda f: list(f.venue_symbol.quote_alternatives),
}


def field_of(found: resolver_pb2.Resolution, name: str) -> Any:
    """The value of a field; None if it is not known, [] of a list."""
    return _FIELDS[name](found)


def is_one_of(name: str, value: Any, wanted: Any) -> bool:
    """Whether a field's value is what a claim says, or one of the things that it says."""
    if name == "order_types" and isinstance(wanted, list):
        wanted = sorted(wanted)
    if name not in LISTS and isinstance(wanted, list):
        return any(is_same(value, one) for one in wanted)
    return is_same(value, wanted)


def is_same(value: Any, wanted: Any) -> bool:
    """Equal as numbers, as instants, or as they stand."""
    if isinstance(wanted, list) and isinstance(value, list):
        pairs = zip(value, wanted, strict=False)
        return len(value) == len(wanted) and all(is_same(v, w) for v, w in pairs)
    if value in (None, []) or wanted in (None, []):
        return value in (None, []) and wanted in (None, [])
    if isinstance(value, dt.datetime):
        return value == dt.datetime.fromisoformat(str(wanted))
    try:
        return Decimal(str(value)) == Decimal(str(wanted))
    except InvalidOperation:
        return bool(value == wanted)
