"""A canonical product, wherever it trades.

It is identified by (type, base, quote, settlement, expiry, strike, option type); a combination also
by its name, `underlying`, since several have the same assets. Its text follows the usual notation
and is for people; programs use the id.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from cqc.markets.v1 import symbol_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, lifecycle
from cqar_shared.errors import FieldViolation


class SymbolTypeCode(enum.IntEnum):
    SPOT = 1
    PERPETUAL = 2
    FUTURE = 3
    OPTION = 4
    MARGIN = 5
    COMBO = 100


class UnderlyingClassCode(enum.IntEnum):
    """What a product's price is of."""

    CRYPTO = 1
    EQUITY = 2
    FUND = 3
    COMMODITY = 4
    INDEX = 5
    FX = 6
    RATE = 7
    VOLATILITY = 8
    EVENT = 9
    PRE_IPO = 10


class SettlementMethodCode(enum.IntEnum):
    CASH = 1
    PHYSICAL = 2


class ExerciseStyleCode(enum.IntEnum):
    EUROPEAN = 1
    AMERICAN = 2


class OptionTypeCode(enum.IntEnum):
    CALL = 1
    PUT = 2


class ContractKindCode(enum.IntEnum):
    LINEAR = 1
    INVERSE = 2
    QUANTO = 3


IDENTITY: Final = (
    "symbol_type",
    "base_asset_id",
    "quote_asset_id",
    "settlement_asset_id",
    "expiry",
    "strike_price",
    "option_type",
)
#: `IDENTITY`, as violations name the fields.
_FOR_EVER: Final = tuple("exact.strike_price" if f == "strike_price" else f for f in IDENTITY)
CASH: Final = frozenset({SymbolTypeCode.SPOT, SymbolTypeCode.MARGIN})
EXPIRING: Final = frozenset({SymbolTypeCode.FUTURE, SymbolTypeCode.OPTION})


class Symbol(Entity, frozen=True, kw_only=True):
    """A product.

    Attributes:
        symbol: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-261225-100000-C`; derived if empty.
        tick_size, lot_size, min_order_size, max_order_size, min_notional: Defaults for listings
            without their own.
        contract_size: LINEAR: base units in one contract; INVERSE: quote units.
        price_asset_id: Asset that prices are in, if that is not the quote asset.
        settlement_asset_id: The quote asset of what is traded for cash; None only of a COMBO of
            such products.
        underlying: The index or asset that its price follows; of a COMBO, its name.
        last_trade_at: The last instant of trading, where it is stated beside the expiry.
        merged_into: The symbol that answers for its id now, since their assets were merged. Its own
            assets stay as they were.
    """

    symbol_id: str = ""
    symbol: str = ""
    symbol_type: SymbolTypeCode | None = None
    base_asset_id: str = ""
    quote_asset_id: str = ""
    settlement_asset_id: str | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_order_size: Decimal | None = None
    max_order_size: Decimal | None = None
    min_notional: Decimal | None = None
    contract_size: Decimal | None = None
    expiry: dt.datetime | None = None
    strike_price: Decimal | None = None
    option_type: OptionTypeCode | None = None
    is_active: bool = True
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    delisted_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    price_asset_id: str | None = None
    contract_kind: ContractKindCode | None = None
    underlying_class: UnderlyingClassCode | None = None
    underlying: str | None = None
    settlement_method: SettlementMethodCode | None = None
    exercise_style: ExerciseStyleCode | None = None
    last_trade_at: dt.datetime | None = None
    merged_into: str | None = None


def notation(symbol: Symbol, base: str, quote: str, settlement: str) -> str:
    """Write the symbol's text from its assets' tickers."""
    text = f"{base}/{quote}"
    if symbol.symbol_type not in CASH and settlement:
        text += f":{settlement}"
    if symbol.symbol_type is SymbolTypeCode.COMBO and symbol.underlying:
        text += f"-{symbol.underlying}"
    if symbol.symbol_type in EXPIRING and symbol.expiry:
        text += f"-{symbol.expiry:%y%m%d}"
    if symbol.symbol_type is SymbolTypeCode.OPTION and symbol.option_type and symbol.strike_price:
        text += f"-{symbol.strike_price:f}-{symbol.option_type.name[0]}"
    return text


