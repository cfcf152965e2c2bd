"""Crypto.com Exchange and its sandbox: spot, perpetuals, futures and warrants in one namespace.

`quantity` of an order is in the base, in steps of `qty_tick_size`. Where a record states a
`contract_size` it counts contracts of so many units of the base: 10 of a warrant of 0.0001 BTC
are 0.001 BTC. Contracts pay in their quote, USD. Both forms of the list are read: v1's of today,
and that of v2 (2021), which has spot with counts of decimals and no status.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers import cryptocom_currencies
from cqar.importer.readers.fields import (
    limit,
    milliseconds,
    places,
    positive,
    required,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_T = SymbolTypeCode
_TYPES: Final = {
    "CCY_PAIR": _T.SPOT,
    "PERPETUAL_SWAP": _T.PERPETUAL,
    "FUTURE": _T.FUTURE,
    "WARRANT": _T.OPTION,
}
_OPTION_TYPES: Final = {"CALL": OptionTypeCode.CALL, "PUT": OptionTypeCode.PUT}
_STATUS: Final = {True: MarketStatusCode.ONLINE, False: MarketStatusCode.HALTED}


class CryptocomInstrument(RawRecord, frozen=True):
    """An instrument of v1; or of v2, which calls it `instrument_name`."""

    symbol: str | None = None
    inst_type: str | None = None
    base_ccy: str | None = None
    quote_ccy: str | None = None
    price_tick_size: str | None = None
    qty_tick_size: str | None = None
    max_leverage: str | None = None
    tradable: bool | None = None
    expiry_timestamp_ms: str | None = None
    underlying_symbol: str | None = None
    contract_size: str | None = None
    put_call: str | None = None
    strike: str | None = None
    instrument_name: str | None = None
    base_currency: str | None = None
    quote_currency: str | None = None
    price_decimals: str | None = None
    quantity_decimals: str | None = None
    min_quantity: str | None = None
    max_quantity: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("display_name", "quote_decimals", "beta_product", "margin_buy_enabled"),
            *("margin_sell_enabled", "margin_trading_enabled", "margin_trading_enabled_5x"),
            *("margin_trading_enabled_10x", "last_update_date"),
        }
    )


def read_instrument(record: CryptocomInstrument) -> Market:
    return _read_v1(record) if record.instrument_name is None else _read_v2(record)


def _read_v2(record: CryptocomInstrument) -> Market:
    return Market(
        spelling=text(record.instrument_name, "instrument_name"),
        symbol_type=_T.SPOT,
        base=Code(text(record.base_currency, "base_currency")),
        quote=Code(text(record.quote_currency, "quote_currency")),
        order_unit=OrderUnitCode.BASE,
        tick_size=places(record.price_decimals, "price_decimals"),
        lot_size=places(record.quantity_decimals, "quantity_decimals"),
        min_order_size=limit(record.min_quantity, "min_quantity"),
        max_order_size=limit(record.max_quantity, "max_quantity"),
    )


def _read_v1(record: CryptocomInstrument) -> Market:
    symbol_type = word(record.inst_type, "inst_type", _TYPES)
    quote = Code(text(record.quote_ccy, "quote_ccy"))
    is_spot = symbol_type is _T.SPOT
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=symbol_type,
        base=Code(text(record.base_ccy, "base_ccy")),
        quote=quote,
        status=None if record.tradable is None else _STATUS[record.tradable],
        tick_size=positive(record.price_tick_size, "price_tick_size"),
        lot_size=positive(record.qty_tick_size, "qty_tick_size"),
        max_leverage=limit(record.max_leverage, "max_leverage"),
        **({"order_unit": OrderUnitCode.BASE} if is_spot else _contract(record, symbol_type)),
        settlement=None if is_spot else quote,
    )


def _contract(record: CryptocomInstrument, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    size = positive(record.contract_size, "contract_size")
    ends = unless_placeholder(milliseconds(record.expiry_timestamp_ms, "expiry_timestamp_ms"))
    is_perpetual = symbol_type is _T.PERPETUAL
    if ends is None and not is_perpetual:
        raise UnreadableRecord("expiry_timestamp_ms is not stated: a future or a warrant has one")
    fields = {
        "contract_kind": ContractKindCode.LINEAR,
        "contract_size": size,
        "order_unit": OrderUnitCode.BASE if size is None else OrderUnitCode.CONTRACT,
        "underlying": record.underlying_symbol or None,
        "expiry": None if is_perpetual else ends,
        "ends_at": ends if is_perpetual else None,
    }
    return fields | (_option(record) if symbol_type is _T.OPTION else {})


def _option(record: CryptocomInstrument) -> dict[str, Any]:
    return {
        "strike": required(record.strike, "strike"),
        "option_type": word(record.put_call, "put_call", _OPTION_TYPES),
    }


def _instruments(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, *answers):
        result = answer.value.get("result") if isinstance(answer.value, dict) else None
        if isinstance(result, dict) and "instruments" in result:
            yield from objects_at(result, "instruments", name="instrument_name")
        else:
            yield from objects_at(answer.value, "result", "data")


def _form(host: str) -> Form[CryptocomInstrument]:
    today = Request(f"{host}/exchange/v1/public/get-instruments")
    former = Request(f"{host}/v2/public/get-instruments", is_former=True)
    return Form(
        lists=(today, former),
        record=CryptocomInstrument,
        rows=_instruments,
        read=read_instrument,
        types={former: frozenset({_T.SPOT})},
    )


def _prices(host: str) -> tuple[PriceForm, ...]:
    """`i` names the instrument, `a` is its "latest trade", `v` its volume of 24 hours."""
    fields = TickerFields(("result", "data"), spelling="i", last="a", at="t", traded="v")
    former = Request(f"{host}/v2/public/get-ticker", is_former=True)
    return (tickers(f"{host}/exchange/v1/public/get-tickers", former, fields=fields),)


_LINE: Final = ProductLine(
    venue_id="cryptocom",
    name="Crypto.com Exchange",
    operator="cryptocom",
    forms=(_form("api.crypto.com"),),
    currencies=(cryptocom_currencies.CURRENCIES,),
    prices=_prices("api.crypto.com"),
    symbol_types=frozenset({_T.SPOT, _T.PERPETUAL, _T.FUTURE, _T.OPTION}),
    ccxt_id="cryptocom",
    documentation=(
        "https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#public-get-instruments",
        "https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#private-create-order",
    ),
    website="https://crypto.com/exchange",
)

PRODUCT_LINES: Final = (
    _LINE,
    dataclasses.replace(
        _LINE,
        venue_id="cryptocom-testnet",
        name="Crypto.com Exchange UAT Sandbox",
        operator="cryptocom-testnet",
        forms=(_form("uat-api.3ona.co"),),
        currencies=(),
        prices=_prices("uat-api.3ona.co"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
