"""Binance spot, its testnet, and binance.us; and the list of all of Binance's product lines.

Quantities of orders are in the base asset ("quantity" of POST /api/v3/order; a market order may
say "quoteOrderQty" instead).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from cqar.importer.market import Code, Market
from cqar.importer.readers import binance_currencies, binance_futures, binance_options
from cqar.importer.readers.binance_filters import BinanceFilter, new_filters, terms_of
from cqar.importer.readers.fields import text, word
from cqar.importer.readers.product_line import (
    Form,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import BINANCE_24HR, BINANCE_PRICE, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode

#: developers.binance.com, "ENUM definitions": symbol status.
_SPOT_STATUS: Final = {
    "PRE_TRADING": _S.PREOPEN,
    "TRADING": _S.ONLINE,
    "POST_TRADING": _S.HALTED,
    "END_OF_DAY": _S.HALTED,
    "HALT": _S.HALTED,
    "AUCTION_MATCH": _S.AUCTION,
    "BREAK": _S.HALTED,
    "CANCEL_ONLY": _S.CANCEL_ONLY,
}


class BinanceSpotRecord(RawRecord, frozen=True, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: tuple[BinanceFilter, ...] | None = None
    order_types: tuple[str, ...] | None = None
    permissions: tuple[str, ...] = ()
    permission_sets: tuple[tuple[str, ...], ...] = ()
    is_spot_trading_allowed: bool | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision"),
            *("baseCommissionPrecision", "quoteCommissionPrecision", "icebergAllowed"),
            *("ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed"),
            *("allowTrailingStop", "cancelReplaceAllowed", "amendAllowed"),
            *("pegInstructionsAllowed", "isMarginTradingAllowed"),
            *("defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes"),
        }
    )

    def new_parts(self) -> tuple[str, ...]:
        return new_filters(self.filters or ())


def read_spot(record: BinanceSpotRecord) -> Market:
    """A spot symbol. Order quantities are in the base asset."""
    terms = terms_of(record.filters or ())
    groups = record.permission_sets or ((record.permissions,) if record.permissions else ())
    status = word(record.status, "status", _SPOT_STATUS)
    if status is _S.ONLINE and record.is_spot_trading_allowed is False:
        # TRADING is for those whom the permission sets name; on spot nobody may.
        status = _S.HALTED
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code(text(record.base_asset, "baseAsset")),
        quote=Code(text(record.quote_asset, "quoteAsset")),
        status=status,
        order_unit=OrderUnitCode.BASE,
        permission_groups=groups,
        order_types=record.order_types,
        **terms,
    )


def _covers(query: Mapping[str, str], spelling: str, _type: SymbolTypeCode) -> bool:
    """Whether an answer for one symbol, or for a list of symbols, would hold this one."""
    listed = query.get("symbols", "").strip("[]").replace('"', "").split(",")
    return spelling == query.get("symbol") or spelling in listed


def _spot(host: str) -> tuple[Form[BinanceSpotRecord], ...]:
    request = Request(f"{host}/api/v3/exchangeInfo", narrows=("symbol", "symbols", "permissions"))
    return (
        Form(
            lists=(request,),
            record=BinanceSpotRecord,
            rows=each_object("symbols"),
            read=read_spot,
            covers=_covers,
        ),
    )


def _prices(host: str) -> tuple[PriceForm, ...]:
    return (
        tickers(f"{host}/api/v3/ticker/24hr", fields=BINANCE_24HR),
        tickers(f"{host}/api/v3/ticker/price", fields=BINANCE_PRICE),
    )


PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="binance",
        name="Binance Spot",
        operator="binance",
        forms=_spot("api.binance.com"),
        currencies=binance_currencies.currency_forms("api.binance.com"),
        prices=_prices("api.binance.com"),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        ccxt_id="binance",
        documentation=(
            "https://developers.binance.com/docs/binance-spot-api-docs/filters",
            "https://developers.binance.com/docs/binance-spot-api-docs/rest-api",
        ),
    ),
    ProductLine(
        venue_id="binance-testnet",
        name="Binance Spot Testnet",
        operator="binance-testnet",
        forms=_spot("testnet.binance.vision"),
        prices=_prices("testnet.binance.vision"),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        environment=EnvironmentCode.TESTNET,
    ),
    ProductLine(
        venue_id="binanceus",
        name="Binance.US",
        operator="binanceus",
        forms=_spot("api.binance.us"),
        prices=_prices("api.binance.us"),
        symbol_types=frozenset({SymbolTypeCode.SPOT}),
        region="us",
        ccxt_id="binanceus",
    ),
    *binance_futures.PRODUCT_LINES,
    *binance_options.PRODUCT_LINES,
)
