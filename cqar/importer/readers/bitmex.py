"""BitMEX and its testnet: perpetuals, futures, spreads, options and spot in one namespace.

Orders count contracts; of spot, too: there a contract is the smallest unit of the base, such as
10^-8 XBT. The formulas of a contract's size are BitMEX's own ("How do I calculate contract size
and minimum trade amount using the /instrument endpoint?"): 1,000 contracts of ETHUSDT, with an
underlyingToPositionMultiplier of 100,000, are 0.01 ETH.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Code, Leg, Market, UnreadableRecord, Unsupported
from cqar.importer.readers.bitmex_answers import instruments, missing
from cqar.importer.readers.bitmex_words import (
    NO_MARKETS,
    OPTION_TYPES,
    TYPES,
    UNITS,
    UNUSED,
    class_of,
    currency_of,
    status_of,
)
from cqar.importer.readers.fields import (
    exact_quotient,
    integer,
    iso,
    kind_by_settlement,
    limit,
    number,
    positive,
    rate,
    required,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
)
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    ExerciseStyleCode,
    SettlementMethodCode,
    SymbolTypeCode,
)
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode
_K = ContractKindCode
#: BitMEX's own tickers for what others call otherwise.
_TICKERS: Final = {"XBT": "BTC"}
_SCALE_MAX: Final = 30


class Asset(RawRecord, frozen=True, rename="camel"):
    """What wallet/assets says of a code."""

    major_currency: str | None = None
    name: str | None = None
    scale: str | None = None


class Instrument(RawRecord, frozen=True, rename="camel"):
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
    base: Asset | None = msgspec.field(default=None, name="@base")
    quote: Asset | None = msgspec.field(default=None, name="@quote")
    settlement: Asset | None = msgspec.field(default=None, name="@settlement")
    index_type: str | None = msgspec.field(default=None, name="@indexType")

    UNUSED: ClassVar = UNUSED


def read_instrument(record: Instrument) -> Market | Unsupported:
    spelling = text(record.symbol, "symbol")
    if record.typ in NO_MARKETS:
        return Unsupported(spelling, *NO_MARKETS[record.typ])
    symbol_type = word(record.typ, "typ", TYPES)
    listed_at = iso(record.listing, "listing")
    status = status_of(record.state, listed_at, iso(record.timestamp, "timestamp"))
    is_over = status is MarketStatusCode.DELISTED
    return Market(
        spelling=spelling,
        symbol_type=symbol_type,
        base=_code(text(record.underlying, "underlying"), record.base),
        quote=_code(text(record.quote_currency, "quoteCurrency"), record.quote),
        status=status,
        listed_at=unless_placeholder(listed_at),
        delisted_at=_expiry(record) if is_over else None,
        order_unit=OrderUnitCode.CONTRACT,
        tick_size=positive(record.tick_size, "tickSize"),
        lot_size=positive(record.lot_size, "lotSize"),
        max_order_size=limit(record.max_order_qty, "maxOrderQty"),
        max_price=limit(record.max_price, "maxPrice"),
        maker_fee=rate(record.maker_fee, "makerFee"),
        taker_fee=rate(record.taker_fee, "takerFee"),
        initial_margin_rate=rate(record.init_margin, "initMargin"),
        maintenance_margin_rate=rate(record.maint_margin, "maintMargin"),
        **_of_type(record, symbol_type),
    )


def _of_type(record: Instrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    """The fields that not all types have."""
    if symbol_type is _T.SPOT:
        return {
            "contract_size": _unit_size(record),
            "min_price": limit(record.min_price, "minPrice"),
        }
    if symbol_type is _T.COMBO:
        return _spread(record)
    return _contract(record, symbol_type)


def _contract(record: Instrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    expiry = _expiry(record)
    is_perpetual = symbol_type is _T.PERPETUAL
    if expiry is None and not is_perpetual:
        raise UnreadableRecord(f"expiry is {record.expiry}: a future or an option has one")
    settlement = _settlement(record)
    kind = _contract_kind(record, settlement)
    fields = {
        "settlement": settlement,
        "contract_kind": kind,
        "contract_size": _contract_size(record, kind),
        "underlying_class": class_of(record.typ, record.index_type, record.underlying or ""),
        "underlying": record.reference_symbol or None,
        "expiry": None if is_perpetual else expiry,
        "ends_at": expiry if is_perpetual else None,
        "funding_interval_s": _interval(record) if is_perpetual else None,
        "min_price": limit(record.min_price, "minPrice"),
    }
    return fields | (_option(record) if symbol_type is _T.OPTION else {})


def _option(record: Instrument) -> dict[str, Any]:
    """OCECCS and OPECCS are European and settled in cash: the third and fifth letter, ISO 10962."""
    return {
        "strike": required(record.option_strike_price, "optionStrikePrice"),
        "option_type": OPTION_TYPES[record.typ],
        "exercise_style": ExerciseStyleCode.EUROPEAN,
        "settlement_method": SettlementMethodCode.CASH,
    }


def _spread(record: Instrument) -> dict[str, Any]:
    """A calendar spread: its price, the near leg's less the far leg's, may be negative.

    How much of an asset one contract is, each leg says for itself.
    """
    settlement = _settlement(record)
    near, far = record.near_leg_symbol or record.buy_leg, record.far_leg_symbol or record.sell_leg
    return {
        "legs": (
            Leg(text(near, "nearLegSymbol"), Decimal(1)),
            Leg(text(far, "farLegSymbol"), Decimal(-1)),
        ),
        "settlement": settlement,
        "contract_kind": _kind_by(record, settlement),
        "ends_at": _expiry(record),
        "min_price": number(record.min_price, "minPrice"),
    }


def _code(code: str, asset: Asset | None) -> Code:
    """A code and what it means: a small unit is a code of its currency; XBT is BTC."""
    currency = (asset and asset.major_currency) or currency_of(code)
    return Code(code, _TICKERS.get(currency, currency), (asset and asset.name) or None)


def _settlement(record: Instrument) -> Code:
    return _code(text(record.settl_currency, "settlCurrency"), record.settlement)


def _kind_by(record: Instrument, settlement: Code) -> ContractKindCode:
    """The kind that follows from what a contract pays in."""
    base = _code(record.underlying or "", record.base).ticker
    quote = _code(record.quote_currency or "", record.quote).ticker
    return kind_by_settlement(base, quote, settlement.ticker)


def _contract_kind(record: Instrument, settlement: Code) -> ContractKindCode:
    """The kind that isQuanto and isInverse state, which must fit the settlement."""
    kind = _kind_by(record, settlement)
    if record.is_quanto is not (kind is _K.QUANTO) or record.is_inverse is not (kind is _K.INVERSE):
        raise UnreadableRecord(
            f"isQuanto is {record.is_quanto}, isInverse {record.is_inverse}:"
            f" that does not fit a settlement in {settlement.venue}"
        )
    return kind


def _contract_size(record: Instrument, kind: ContractKindCode) -> Decimal | None:
    """One contract; None of a quanto where nobody says how large its settlement's unit is."""
    if kind is _K.LINEAR:
        return _unit_size(record)
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


