"""Deribit: futures, perpetuals, options, spot, and combinations of them.

The amount of an order is in the quote currency for inverse futures and perpetuals, and in the
base for options, linear contracts and spot ("for perpetual and inverse futures the amount is in
USD units; for options and linear futures it is the underlying base currency coin"). So the
record's `contract_size`, the size of what the screen calls a contract, is no factor of an amount.
The least amount is its step, too: the reference data call it `baseIncrement`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Band, Code, Leg, Market, UnreadableRecord
from cqar.importer.readers import deribit_currencies
from cqar.importer.readers.deribit_requests import DeribitRequests, covers
from cqar.importer.readers.fields import (
    kind_by_settlement,
    milliseconds,
    number,
    positive,
    rate,
    required,
    stated_word,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import Form, ProductLine, RawRecord
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

_T = SymbolTypeCode
_S = MarketStatusCode

_KINDS: Final = {
    "future": _T.FUTURE,
    "option": _T.OPTION,
    "spot": _T.SPOT,
    "future_combo": _T.COMBO,
    "option_combo": _T.COMBO,
}
_PERIODS: Final = {"perpetual": True, "day": False, "week": False, "month": False}
#: "The state of the order book": what is accepted in each.
_STATES: Final = {
    "open": _S.ONLINE,
    "settlement": _S.SETTLING,
    "delivered": _S.DELISTED,
    "inactive": _S.HALTED,
    "locked": _S.CANCEL_ONLY,
    "halted": _S.HALTED,
    "archivized": _S.DELISTED,
}
_CONTRACT_KINDS: Final = {
    "reversed": ContractKindCode.INVERSE,
    "linear": ContractKindCode.LINEAR,
}
_OPTION_TYPES: Final = {"call": OptionTypeCode.CALL, "put": OptionTypeCode.PUT}
#: Before `counter_currency` was stated, all options had strikes in US dollars.
_COUNTER_OF_2021: Final = "USD"


class DeribitTickStep(RawRecord, frozen=True):
    """The tick of prices from `above_price` on."""

    above_price: str
    tick_size: str


class DeribitLeg(RawRecord, frozen=True):
    """A leg in the answer to get_combos; `amount` is its signed ratio."""

    instrument_name: str
    amount: str


class DeribitInstrument(RawRecord, frozen=True, rename={"legs": "@legs"}):
    """An instrument. Answers of 2021 state neither settlement nor counter currency."""

    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    counter_currency: str | None = None
    settlement_currency: str | None = None
    settlement_period: str | None = None
    instrument_type: str | None = None
    instrument_id: str | None = None
    price_index: str | None = None
    option_type: str | None = None
    strike: str | None = None
    expiration_timestamp: str | None = None
    creation_timestamp: str | None = None
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    tick_size: str | None = None
    tick_size_steps: tuple[DeribitTickStep, ...] = ()
    min_trade_amount: str | None = None
    maker_commission: str | None = None
    taker_commission: str | None = None
    max_leverage: str | None = None
    legs: tuple[DeribitLeg, ...] = ()

    UNUSED: ClassVar = frozenset(
        {
            *("contract_size", "future_type", "max_liquidation_commission"),
            *("block_trade_commission", "block_trade_min_trade_amount", "block_trade_tick_size"),
            *("block_trade_tick_size_steps", "rfq", "lot_size", "underlying_type"),
            *("product_group", "max_non_default_leverage"),
        }
    )


def read_instrument(record: DeribitInstrument) -> Market:
    """An instrument of any kind."""
    symbol_type = word(record.kind, "kind", _KINDS)
    if symbol_type in (_T.FUTURE, _T.OPTION):
        is_perpetual = word(record.settlement_period, "settlement_period", _PERIODS)
        symbol_type = _T.PERPETUAL if is_perpetual and symbol_type is _T.FUTURE else symbol_type
    base = Code(text(record.base_currency, "base_currency"))
    quote = Code(_priced_against(record))
    amount = positive(record.min_trade_amount, "min_trade_amount")
    return Market(
        spelling=text(record.instrument_name, "instrument_name"),
        symbol_type=symbol_type,
        base=base,
        quote=quote,
        status=_status(record),
        listed_at=milliseconds(record.creation_timestamp, "creation_timestamp"),
        aliases=_aliases(record.instrument_id),
        lot_size=amount,
        min_order_size=amount,
        maker_fee=rate(record.maker_commission, "maker_commission"),
        taker_fee=rate(record.taker_commission, "taker_commission"),
        max_leverage=positive(record.max_leverage, "max_leverage"),
        legs=tuple(_leg(leg) for leg in record.legs),
        **_dates(record, symbol_type),
        **_ticks(record),
        **_contract(record, symbol_type, base, quote),
    )


def _priced_against(record: DeribitInstrument) -> str:
    """The quote currency; prices of inverse options are in the base, their strikes in this."""
    quote = text(record.quote_currency, "quote_currency")
    if quote != record.base_currency:
        return quote
    return record.counter_currency or _COUNTER_OF_2021


def _aliases(number: str | None) -> tuple[Alias, ...]:
    """Multicast and the binary API name an instrument by its number."""
    return (Alias(number, SpellingChannelCode.ID),) if number else ()


def _status(record: DeribitInstrument) -> MarketStatusCode | None:
    """The state of its book; an instrument that is not active takes no orders."""
    status = stated_word(record.state, "state", _STATES)
    if record.is_active is False:
        return _S.HALTED if status in (None, _S.ONLINE) else status
    return _S.ONLINE if status is None and record.is_active is True else status


def _dates(record: DeribitInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    """Only futures and options expire; perpetuals carry a date in the year 3000."""
    stated = milliseconds(record.expiration_timestamp, "expiration_timestamp")
    ends_at = unless_placeholder(stated)
    if symbol_type not in (_T.FUTURE, _T.OPTION):
        return {"ends_at": ends_at}
    if ends_at is None:
        raise UnreadableRecord("expiration_timestamp is not stated of what expires")
    found: dict[str, dt.datetime | Decimal | OptionTypeCode] = {"expiry": ends_at}
    if symbol_type is _T.OPTION:
        found["strike"] = required(record.strike, "strike")
        found["option_type"] = word(record.option_type, "option_type", _OPTION_TYPES)
    return found


def _ticks(record: DeribitInstrument) -> dict[str, Any]:
    """One tick, or bands of it: a single tick beside them would be wrong for most prices."""
    tick = positive(record.tick_size, "tick_size")
    if not record.tick_size_steps:
        return {"tick_size": tick}
    if tick is None:
        raise UnreadableRecord("tick_size is not stated beside tick_size_steps")
    bands = [Band(Decimal(0), tick)]
    for step in record.tick_size_steps:
        start = required(step.above_price, "above_price")
        if start <= bands[-1].from_price:
            raise UnreadableRecord("tick_size_steps do not ascend")
        bands.append(Band(start, required(step.tick_size, "tick_size_steps.tick_size")))
    return {"tick_bands": tuple(bands)}


def _leg(leg: DeribitLeg) -> Leg:
    ratio = number(leg.amount, "legs.amount")
    if not ratio:
        raise UnreadableRecord("the ratio of a leg is not stated")
    return Leg(text(leg.instrument_name, "legs.instrument_name"), ratio)


def _contract(
    record: DeribitInstrument, symbol_type: SymbolTypeCode, base: Code, quote: Code
) -> dict[str, Any]:
    """What a contract pays in and what its orders count. All were inverse in 2021."""
    if symbol_type is _T.SPOT:
        return {"order_unit": OrderUnitCode.BASE}
    settlement = Code(record.settlement_currency or base.venue)
    kind = kind_by_settlement(base.venue, quote.venue, settlement.venue)
    if record.instrument_type is not None:
        stated = word(record.instrument_type, "instrument_type", _CONTRACT_KINDS)
        if kind is not ContractKindCode.QUANTO and stated is not kind:
            raise UnreadableRecord(
                f"instrument_type is {record.instrument_type}: settled in {settlement.venue[:20]}"
            )
    is_of_futures = record.kind in ("future", "future_combo")
    is_in_quote = is_of_futures and kind is ContractKindCode.INVERSE
    return {
        "settlement": settlement,
        "contract_kind": kind,
        "order_unit": OrderUnitCode.QUOTE if is_in_quote else OrderUnitCode.BASE,
        "underlying": record.price_index or None,
        "underlying_class": UnderlyingClassCode.VOLATILITY if _is_volatility(record) else None,
    }


def _is_volatility(record: DeribitInstrument) -> bool:
    """Whether it is of Deribit's volatility index: `BTCDVOL_USDC-27DEC24`, index `btcdvol_usdc`."""
    names = (record.price_index or "", record.instrument_name)
    return any(name.upper().partition("_")[0].endswith("DVOL") for name in names)


