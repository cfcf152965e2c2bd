"""Poloniex: spot. `quantity` of an order is in the base, `amount` of a market buy in the quote.

minAmount and maxAmount are of any order. v2/currencies lists currencies and their networks, no
markets.
"""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Code, Market
from cqar.importer.readers import poloniex_currencies
from cqar.importer.readers.fields import limit, milliseconds, places, text, unless_placeholder, word
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
#: api-docs.poloniex.com, "Symbol information".
_STATUS: Final = {"NORMAL": _S.ONLINE, "PAUSE": _S.HALTED, "POST_ONLY": _S.POST_ONLY}


class PoloniexLimits(RawRecord, frozen=True, rename="camel"):
    """Limits of a symbol. `highestBid` and `lowestAsk` bound one side each; zero: no limit."""

    price_scale: str | None = None
    quantity_scale: str | None = None
    min_quantity: str | None = None
    min_amount: str | None = None
    max_quantity: str | None = None
    max_amount: str | None = None

    UNUSED: ClassVar = frozenset({"symbol", "amountScale", "highestBid", "lowestAsk"})


class PoloniexMargin(RawRecord, frozen=True, rename="camel"):
    """`maxLeverage` is 1 where cross margin is not supported."""

    max_leverage: str | None = None

    UNUSED: ClassVar = frozenset({"supportCrossMargin"})


class PoloniexMarket(RawRecord, frozen=True, rename="camel"):
    symbol: str
    base_currency_name: str
    quote_currency_name: str
    state: str | None = None
    visible_start_time: str | None = None
    tradable_start_time: str | None = None
    symbol_trade_limit: PoloniexLimits | None = None
    cross_margin: PoloniexMargin | None = None

    UNUSED: ClassVar = frozenset({"displayName"})


def read_market(record: PoloniexMarket) -> Market:
    terms = record.symbol_trade_limit or PoloniexLimits()
    visible_at = milliseconds(record.visible_start_time, "visibleStartTime")
    tradable_at = milliseconds(record.tradable_start_time, "tradableStartTime")
    least, most = limit(terms.min_amount, "minAmount"), limit(terms.max_amount, "maxAmount")
    margin = record.cross_margin
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_currency_name, "baseCurrencyName")),
        quote=Code(text(record.quote_currency_name, "quoteCurrencyName")),
        status=None if record.state is None else word(record.state, "state", _STATUS),
        listed_at=unless_placeholder(visible_at),
        trading_starts_at=unless_placeholder(tradable_at),
        order_unit=OrderUnitCode.BASE,
        tick_size=places(terms.price_scale, "priceScale"),
        lot_size=places(terms.quantity_scale, "quantityScale"),
        min_order_size=limit(terms.min_quantity, "minQuantity"),
        max_order_size=limit(terms.max_quantity, "maxQuantity"),
        min_notional=least,
        max_notional=most,
        market_min_notional=least,
        market_max_notional=most,
        max_leverage=limit(margin.max_leverage, "maxLeverage") if margin else None,
    )


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="poloniex",
        name="Poloniex Spot",
        operator="poloniex",
        forms=(
            Form(
                lists=(Request("api.poloniex.com/markets"),),
                record=PoloniexMarket,
                rows=each_object(),
                read=read_market,
            ),
        ),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        currencies=(poloniex_currencies.CURRENCIES,),
        prices=(
            tickers(
                "api.poloniex.com/markets/ticker24h",
                fields=TickerFields(last="close", at="ts", traded="quantity"),
            ),
            tickers("api.poloniex.com/markets/price", fields=TickerFields(last="price", at="time")),
        ),
        ccxt_id="poloniex",
        documentation=(
            "https://api-docs.poloniex.com/spot/api/public/reference-data",
            "https://api-docs.poloniex.com/spot/api/private/order",
        ),
        website="https://poloniex.com",
    ),
)