def _unit_size(record: Instrument) -> Decimal:
    field = "underlyingToPositionMultiplier"
    units = required(record.underlying_to_position_multiplier, field)
    return exact_quotient(Decimal(1), units, field)


def _scale(record: Instrument) -> int | None:
    """How many decimals of its currency the settlement's small unit is."""
    stated = integer(record.settlement.scale, "scale") if record.settlement else None
    if stated is None:
        known = UNITS.get(record.settl_currency or "")
        return known[1] if known else None
    if not 0 <= stated <= _SCALE_MAX:
        raise UnreadableRecord(f"scale is {stated}: it must be from 0 to {_SCALE_MAX}")
    return stated


def _expiry(record: Instrument) -> dt.datetime | None:
    return unless_placeholder(iso(record.expiry, "expiry"))


def _interval(record: Instrument) -> int | None:
    """A duration that is written as a time of 2000-01-01."""
    found = iso(record.funding_interval, "fundingInterval")
    return found.hour * 3_600 + found.minute * 60 + found.second if found else None


def _form(host: str) -> Form[Instrument]:
    root = f"{host}/api/v1"
    with_indices = Request(f"{root}/instrument/activeAndIndices")
    active = Request(f"{root}/instrument/active")
    every = Request(f"{root}/instrument", pages="start", narrows=("symbol", "filter"))
    assets = Request(f"{root}/wallet/assets")

    def rows(answers: Answers) -> Iterable[Row]:
        given = [request for request in (with_indices, active, every) if request in answers]
        if len(given) > 1:
            names = ", ".join(request.file_name for request in given)
            raise NotTheAnswer(f"each of {names} lists the open instruments: give one of them")
        return instruments(answers_to(answers, *given), answers_to(answers, assets))

    return Form(
        lists=(with_indices, active, every),
        also=(assets,),
        record=Instrument,
        rows=rows,
        read=read_instrument,
        covers=lambda query, spelling, _: query.get("symbol") == spelling,
        incomplete=lambda answers: missing(answers_to(answers, every)),
    )


_LINE: Final = ProductLine(
    venue_id="bitmex",
    name="BitMEX",
    operator="bitmex",
    forms=(_form("www.bitmex.com"),),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL, _T.FUTURE, _T.OPTION, _T.COMBO}),
    documentation=(
        "https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive",
        "https://support.bitmex.com/hc/en-gb/articles/6206354894365",
        "https://support.bitmex.com/hc/en-gb/articles/16797952159261",
        "https://support.bitmex.com/hc/en-gb/articles/6299296145565",
    ),
    website="https://www.bitmex.com",
)

PRODUCT_LINES: Final = (
    _LINE,
    dataclasses.replace(
        _LINE,
        venue_id="bitmex-testnet",
        name="BitMEX Testnet",
        operator="bitmex-testnet",
        forms=(_form("testnet.bitmex.com"),),
        environment=EnvironmentCode.TESTNET,
        website="https://testnet.bitmex.com",
    ),
)
