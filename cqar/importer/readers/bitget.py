"""Bitget: spot. Its futures are in `bitget_futures`.

Quantities of spot orders are in the base coin (that of a market buy is in the quote coin).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Alias, Code, Market
from cqar.importer.readers import bitget_currencies, bitget_futures
from cqar.importer.readers.bitget_futures import date_or_none, rows_of, utmost_prices
from cqar.importer.readers.fields import limit, places, rate, text, word
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    ProductLine,
    RawRecord,
    Request,
    Row,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: `gray` ("grey scale") is a launch that few may see.
_STATUS: Final = {
    "online": _S.ONLINE,
    "halt": _S.HALTED,
    "gray": _S.PREOPEN,
    "offline": _S.DELISTED,
}


class BitgetSymbol(RawRecord, frozen=True, rename="camel"):
    """A symbol of version 2."""

    symbol: str
    base_coin: str
    quote_coin: str
    status: str
    price_precision: str | None = None
    quantity_precision: str | None = None
    min_trade_usdt: str | None = msgspec.field(default=None, name="minTradeUSDT")
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    buy_limit_price_ratio: str | None = None
    sell_limit_price_ratio: str | None = None
    open_time: str | None = None
    off_time: str | None = None

    # minTradeAmount and maxTradeAmount are "obsolete": minTradeUSDT counts, nothing is a maximum.
    UNUSED: ClassVar = frozenset(
        {"minTradeAmount", "maxTradeAmount", "quotePrecision", "areaSymbol", "orderQuantity"}
    )


class BitgetProduct(RawRecord, frozen=True, rename="camel"):
    """A product of version 1."""

    symbol: str
    base_coin: str
    quote_coin: str
    status: str
    symbol_name: str | None = None
    price_scale: str | None = None
    quantity_scale: str | None = None
    min_trade_amount: str | None = None
    max_trade_amount: str | None = None
    min_trade_usdt: str | None = msgspec.field(default=None, name="minTradeUSDT")
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None
    buy_limit_price_ratio: str | None = None
    sell_limit_price_ratio: str | None = None

    UNUSED: ClassVar = frozenset({"quotePrecision", "maxOrderNum"})


def read_symbol(record: BitgetSymbol) -> Market:
    status = word(record.status, "status", _STATUS)
    off = date_or_none(record.off_time, "offTime")
    end: dict[str, Any] = {"delisted_at": off} if status is _S.DELISTED else {"ends_at": off}
    return Market(
        **_terms(record),
        status=status,
        listed_at=date_or_none(record.open_time, "openTime"),
        tick_size=places(record.price_precision, "pricePrecision"),
        lot_size=places(record.quantity_precision, "quantityPrecision"),
        **end,
    )


def read_product(record: BitgetProduct) -> Market:
    """A product of version 1: orders name it BTCUSDT_SPBL, the WebSocket and version 2 BTCUSDT.

    Amounts of zero are no limits.
    """
    name = record.symbol_name
    return Market(
        **_terms(record),
        status=word(record.status, "status", _STATUS),
        aliases=(Alias(name),) if name and name != record.symbol else (),
        tick_size=places(record.price_scale, "priceScale"),
        lot_size=places(record.quantity_scale, "quantityScale"),
        min_order_size=limit(record.min_trade_amount, "minTradeAmount"),
        max_order_size=limit(record.max_trade_amount, "maxTradeAmount"),
    )


def _terms(record: BitgetSymbol | BitgetProduct) -> dict[str, Any]:
    """What both versions state. The least amount in USDT is one in the quote only if that is it."""
    quote = text(record.quote_coin, "quoteCoin")
    least = limit(record.min_trade_usdt, "minTradeUSDT") if quote == "USDT" else None
    return {
        "spelling": text(record.symbol, "symbol"),
        "symbol_type": SymbolTypeCode.SPOT,
        "base": Code(text(record.base_coin, "baseCoin")),
        "quote": Code(quote),
        "order_unit": OrderUnitCode.BASE,
        "min_notional": least,
        "market_min_notional": least,
        "maker_fee": rate(record.maker_fee_rate, "makerFeeRate"),
        "taker_fee": rate(record.taker_fee_rate, "takerFeeRate"),
        **utmost_prices(record.buy_limit_price_ratio, record.sell_limit_price_ratio),
    }


def _rows(answers: Answers) -> Iterable[Row]:
    for found in answers.values():
        for answer in found:
            yield from rows_of(answer.value)


_SPOT: Final = ProductLine(
    venue_id="bitget",
    name="Bitget Spot",
    operator="bitget",
    forms=(
        Form(
            lists=(Request("api.bitget.com/api/v2/spot/public/symbols", narrows=("symbol",)),),
            record=BitgetSymbol,
            rows=_rows,
            read=read_symbol,
            covers=lambda query, spelling, _: query["symbol"] == spelling,
        ),
        Form(
            lists=(Request("api.bitget.com/api/spot/v1/public/products", is_former=True),),
            record=BitgetProduct,
            rows=_rows,
            read=read_product,
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    currencies=(bitget_currencies.CURRENCIES,),
    prices=(
        tickers(
            "api.bitget.com/api/v2/spot/market/tickers",
            fields=TickerFields(("data",), last="lastPr", at="ts", traded="baseVolume"),
        ),
    ),
    ccxt_id="bitget",
    documentation=("https://www.bitget.com/api-doc/spot/market/Get-Symbols",),
)

PRODUCT_LINES: Final = (_SPOT, *bitget_futures.PRODUCT_LINES)