def kind_of(symbol: Symbol) -> ContractKindCode | None:
    """Derive the kind of a contract from its settlement asset; None if it is not a contract."""
    if symbol.symbol_type in CASH or not symbol.settlement_asset_id:
        return None
    return {
        symbol.quote_asset_id: ContractKindCode.LINEAR,
        symbol.base_asset_id: ContractKindCode.INVERSE,
    }.get(symbol.settlement_asset_id, ContractKindCode.QUANTO)


def complete(before: Symbol | None, given: Symbol, registry: RegistryView) -> Symbol:
    changes: dict[str, Any] = {}
    if before is not None:
        changes["merged_into"] = before.merged_into
    settlement = given.settlement_asset_id
    if settlement is None and given.symbol_type in CASH:
        changes["settlement_asset_id"] = settlement = given.quote_asset_id
    if given.contract_kind is None:
        changes["contract_kind"] = kind_of(given)
    if given.underlying_class is None and before is not None:
        changes["underlying_class"] = before.underlying_class
    if not given.symbol and before is not None:
        changes["symbol"] = before.symbol
    elif not given.symbol:
        changes["symbol"] = _text(given, settlement, registry)
    return msgspec.structs.replace(given, **changes) if changes else given


def _text(given: Symbol, settlement: str | None, registry: RegistryView) -> str:
    """Write its text; empty if one of its assets is not there."""
    keys = (given.base_asset_id, given.quote_asset_id, *((settlement,) if settlement else ()))
    assets = [registry.get("asset", key) for key in keys]
    if not all(assets):
        return given.symbol
    base, quote, *settled = (asset.symbol for asset in assets if asset)
    return notation(given, base, quote, settled[0] if settled else "")


def same_identity(given: Symbol, registry: RegistryView) -> Symbol | None:
    """Return the symbol with the same identity, if there is one."""
    identity = [getattr(complete(None, given, registry), name) for name in IDENTITY]
    found = registry.find("symbol", "identity", *identity)
    is_combo = given.symbol_type is SymbolTypeCode.COMBO
    return next((s for s in found if not is_combo or s.underlying == given.underlying), None)


