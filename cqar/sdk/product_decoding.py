"""Decodes assets, symbols, venues and what a venue states of a listing, one function each. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from cqc.assets.v1 import asset_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.venues.v1 import venue_pb2, venue_symbol_pb2

from cqar.sdk import enums, products

W = TypeVar("W", bound=StrEnum)


class _WordByNumber(dict[int, W]):
    """A number that a later release made is UNSPECIFIED, which is zero."""

    def __missing__(self, _: int) -> W:
        return self[0]


def enum_by_number(enum: Any, prefix: str, words: type[W]) -> Mapping[int, W]:
    found = {n: words(name.removeprefix(prefix)) for name, n in enum.items() if prefix in name}
    return _WordByNumber(found)


def known_by_number(enum: Any, prefix: str, words: type[W]) -> Mapping[int, W]:
    """Without zero, which is not known, as is a number of a later release: `get` them."""
    return {n: word for n, word in enum_by_number(enum, prefix, words).items() if n}


def name_by_number(enum: Any, prefix: str) -> Mapping[int, str]:
    return {number: name.removeprefix(prefix) for name, number in enum.items()}


MARKET_STATUS: Final = enum_by_number(
    venue_symbol_pb2.MarketStatus, "MARKET_STATUS_", enums.MarketStatus
)
_TYPE: Final = enum_by_number(symbol_pb2.SymbolType, "SYMBOL_TYPE_", enums.SymbolType)
CONTRACT_KIND: Final = enum_by_number(symbol_pb2.ContractKind, "CONTRACT_KIND_", enums.ContractKind)
_OPTION: Final = enum_by_number(symbol_pb2.OptionType, "OPTION_TYPE_", enums.OptionType)
ORDER_UNIT: Final = known_by_number(venue_symbol_pb2.OrderUnit, "ORDER_UNIT_", enums.OrderUnit)
_UNDERLYING: Final = known_by_number(
    symbol_pb2.UnderlyingClass, "UNDERLYING_CLASS_", enums.UnderlyingClass
)
_METHOD: Final = known_by_number(
    symbol_pb2.SettlementMethod, "SETTLEMENT_METHOD_", enums.SettlementMethod
)
_STYLE: Final = known_by_number(symbol_pb2.ExerciseStyle, "EXERCISE_STYLE_", enums.ExerciseStyle)
_CLASS: Final = known_by_number(asset_pb2.AssetClass, "ASSET_CLASS_", enums.AssetClass)
_ENVIRONMENT: Final = known_by_number(venue_pb2.Environment, "ENVIRONMENT_", enums.Environment)
_VENUE_TYPE: Final = name_by_number(venue_pb2.VenueType, "VENUE_TYPE_")


def phase(message: venue_symbol_pb2.TradingPhase) -> products.TradingPhase:
    starts_at, ends_at = instant(message, "starts_at"), instant(message, "ends_at")
    return products.TradingPhase(MARKET_STATUS[message.status], starts_at, ends_at)


def scheduled(message: venue_symbol_pb2.ScheduledChange) -> products.ScheduledChange:
    effective_at = message.effective_at.ToDatetime(dt.UTC)
    return products.ScheduledChange(effective_at, message.field, message.value)


def symbol(message: symbol_pb2.Symbol) -> products.SymbolRef:
    return products.SymbolRef(
        symbol_id=message.symbol_id,
        symbol=message.symbol,
        symbol_type=_TYPE[message.symbol_type],
        contract_kind=CONTRACT_KIND[message.contract_kind],
        expiry=instant(message, "expiry"),
        strike_price=decimal(message.exact.strike_price),
        option_type=_OPTION[message.option_type] if message.option_type else None,
        underlying_class=_UNDERLYING.get(message.underlying_class),
        underlying=message.underlying or None,
        settlement_method=_METHOD.get(message.settlement_method),
        exercise_style=_STYLE.get(message.exercise_style),
        last_trade_at=instant(message, "last_trade_at"),
        price_asset_id=message.price_asset_id or None,
    )


def asset(message: asset_pb2.Asset) -> products.AssetRef:
    return products.AssetRef(
        message.asset_id,
        message.symbol,
        message.name,
        message.unverified,
        _CLASS.get(message.asset_class),
    )


def venue(message: venue_pb2.Venue) -> products.VenueRef:
    return products.VenueRef(
        venue_id=message.venue_id,
        name=message.name,
        venue_type=_VENUE_TYPE.get(message.venue_type, "UNSPECIFIED"),
        operator=message.operator,
        environment=_ENVIRONMENT.get(message.environment),
        region=message.region or None,
        is_active=message.is_active,
    )


def leg(message: venue_symbol_pb2.ListingLeg) -> products.ComboLeg:
    return products.ComboLeg(message.venue_symbol, Decimal(message.ratio))


def decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def instant(message: Any, field: str) -> dt.datetime | None:
    return getattr(message, field).ToDatetime(dt.UTC) if message.HasField(field) else None
