"""Upbit: spot. A market is named with its quote first: KRW-BTC is bitcoin in won.

The list states names and nothing of ticks, lots or minima: ticks follow from the price by a table
of the documentation, and `orders/chance` states minima to an account. `volume` of an order is in
the base.
"""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Code, Market
from cqar.importer.readers.fields import split_once, text
from cqar.importer.readers.product_line import (
    Form,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode


class UpbitMarket(RawRecord, frozen=True):
    """Warnings are notices to investors: orders are taken as before."""

    market: str
    english_name: str | None = None

    UNUSED: ClassVar = frozenset({"korean_name", "market_warning", "market_event"})


def read_market(record: UpbitMarket) -> Market:
    """A market of Upbit, or of Bithumb, whose list has the same form."""
    spelling = text(record.market, "market")
    quote, base = split_once(spelling, "-", "market")
    return Market(
        spelling=spelling,
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(base, name=record.english_name or None),
        quote=Code(quote),
        order_unit=OrderUnitCode.BASE,
    )


def market_list(host: str) -> Form[UpbitMarket]:
    """The request `market/all`, with or without details."""
    return Form(
        lists=(Request(f"{host}/v1/market/all"),),
        record=UpbitMarket,
        rows=each_object(name="market"),
        read=read_market,
    )


def last_prices(host: str) -> PriceForm:
    """Tickers of the markets that are asked for by name, or of all markets of some quotes."""
    return tickers(
        f"{host}/v1/ticker/all",
        f"{host}/v1/ticker",
        fields=TickerFields(
            spelling="market", last="trade_price", at="timestamp", traded="acc_trade_volume_24h"
        ),
    )


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="upbit",
        name="Upbit",
        operator="upbit",
        forms=(market_list("api.upbit.com"),),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        prices=(last_prices("api.upbit.com"),),
        region="kr",
        ccxt_id="upbit",
        documentation=(
            "https://docs.upbit.com/kr/reference/list-trading-pairs",
            "https://docs.upbit.com/kr/reference/new-order",
        ),
        website="https://upbit.com",
    ),
)
