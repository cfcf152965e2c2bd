"""KuCoin: spot. Its futures are in `kucoin_futures`.

Sizes of spot orders are in the base currency (a market order may give funds in the quote).
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

from cqar.importer.market import Alias, Code, Market, Phase
from cqar.importer.readers import kucoin_currencies, kucoin_futures
from cqar.importer.readers.fields import (
    limit,
    milliseconds,
    positive,
    text,
    unless_placeholder,
    word,
)
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

_ENABLED: Final = {"true": _S.ONLINE, "false": _S.HALTED}
#: While the call auction of a launch is on.
_ENABLED_IN_AUCTION: Final = {"true": _S.AUCTION, "false": _S.PREOPEN}


class KucoinSymbol(RawRecord, frozen=True, rename="camel"):
    """A symbol of version 2, or of version 1, which had fewer fields."""

    symbol: str
    base_currency: str
    quote_currency: str
    enable_trading: bool
    name: str | None = None
    base_min_size: str | None = None
    base_max_size: str | None = None
    base_increment: str | None = None
    quote_min_size: str | None = None
    quote_max_size: str | None = None
    price_increment: str | None = None
    min_funds: str | None = None
    callauction_is_enabled: bool | None = None
    callauction_first_stage_start_time: str | None = None
    callauction_second_stage_start_time: str | None = None
    callauction_third_stage_start_time: str | None = None
    trading_start_time: str | None = None

    # priceLimitRate refuses no order: what is beyond it stays unfilled. The coefficients of fees
    # multiply rates that the answer does not state.
    UNUSED: ClassVar = frozenset(
        {
            *("feeCurrency", "market", "quoteIncrement", "priceLimitRate", "isMarginEnabled"),
            *("feeCategory", "makerFeeCoefficient", "takerFeeCoefficient", "st"),
            *("callauctionPriceFloor", "callauctionPriceCeiling", "displayName"),
        }
    )


def read_symbol(record: KucoinSymbol) -> Market:
    """A symbol. Its base is `baseCurrency`: the symbol keeps its name when a coin is renamed.

    `quoteMinSize` and `quoteMaxSize` are of the funds of market orders; `minFunds` of all orders.
    """
    spelling = text(record.symbol, "symbol")
    words = _ENABLED_IN_AUCTION if record.callauction_is_enabled else _ENABLED
    starts_at = _instant(record.trading_start_time, "tradingStartTime")
    phases = _phases(record, starts_at)
    least = limit(record.min_funds, "minFunds")
    return Market(
        spelling=spelling,
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_currency, "baseCurrency")),
        quote=Code(text(record.quote_currency, "quoteCurrency")),
        status=word(record.enable_trading, "enableTrading", words),
        listed_at=None if phases else starts_at,
        trading_starts_at=starts_at if phases else None,
        phases=phases,
        aliases=(Alias(record.name),) if record.name and record.name != spelling else (),
        order_unit=OrderUnitCode.BASE,
        tick_size=positive(record.price_increment, "priceIncrement"),
        lot_size=positive(record.base_increment, "baseIncrement"),
        min_order_size=limit(record.base_min_size, "baseMinSize"),
        max_order_size=limit(record.base_max_size, "baseMaxSize"),
        min_notional=least,
        market_min_notional=limit(record.quote_min_size, "quoteMinSize") or least,
        market_max_notional=limit(record.quote_max_size, "quoteMaxSize"),
    )


def _phases(record: KucoinSymbol, end: dt.datetime | None) -> tuple[Phase, ...]:
    """The stages of a launch's call auction, as far as they are stated; each ends with the next."""
    starts = [
        _instant(record.callauction_first_stage_start_time, "callauctionFirstStageStartTime"),
        _instant(record.callauction_second_stage_start_time, "callauctionSecondStageStartTime"),
        _instant(record.callauction_third_stage_start_time, "callauctionThirdStageStartTime"),
    ]
    stages = [start for start in starts if start is not None]
    ends = [*stages[1:], end]
    return tuple(Phase(_S.AUCTION, a, b) for a, b in zip(stages, ends, strict=False))


def _instant(value: str | None, field: str) -> dt.datetime | None:
    return unless_placeholder(milliseconds(value, field))


def _form(version: str, *, is_former: bool) -> Form[KucoinSymbol]:
    request = Request(
        f"api.kucoin.com/api/{version}/symbols", narrows=("market",), is_former=is_former
    )
    return Form(
        lists=(request,),
        record=KucoinSymbol,
        rows=each_object("data"),
        read=read_symbol,
        covers=lambda _query, _spelling, _type: False,
    )


_SPOT: Final = ProductLine(
    venue_id="kucoin",
    name="KuCoin Spot",
    operator="kucoin",
    forms=(_form("v2", is_former=False), _form("v1", is_former=True)),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    currencies=(kucoin_currencies.CURRENCIES,),
    prices=(
        tickers(
            "api.kucoin.com/api/v1/market/allTickers",
            fields=TickerFields(("data", "ticker"), at="time", clock="data.time", traded="vol"),
        ),
    ),
    ccxt_id="kucoin",
    documentation=(
        "https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-all-symbols",
    ),
)

PRODUCT_LINES: Final = (_SPOT, kucoin_futures.LINE)
