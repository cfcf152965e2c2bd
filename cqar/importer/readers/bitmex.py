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
from typing import Any, Final

from cqar.importer.market import Leg, Market, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers import bitmex_currencies
from cqar.importer.readers.bitmex_answers import instruments, missing
from cqar.importer.readers.bitmex_contract import (
    BitmexInstrument,
    code_of,
    contract_kind,
    contract_size,
    kind_paid,
    settlement_of,
    unit_size,
)
from cqar.importer.readers.bitmex_words import (
    NO_MARKETS,
    OPTION_TYPES,
    TYPES,
    class_of,
    status_of,
)
from cqar.importer.readers.fields import (
    iso,
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
    PriceForm,
    ProductLine,
    Request,
    Row,
    answers_to,
)
from cqar.importer.readers.tickers import ISO, TickerFields, tickers
from cqar_shared.domain.kinds.symbol import (
    ExerciseStyleCode,
    SettlementMethodCode,
    SymbolTypeCode,
)
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode


def read_instrument(record: BitmexInstrument) -> Market | UnsupportedRecord:
    spelling = text(record.symbol, "symbol")
    if record.typ in NO_MARKETS:
        return UnsupportedRecord(spelling, *NO_MARKETS[record.typ])
    symbol_type = word(record.typ, "typ", TYPES)
    listed_at = iso(record.listing, "listing")
    status = status_of(record.state, listed_at, iso(record.timestamp, "timestamp"))
    is_over = status is MarketStatusCode.DELISTED
    return Market(
        spelling=spelling,
        symbol_type=symbol_type,
        base=code_of(text(record.underlying, "underlying"), record.base),
        quote=code_of(text(record.quote_currency, "quoteCurrency"), record.quote),
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


def _of_type(record: BitmexInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    """The fields that not all types have."""
    if symbol_type is _T.SPOT:
        return {
            "contract_size": unit_size(record),
            "min_price": limit(record.min_price, "minPrice"),
        }
    return _spread(record) if symbol_type is _T.COMBO else _contract(record, symbol_type)


def _contract(record: BitmexInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    expiry = _expiry(record)
    is_perpetual = symbol_type is _T.PERPETUAL
    if expiry is None and not is_perpetual:
        raise UnreadableRecord(f"expiry is {record.expiry}: a future or an option has one")
    settlement = settlement_of(record)
    kind = contract_kind(record, settlement)
    fields = {
        "settlement": settlement,
        "contract_kind": kind,
        "contract_size": contract_size(record, kind),
        "underlying_class": class_of(record.typ, record.underlying or ""),
        "underlying": record.reference_symbol or None,
        "expiry": None if is_perpetual else expiry,
        "ends_at": expiry if is_perpetual else None,
        "funding_interval_s": _interval(record) if is_perpetual else None,
        "min_price": limit(record.min_price, "minPrice"),
    }
    return fields | (_option(record) if symbol_type is _T.OPTION else {})


def _option(record: BitmexInstrument) -> dict[str, Any]:
    """OCECCS and OPECCS are European and settled in cash: the third and fifth letter, ISO 10962."""
    return {
        "strike": required(record.option_strike_price, "optionStrikePrice"),
        "option_type": OPTION_TYPES[record.typ],
        "exercise_style": ExerciseStyleCode.EUROPEAN,
        "settlement_method": SettlementMethodCode.CASH,
    }


def _spread(record: BitmexInstrument) -> dict[str, Any]:
    """A calendar spread: its price, the near leg's less the far leg's, may be negative.

    How much of an asset one contract is, each leg says for itself.
    """
    settlement = settlement_of(record)
    near, far = record.near_leg_symbol or record.buy_leg, record.far_leg_symbol or record.sell_leg
    return {
        "legs": (
            Leg(text(near, "nearLegSymbol"), Decimal(1)),
            Leg(text(far, "farLegSymbol"), Decimal(-1)),
        ),
        "settlement": settlement,
        "contract_kind": kind_paid(record, settlement),
        "ends_at": _expiry(record),
        "min_price": number(record.min_price, "minPrice"),
    }


def _expiry(record: BitmexInstrument) -> dt.datetime | None:
    return unless_placeholder(iso(record.expiry, "expiry"))


def _interval(record: BitmexInstrument) -> int | None:
    """A duration that is written as a time of 2000-01-01."""
    found = iso(record.funding_interval, "fundingInterval")
    return found.hour * 3_600 + found.minute * 60 + found.second if found else None


def _assets(host: str) -> Request:
    return Request(f"{host}/api/v1/wallet/assets")


def _form(host: str) -> Form[BitmexInstrument]:
    root = f"{host}/api/v1"
    with_indices = Request(f"{root}/instrument/activeAndIndices")
    active = Request(f"{root}/instrument/active")
    every = Request(f"{root}/instrument", pages="start", narrows=("symbol", "filter"))
    assets = _assets(host)

    def rows(answers: Answers) -> Iterable[Row]:
        given = [request for request in (with_indices, active, every) if request in answers]
        if len(given) > 1:
            names = ", ".join(request.short_name for request in given)
            raise NotTheAnswer(f"each of {names} lists the open instruments: give one of them")
        return instruments(answers_to(answers, *given), answers_to(answers, assets))

    return Form(
        lists=(with_indices, active, every),
        also=(assets,),
        record=BitmexInstrument,
        rows=rows,
        read=read_instrument,
        covers=lambda query, spelling, _: query.get("symbol") == spelling,
        incomplete=lambda answers: missing(answers_to(answers, every)),
    )


def _prices(host: str) -> tuple[PriceForm, ...]:
    """The instruments state their last prices."""
    fields = TickerFields(last="lastPrice", at="timestamp", unit=ISO, traded="volume24h")
    return (tickers(*_form(host).lists, fields=fields),)


_LINE: Final = ProductLine(
    venue_id="bitmex",
    name="BitMEX",
    operator="bitmex",
    forms=(_form("www.bitmex.com"),),
    currencies=bitmex_currencies.currency_forms(_assets("www.bitmex.com"), "bitmex"),
    prices=_prices("www.bitmex.com"),
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
        currencies=bitmex_currencies.currency_forms(
            _assets("testnet.bitmex.com"), "bitmex-testnet"
        ),
        prices=_prices("testnet.bitmex.com"),
        environment=EnvironmentCode.TESTNET,
        website="https://testnet.bitmex.com",
    ),
)
