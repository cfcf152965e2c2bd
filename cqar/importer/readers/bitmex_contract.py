"""An instrument of BitMEX: its record, its codes and units, and how large one contract is."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from cqar.importer.market import Code, UnreadableRecord
from cqar.importer.readers.bitmex_words import UNITS, UNUSED, currency_of
from cqar.importer.readers.fields import (
    exact_quotient,
    integer,
    kind_by_settlement,
    number,
    required,
    text,
)
from cqar.importer.readers.product_line import RawRecord
from cqar_shared.domain.kinds.symbol import ContractKindCode

_K = ContractKindCode
#: BitMEX's own tickers for what others call otherwise.
_TICKERS: Final = {"XBT": "BTC"}
_SCALE_MAX: Final = 30


class BitmexAsset(RawRecord, frozen=True, rename="camel"):
    """What wallet/assets says of a code."""

    major_currency: str | None = None
    name: str | None = None
    scale: str | None = None


class BitmexInstrument(RawRecord, frozen=True, rename="camel"):
    symbol: str
    typ: str
    state: str
    underlying: str | None = None
    quote_currency: str | None = None
    settl_currency: str | None = None
    listing: str | None = None
    expiry: str | None = None
    timestamp: str | None = None
    reference_symbol: str | None = None
    is_quanto: bool | None = None
    is_inverse: bool | None = None
    multiplier: str | None = None
    underlying_to_position_multiplier: str | None = None
    underlying_to_settle_multiplier: str | None = None
    tick_size: str | None = None
    lot_size: str | None = None
    max_order_qty: str | None = None
    min_price: str | None = None
    max_price: str | None = None
    init_margin: str | None = None
    maint_margin: str | None = None
    maker_fee: str | None = None
    taker_fee: str | None = None
    funding_interval: str | None = None
    option_strike_price: str | None = None
    near_leg_symbol: str | None = None
    far_leg_symbol: str | None = None
    buy_leg: str | None = None
    sell_leg: str | None = None
    base: BitmexAsset | None = msgspec.field(default=None, name="@base")
    quote: BitmexAsset | None = msgspec.field(default=None, name="@quote")
    settlement: BitmexAsset | None = msgspec.field(default=None, name="@settlement")

    UNUSED: ClassVar = UNUSED


def code_of(code: str, asset: BitmexAsset | None) -> Code:
    """A currency's own code: XBT is BTC."""
    return Code(code, _TICKERS.get(code, code), (asset and asset.name) or None)


def settlement_of(record: BitmexInstrument) -> Code:
    """What a contract pays in: the record names the small unit of a currency, XBt of XBT."""
    unit, asset = text(record.settl_currency, "settlCurrency"), record.settlement
    currency = (asset and asset.major_currency) or currency_of(unit)
    return Code(currency, _TICKERS.get(currency, currency), (asset and asset.name) or None)


def kind_paid(record: BitmexInstrument, settlement: Code) -> ContractKindCode:
    """The kind that follows from what a contract pays in."""
    base = code_of(record.underlying or "", record.base).ticker
    quote = code_of(record.quote_currency or "", record.quote).ticker
    return kind_by_settlement(base, quote, settlement.ticker)


def contract_kind(record: BitmexInstrument, settlement: Code) -> ContractKindCode:
    """The kind that isQuanto and isInverse state, which must fit the settlement."""
    kind = kind_paid(record, settlement)
    if record.is_quanto is not (kind is _K.QUANTO) or record.is_inverse is not (kind is _K.INVERSE):
        raise UnreadableRecord(
            f"isQuanto is {record.is_quanto}, isInverse {record.is_inverse}:"
            f" that does not fit a settlement in {settlement.venue}"
        )
    return kind


def contract_size(record: BitmexInstrument, kind: ContractKindCode) -> Decimal | None:
    """One contract; None of a quanto where nobody says how large its settlement's unit is."""
    if kind is _K.LINEAR:
        return unit_size(record)
    multiplier = number(record.multiplier, "multiplier") or Decimal(0)
    if kind is _K.INVERSE:
        units = number(record.underlying_to_settle_multiplier, "underlyingToSettleMultiplier")
        size = exact_quotient(multiplier, units, "underlyingToSettleMultiplier")
    else:
        scale = _scale(record)
        if scale is None:
            return None
        size = exact_quotient(multiplier, Decimal(10) ** scale, "scale")
    if size <= 0:
        raise UnreadableRecord(f"multiplier is {record.multiplier}: a contract must have a size")
    return size


def unit_size(record: BitmexInstrument) -> Decimal:
    field = "underlyingToPositionMultiplier"
    units = required(record.underlying_to_position_multiplier, field)
    return exact_quotient(Decimal(1), units, field)


def _scale(record: BitmexInstrument) -> int | None:
    """How many decimals of its currency the settlement's small unit is."""
    stated = integer(record.settlement.scale, "scale") if record.settlement else None
    if stated is None:
        known = UNITS.get(record.settl_currency or "")
        return known[1] if known else None
    if not 0 <= stated <= _SCALE_MAX:
        raise UnreadableRecord(f"scale is {stated}: it must be from 0 to {_SCALE_MAX}")
    return stated