def check_symbol(
    before: Symbol | None, after: Symbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("symbol_id", after.symbol_id)
    yield from rules.check_required(after, "symbol_type", "base_asset_id", "quote_asset_id")
    if after.symbol:
        yield from rules.check_printable("symbol", after.symbol)
    if after.base_asset_id and after.base_asset_id == after.quote_asset_id:
        yield FieldViolation("quote_asset_id", "SAME_AS_BASE", "must differ from the base asset")
    yield from _check_settlement(after)
    yield from _check_underlying(before, after)
    yield from rules.check_positive(
        after, "exact.", "tick_size", "lot_size", "contract_size", "max_order_size"
    )
    yield from rules.check_not_negative(after, "exact.", "min_order_size", "min_notional")
    yield from rules.check_below(after, "exact.", "min_order_size", "max_order_size")
    yield from rules.check_immutable(before, after, "it is another symbol", *_FOR_EVER)
    yield from _check_terms(before, after, registry)
    if before is None:
        twin = same_identity(after, registry)
        if twin is not None and twin.symbol_id != after.symbol_id:
            yield FieldViolation(
                "symbol_type", "DUPLICATE", f"these are the terms of {twin.symbol_id}"
            )


def _check_settlement(after: Symbol) -> Iterator[FieldViolation]:
    """Check that settlement asset and contract kind agree: both decide an order's value."""
    settlement, kind = after.settlement_asset_id, after.contract_kind
    if after.symbol_type in CASH:
        if settlement != after.quote_asset_id:
            message = "what is traded for cash settles in its quote asset"
            yield FieldViolation("settlement_asset_id", "NOT_THE_QUOTE", message)
        if kind is not None:
            yield FieldViolation("contract_kind", "NOT_APPLICABLE", "only a contract has one")
    elif not settlement:
        if after.symbol_type is SymbolTypeCode.COMBO:
            return
        yield FieldViolation("settlement_asset_id", "REQUIRED", "is required of a contract")
    elif (pays := kind_of(after)) is not None and kind is not pays:
        message = f"settling in this asset it is {pays.name}"
        yield FieldViolation("contract_kind", "CONTRADICTS", message)


def _check_underlying(before: Symbol | None, after: Symbol) -> Iterator[FieldViolation]:
    if after.underlying is not None:
        yield from rules.check_printable("underlying", after.underlying)
    if after.symbol_type is SymbolTypeCode.COMBO:
        if after.underlying is None:
            message = "is required of a combination, whose name it is"
            yield FieldViolation("underlying", "REQUIRED", message)
        yield from rules.check_immutable(before, after, "it is another symbol", "underlying")
    if before is not None and before.underlying_class is not None:
        yield from rules.check_immutable(before, after, "it is another product", "underlying_class")


def _check_terms(
    before: Symbol | None, after: Symbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    if after.symbol_type in EXPIRING:
        if after.expiry is None:
            yield FieldViolation("expiry", "REQUIRED", "is required of a future or an option")
        elif before is None and after.expiry <= registry.now and not registry.historical:
            yield FieldViolation("expiry", "PAST", "has passed; history is imported, not listed")
    elif after.expiry is not None and after.symbol_type is not SymbolTypeCode.COMBO:
        yield FieldViolation("expiry", "NOT_APPLICABLE", "only futures and options expire")
    if after.last_trade_at and (after.expiry is None or after.last_trade_at > after.expiry):
        message = "stands beside an expiry, and is not later"
        yield FieldViolation("last_trade_at", "NOT_APPLICABLE", message)
    yield from _check_option(after)


def _check_option(after: Symbol) -> Iterator[FieldViolation]:
    if after.symbol_type is SymbolTypeCode.OPTION:
        if after.strike_price is None:
            yield FieldViolation("exact.strike_price", "REQUIRED", "is required of an option")
        yield from rules.check_positive(after, "exact.", "strike_price")
        if after.option_type is None:
            yield FieldViolation("option_type", "REQUIRED", "an option is a CALL or a PUT")
    else:
        for field in ("exact.strike_price", "option_type", "exercise_style"):
            if getattr(after, field.removeprefix("exact.")) is not None:
                yield FieldViolation(field, "NOT_APPLICABLE", "only an option has one")


def check_relinked(
    _: Symbol | None, after: Symbol, registry: RegistryView
) -> Iterator[FieldViolation]:
    """Check a symbol whose assets were merged: its terms must be no other symbol's."""
    yield from check_symbol(after, after, registry)
    twin = same_identity(after, registry)
    if twin is not None and twin.symbol_id != after.symbol_id:
        message = f"these are the terms of {twin.symbol_id}"
        yield FieldViolation("symbol_type", "DUPLICATE", message)


def check_removal(symbol: Symbol, _: RegistryView) -> Iterator[FieldViolation]:
    if symbol.merged_into is not None:
        message = f"its id stands for {symbol.merged_into}: unmerge its asset first"
        yield FieldViolation("symbol_id", "MERGED", message)


SYMBOL = Kind(
    name="symbol",
    entity=Symbol,
    message=symbol_pb2.Symbol,
    key=("symbol_id",),
    table="symbols",
    check=check_symbol,
    check_relinked=check_relinked,
    check_removal=check_removal,
    complete=complete,
    existing=same_identity,
    referents={
        "base_asset_id": "asset",
        "quote_asset_id": "asset",
        "settlement_asset_id": "asset",
        "price_asset_id": "asset",
        "merged_into": "symbol",
    },
    lookups={
        "identity": by(*IDENTITY),
        "base_asset": by("base_asset_id"),
        "quote_asset": by("quote_asset_id"),
        "settlement_asset": by("settlement_asset_id"),
        "price_asset": by("price_asset_id"),
        "merged_into": by("merged_into"),
    },
    event=lifecycle("symbol_created", "symbol_updated", "symbol_deleted"),
    archives=True,
)
