"""Coinbase: Exchange (formerly Pro), Advanced Trade, International Exchange.

Sizes of orders on Exchange are in the base asset ("size: amount of base currency to buy or sell");
only market orders may be for `funds` of the quote.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market
from cqar.importer.readers import coinbase_advanced, coinbase_currencies, coinbase_intx
from cqar.importer.readers.coinbase_status import CoinbaseStatus, order_types_of, status_of
from cqar.importer.readers.fields import limit, positive, rate, text
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import KEY, SECONDS, TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode


class ExchangeProduct(CoinbaseStatus, frozen=True, kw_only=True):
    """A product. Since June 2022 it states no least or largest size of orders, only funds."""

    id: str
    base_currency: str
    quote_currency: str
    quote_increment: str | None = None
    base_increment: str | None = None
    base_min_size: str | msgspec.UnsetType | None = msgspec.UNSET
    base_max_size: str | None = None
    min_market_funds: str | None = None
    max_market_funds: str | None = None
    high_bid_limit_percentage: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("display_name", "margin_enabled", "status_message", "fx_stablecoin"),
            "max_slippage_percentage",
        }
    )


def read_product(record: ExchangeProduct) -> Market:
    """A product. Delisted ones stay in the answer; when they ended is not stated.

    `min_market_funds` was of market orders. Since `base_min_size` went, it is the least notional
    of limit orders, too (coinbase.com/blog/upcoming-changes-to-order-size-limits, May 2022).
    """
    funds = limit(record.min_market_funds, "min_market_funds")
    least = None if record.base_min_size is msgspec.UNSET else record.base_min_size
    return Market(
        spelling=text(record.id, "id"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_currency, "base_currency")),
        quote=Code(text(record.quote_currency, "quote_currency")),
        status=status_of(record),
        order_types=order_types_of(record),
        order_unit=OrderUnitCode.BASE,
        tick_size=positive(record.quote_increment, "quote_increment"),
        lot_size=positive(record.base_increment, "base_increment"),
        min_order_size=limit(least, "base_min_size"),
        max_order_size=limit(record.base_max_size, "base_max_size"),
        min_notional=funds if record.base_min_size is msgspec.UNSET else None,
        market_min_notional=funds,
        market_max_notional=limit(record.max_market_funds, "max_market_funds"),
        bid_multiplier_up=_highest_bid(record.high_bid_limit_percentage),
    )


def _highest_bid(above: str | None) -> Decimal | None:
    """The bound of a limit order to buy, of pairs of stable coins: 0.03 is 3 % above."""
    value = rate(above, "high_bid_limit_percentage")
    return None if value is None else 1 + value


def _exchange(*requests: Request) -> tuple[Form[ExchangeProduct], ...]:
    return (
        Form(
            lists=requests, record=ExchangeProduct, rows=each_object(name="id"), read=read_product
        ),
    )


_EXCHANGE: Final = ProductLine(
    venue_id="coinbase",
    name="Coinbase Exchange",
    operator="coinbase",
    forms=_exchange(
        Request("api.exchange.coinbase.com/products"),
        Request("api.pro.coinbase.com/products", is_former=True),
    ),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    currencies=(coinbase_currencies.CURRENCIES,),
    prices=(
        # A line of [time, price], the newest first: the venue has no list of all tickers.
        tickers(
            "api.exchange.coinbase.com/products/spark-lines",
            fields=TickerFields(is_keyed=True, spelling=KEY, last="0.1", at="0.0", unit=SECONDS),
        ),
    ),
    ccxt_id="coinbaseexchange",
    documentation=(
        "https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-all-known-trading-pairs",
        "https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/orders/create-new-order",
    ),
    website="https://exchange.coinbase.com",
)
PRODUCT_LINES: Final = (
    _EXCHANGE,
    replace(
        _EXCHANGE,
        venue_id="coinbase-testnet",
        name="Coinbase Exchange Sandbox",
        operator="coinbase-testnet",
        currencies=(),
        prices=(),
        forms=_exchange(Request("api-public.sandbox.exchange.coinbase.com/products")),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
    ProductLine(
        venue_id="coinbase-advanced",
        name="Coinbase Advanced Trade",
        operator="coinbase",
        forms=(coinbase_advanced.FORM,),
        symbol_types=frozenset(
            {SymbolTypeCode.SPOT, SymbolTypeCode.FUTURE, SymbolTypeCode.PERPETUAL}
        ),
        prices=(
            tickers(
                *coinbase_advanced.FORM.lists,
                fields=TickerFields(
                    ("products",), spelling="product_id", last="price", traded="volume_24h"
                ),
            ),
        ),
        ccxt_id="coinbase",
        documentation=(
            "https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/list-public-products",
            "https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/create-order",
        ),
        website="https://www.coinbase.com/advanced-trade",
    ),
    ProductLine(
        venue_id="coinbase-intx",
        name="Coinbase International Exchange",
        operator="coinbase",
        forms=(coinbase_intx.FORM,),
        symbol_types=frozenset({SymbolTypeCode.SPOT, SymbolTypeCode.PERPETUAL}),
        ccxt_id="coinbaseinternational",
        documentation=(
            "https://docs.cdp.coinbase.com/api-reference/international-exchange-api/rest-api/instruments/list-instruments",
            "https://docs.cdp.coinbase.com/api-reference/international-exchange-api/rest-api/orders/create-order",
        ),
        website="https://international.coinbase.com",
    ),
)
