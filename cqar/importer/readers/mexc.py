"""MEXC: spot. Its contracts are in `mexc_contracts`.

Quantities of spot orders are in the base asset (a market buy may give an amount of the quote).
`baseSizePrecision` and `quoteAmountPrecision` are minima, whatever their names: the steps are the
counts of decimals `baseAssetPrecision` and `quotePrecision`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers import mexc_contracts, mexc_currencies
from cqar.importer.readers.fields import limit, places, positive, rate, text, word
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import BINANCE_PRICE, TickerFields, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: "1 - online, 2 - Pause, 3 - offline"; ENABLED in the first answers of version 3.
_STATUS: Final = {
    "1": _S.ONLINE,
    "ENABLED": _S.ONLINE,
    "2": _S.HALTED,
    "3": _S.DELISTED,
}
#: "1 - All, 2 - buy order only, 3 - Sell order only, 4 - Close". No status here says 2.
_SIDES: Final = {"1": _S.ONLINE, "3": _S.SELL_ONLY, "4": _S.HALTED}
_BANDS: Final = "PERCENT_PRICE_BY_SIDE"


class MexcFilter(RawRecord, frozen=True, rename="camel"):
    filter_type: str
    bid_multiplier_up: str | None = None
    ask_multiplier_down: str | None = None


class MexcSymbol(RawRecord, frozen=True, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    full_name: str | None = None
    is_spot_trading_allowed: bool | UnsetType = UNSET
    trade_side_type: str | UnsetType = UNSET
    order_types: tuple[str, ...] | None = None
    permissions: tuple[str, ...] = ()
    base_asset_precision: str | None = None
    quote_precision: str | None = None
    quote_asset_precision: str | None = None
    base_size_precision: str | None = None
    quote_amount_precision: str | None = None
    quote_amount_precision_market: str | None = None
    max_quote_amount: str | None = None
    max_quote_amount_market: str | None = None
    maker_commission: str | None = None
    taker_commission: str | None = None
    filters: tuple[MexcFilter, ...] = ()

    # contractAddress is evidence of identity, no term of the market.
    UNUSED: ClassVar = frozenset(
        {
            *("baseCommissionPrecision", "quoteCommissionPrecision"),
            *("isMarginTradingAllowed", "quoteOrderQtyMarketAllowed", "contractAddress", "st"),
            *("icebergAllowed", "ocoAllowed", "firstOpenTime"),
        }
    )

    def new_parts(self) -> tuple[str, ...]:
        return tuple(
            f"filters.{part.filter_type[:60]}"
            for part in self.filters
            if part.filter_type != _BANDS
        )


def read_symbol(record: MexcSymbol) -> Market:
    least = limit(record.quote_amount_precision, "quoteAmountPrecision")
    market_least = limit(record.quote_amount_precision_market, "quoteAmountPrecisionMarket")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_asset, "baseAsset"), name=record.full_name or None),
        quote=Code(text(record.quote_asset, "quoteAsset")),
        status=_status(record),
        order_unit=OrderUnitCode.BASE,
        tick_size=places(record.quote_precision or record.quote_asset_precision, "quotePrecision"),
        lot_size=places(record.base_asset_precision, "baseAssetPrecision"),
        min_order_size=limit(record.base_size_precision, "baseSizePrecision"),
        min_notional=least,
        market_min_notional=market_least,
        max_notional=limit(record.max_quote_amount, "maxQuoteAmount"),
        market_max_notional=limit(record.max_quote_amount_market, "maxQuoteAmountMarket"),
        maker_fee=rate(record.maker_commission, "makerCommission"),
        taker_fee=rate(record.taker_commission, "takerCommission"),
        permission_groups=(record.permissions,) if record.permissions else (),
        order_types=record.order_types,
        **_bands(record),
    )


def _status(record: MexcSymbol) -> MarketStatusCode:
    """The status; an online symbol may be closed to the API or to one side of the book."""
    status = word(record.status, "status", _STATUS)
    if status is not _S.ONLINE:
        return status
    if record.is_spot_trading_allowed is False:
        return _S.HALTED
    if record.trade_side_type == "2":
        raise UnreadableRecord("tradeSideType is 2: no status says that only buys are open")
    return word(record.trade_side_type or "1", "tradeSideType", _SIDES)


def _bands(record: MexcSymbol) -> dict[str, Any]:
    """Bounds of prices: "orderPrice <= lastPrice * bidMultiplierUp", and so of sells.

    Real answers have 0.2 for both where the documentation has 5 and 0.2. A factor below 1 would
    refuse every buy near the price: it is none, and what it is instead is not documented.
    """
    for part in record.filters:
        up = positive(part.bid_multiplier_up, "bidMultiplierUp")
        down = positive(part.ask_multiplier_down, "askMultiplierDown")
        if part.filter_type == _BANDS and up is not None and up >= 1:
            return {"bid_multiplier_up": up, "ask_multiplier_down": down}
    return {}


_LISTING: Final = Request("api.mexc.com/api/v3/exchangeInfo", narrows=("symbol", "symbols"))

_SPOT: Final = ProductLine(
    venue_id="mexc",
    name="MEXC Spot",
    operator="mexc",
    forms=(
        Form(
            lists=(_LISTING,),
            record=MexcSymbol,
            rows=each_object("symbols"),
            read=read_symbol,
            covers=lambda query, spelling, _: (
                spelling in (*query.get("symbols", "").split(","), query.get("symbol"))
            ),
        ),
    ),
    symbol_types=frozenset({SymbolTypeCode.SPOT}),
    currencies=mexc_currencies.currency_forms(_LISTING),
    prices=(
        tickers(
            "api.mexc.com/api/v3/ticker/24hr",
            fields=TickerFields(last="lastPrice", at="closeTime", traded="volume"),
        ),
        tickers("api.mexc.com/api/v3/ticker/price", fields=BINANCE_PRICE),
    ),
    ccxt_id="mexc",
    documentation=("https://www.mexc.com/api-docs/spot-v3/market-data-endpoints",),
)

PRODUCT_LINES: Final = (_SPOT, mexc_contracts.LINE)