def _form(requests: DeribitRequests) -> Form[DeribitInstrument]:
    return Form(
        lists=(requests.all, requests.one),
        also=(requests.combos,),
        record=DeribitInstrument,
        rows=requests.rows,
        read=read_instrument,
        covers=covers,
        types={requests.one: frozenset()},
        incomplete=requests.incomplete,
    )


_PRODUCTION: Final = ProductLine(
    venue_id="deribit",
    name="Deribit",
    operator="deribit",
    forms=(_form(DeribitRequests("www.deribit.com", is_testnet=False)),),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL, _T.FUTURE, _T.OPTION, _T.COMBO}),
    currencies=deribit_currencies.currency_forms("www.deribit.com"),
    ccxt_id="deribit",
    documentation=(
        "https://docs.deribit.com/api-reference/market-data/public-get_instruments",
        "https://docs.deribit.com/api-reference/trading/private-buy",
        "https://docs.deribit.com/starbase/reference-data",
    ),
    website="https://www.deribit.com",
)
PRODUCT_LINES: Final = (
    _PRODUCTION,
    replace(
        _PRODUCTION,
        venue_id="deribit-testnet",
        name="Deribit Testnet",
        operator="deribit-testnet",
        forms=(_form(DeribitRequests("test.deribit.com", is_testnet=True)),),
        currencies=deribit_currencies.currency_forms("test.deribit.com"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
