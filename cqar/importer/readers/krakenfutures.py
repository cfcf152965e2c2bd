"""Kraken Futures: perpetuals and futures, inverse and linear.

Sizes of orders are numbers of contracts, in steps of `contractValueTradePrecision` decimals
("the size associated with the order. Note that different futures have different contract sizes").
An inverse contract is `contractSize` units of the quote, a linear one of the base.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers.fields import iso, places, positive, rate, stated_word, text, word
from cqar.importer.readers.product_line import (
    Form,
    PriceForm,
    ProductLine,
    RawRecord,
    Request,
    each_object,
)
from cqar.importer.readers.tickers import ISO, TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_KINDS: Final = {
    "futures_inverse": ContractKindCode.INVERSE,
    "futures_vanilla": ContractKindCode.LINEAR,
    "flexible_futures": ContractKindCode.LINEAR,
}
_NO_MARKETS: Final = {
    "spot index": ("INDEX", "an index that futures settle to, not traded"),
    "real time index": ("INDEX", "an index that futures settle to, not traded"),
    "turbo inverse": ("TURBO", "a leveraged certificate with a knock-out barrier"),
    "turbo vanilla": ("TURBO", "a leveraged certificate with a knock-out barrier"),
}
#: The documentation of symbols: P is a perpetual, F has a fixed maturity; I, V and F are inverse,
#: vanilla and flexible. Then the pair, then the day of maturity.
_SYMBOL: Final = re.compile(
    r"([PF])[IVF]_(\w+?)(USD|XBT|EUR|GBP)(?:_\d{6})?", re.ASCII | re.IGNORECASE
)
#: Kraken Futures writes XBT for bitcoin and, rarely, XDG for Dogecoin.
_TICKERS: Final = {"XBT": "BTC", "XDG": "DOGE"}


_TRADEABLE: Final = {"true": MarketStatusCode.ONLINE, "false": MarketStatusCode.HALTED}


class KrakenMarginLevel(RawRecord, frozen=True, rename="camel"):
    """Margin of positions from a size on."""

    initial_margin: str | None = None
    maintenance_margin: str | None = None

    UNUSED: ClassVar = frozenset({"contracts", "numNonContractUnits"})


class KrakenFuture(RawRecord, frozen=True, rename="camel"):
    """An instrument. `base` and `quote` are not stated in answers of 2021."""

    symbol: str
    type: str
    underlying: str | None = None
    base: str | None = None
    quote: str | None = None
    tick_size: str | None = None
    contract_size: str | None = None
    contract_value_trade_precision: str | None = None
    tradeable: bool | msgspec.UnsetType | None = msgspec.UNSET
    post_only: bool | None = None
    opening_date: str | None = None
    last_trading_time: str | None = None
    margin_levels: tuple[KrakenMarginLevel, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("pair", "isin", "impactMidSize", "maxPositionSize", "fundingRateCoefficient"),
            *("maxRelativeFundingRate", "retailMarginLevels", "feeScheduleUid", "mtf", "tradfi"),
            *("category", "tags", "marginSchedules"),
        }
    )


def read_instrument(record: KrakenFuture) -> Market | UnsupportedRecord:
    """An instrument; indices are listed beside the contracts."""
    symbol = text(record.symbol, "symbol")
    if record.type in _NO_MARKETS:
        return UnsupportedRecord(symbol, *_NO_MARKETS[record.type])
    kind = word(record.type, "type", _KINDS)
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        raise UnreadableRecord(f"the symbol {symbol[:80]!r} says neither its kind nor its pair")
    is_perpetual = match[1].upper() == "P"
    ends_at = iso(record.last_trading_time, "lastTradingTime")
    if not is_perpetual and ends_at is None:
        raise UnreadableRecord("lastTradingTime is not stated of a contract that matures")
    base = _code(record.base or match[2].upper())
    quote = _code(record.quote or match[3].upper())
    first = record.margin_levels[0] if record.margin_levels else KrakenMarginLevel()
    return Market(
        spelling=symbol,
        symbol_type=SymbolTypeCode.PERPETUAL if is_perpetual else SymbolTypeCode.FUTURE,
        base=base,
        quote=quote,
        settlement=base if kind is ContractKindCode.INVERSE else quote,
        underlying=record.underlying or None,
        contract_kind=kind,
        expiry=None if is_perpetual else ends_at,
        ends_at=ends_at if is_perpetual else None,
        status=_status(record),
        listed_at=iso(record.opening_date, "openingDate"),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=positive(record.contract_size, "contractSize"),
        tick_size=positive(record.tick_size, "tickSize"),
        lot_size=places(record.contract_value_trade_precision, "contractValueTradePrecision"),
        initial_margin_rate=rate(first.initial_margin, "initialMargin"),
        maintenance_margin_rate=rate(first.maintenance_margin, "maintenanceMargin"),
    )


def _code(code: str) -> Code:
    return Code(code, _TICKERS.get(code, code))


def _status(record: KrakenFuture) -> MarketStatusCode | None:
    status = stated_word(record.tradeable, "tradeable", _TRADEABLE)
    if status is MarketStatusCode.ONLINE and record.post_only:
        return MarketStatusCode.POST_ONLY
    return status


def _forms(host: str) -> tuple[Form[KrakenFuture], ...]:
    request = Request(f"{host}/derivatives/api/v3/instruments")
    return (
        Form(
            lists=(request,),
            record=KrakenFuture,
            rows=each_object("instruments"),
            read=read_instrument,
        ),
    )


def _prices(host: str) -> tuple[PriceForm, ...]:
    fields = TickerFields(("tickers",), clock="serverTime", unit=ISO, traded="vol24h")
    return (tickers(f"{host}/derivatives/api/v3/tickers", fields=fields),)


_PRODUCTION: Final = ProductLine(
    venue_id="krakenfutures",
    name="Kraken Futures",
    operator="kraken",
    forms=_forms("futures.kraken.com"),
    symbol_types=frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE}),
    prices=_prices("futures.kraken.com"),
    ccxt_id="krakenfutures",
    documentation=(
        "https://docs.kraken.com/api-reference/instrument-details/get-instruments",
        "https://docs.kraken.com/api-reference/order-management/send-order",
    ),
    website="https://futures.kraken.com",
)
PRODUCT_LINES: Final = (
    _PRODUCTION,
    replace(
        _PRODUCTION,
        venue_id="krakenfutures-testnet",
        name="Kraken Futures Demo",
        operator="kraken-testnet",
        forms=_forms("demo-futures.kraken.com"),
        prices=_prices("demo-futures.kraken.com"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
