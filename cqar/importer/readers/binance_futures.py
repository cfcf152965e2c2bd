"""Binance USD-M and COIN-M futures, and their testnets.

Quantities of orders are in the base asset on USD-M, and count contracts on COIN-M: "quantity
measured by contract numbers". A COIN-M contract is worth `contractSize` units of the quote.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord
from cqar.importer.readers.binance_filters import BinanceFilter, new_filters, terms_of
from cqar.importer.readers.fields import (
    integer,
    kind_by_settlement,
    milliseconds,
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
from cqar.importer.readers.tickers import BINANCE_24HR, BINANCE_PRICE, tickers
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

_S = MarketStatusCode
_C = UnderlyingClassCode

#: developers.binance.com, USD-M "Common Definition": contract type. In answers a space stands for
#: the underscore before DELIVERING.
_TYPES: Final = {
    "PERPETUAL": SymbolTypeCode.PERPETUAL,
    "TRADIFI_PERPETUAL": SymbolTypeCode.PERPETUAL,
    "PERPETUAL_DELIVERING": SymbolTypeCode.PERPETUAL,
    "CURRENT_MONTH": SymbolTypeCode.FUTURE,
    "NEXT_MONTH": SymbolTypeCode.FUTURE,
    "CURRENT_QUARTER": SymbolTypeCode.FUTURE,
    "NEXT_QUARTER": SymbolTypeCode.FUTURE,
    "CURRENT_QUARTER_DELIVERING": SymbolTypeCode.FUTURE,
    "NEXT_QUARTER_DELIVERING": SymbolTypeCode.FUTURE,
}
#: The same page: contract status.
_STATUS: Final = {
    "PENDING_TRADING": _S.PREOPEN,
    "TRADING": _S.ONLINE,
    "TRADING_HALT": _S.HALTED,
    "TRADING_CANCEL_ONLY": _S.CANCEL_ONLY,
    "PRE_DELIVERING": _S.SETTLING,
    "DELIVERING": _S.SETTLING,
    "DELIVERED": _S.DELISTED,
    "PRE_SETTLE": _S.SETTLING,
    "SETTLING": _S.SETTLING,
    "CLOSE": _S.DELISTED,
}
#: Words of `underlyingType`, which the documentation does not list.
_CLASSES: Final = {
    "COIN": _C.CRYPTO,
    "INDEX": _C.INDEX,
    "EQUITY": _C.EQUITY,
    "KR_EQUITY": _C.EQUITY,
    "HK_EQUITY": _C.EQUITY,
    "CN_EQUITY": _C.EQUITY,
    "COMMODITY": _C.COMMODITY,
    "FX": _C.FX,
    "PREMARKET": None,
}


class BinanceContract(RawRecord, frozen=True, rename="camel"):
    """A contract; `@` fields are the answer's time and the symbol's entry of fundingInfo."""

    symbol: str
    contract_type: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    status: str | None = None
    contract_status: str | None = None
    contract_size: str | None = None
    delivery_date: str | None = None
    onboard_date: str | None = None
    underlying_type: str | None = None
    filters: tuple[BinanceFilter, ...] | None = None
    order_types: tuple[str, ...] | None = None
    time_in_force: tuple[str, ...] | None = None
    server_time: str | None = msgspec.field(name="@serverTime", default=None)
    funding_hours: str | None = msgspec.field(name="@fundingIntervalHours", default=None)

    #: The documentation says of the two margins "ignore"; permissionSets are Binance's own tools
    #: (grid, copy trading), not what an account needs.
    UNUSED: ClassVar = frozenset(
        {
            *("pair", "pricePrecision", "quantityPrecision", "baseAssetPrecision"),
            *("quotePrecision", "equalQtyPrecision", "underlyingSubType", "settlePlan"),
            *("triggerProtect", "liquidationFee", "marketTakeBound", "maxMoveOrderLimit"),
            *("maintMarginPercent", "requiredMarginPercent", "permissionSets"),
        }
    )

    def new_parts(self) -> tuple[str, ...]:
        return new_filters(self.filters or ())


def read_usdm(record: BinanceContract) -> Market:
    return _contract(record, order_unit=OrderUnitCode.BASE)


def read_coinm(record: BinanceContract) -> Market:
    return _contract(
        record,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=required(record.contract_size, "contractSize"),
    )


def _contract(record: BinanceContract, **units: Any) -> Market:
    symbol_type = word(record.contract_type.replace(" ", "_"), "contractType", _TYPES)
    base = text(record.base_asset, "baseAsset")
    quote = text(record.quote_asset, "quoteAsset")
    settlement = text(record.margin_asset, "marginAsset")
    return Market(
        spelling=text(record.symbol, "symbol"),
        symbol_type=symbol_type,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=kind_by_settlement(base, quote, settlement),
        listed_at=unless_placeholder(milliseconds(record.onboard_date, "onboardDate")),
        funding_interval_s=_funding_interval(record.funding_hours),
        order_types=record.order_types,
        time_in_force=record.time_in_force,
        **_underlying(record),
        **_life(record, symbol_type),
        **terms_of(record.filters or (), of_futures=True),
        **units,
    )


def _underlying(record: BinanceContract) -> dict[str, Any]:
    """What the price is of. The name of an index is its base code.

    PREMARKET of a traditional perpetual is a share before its listing; of another one it is a
    token that is not issued yet, of which the word says no more.
    """
    kind = record.underlying_type
    if not kind:
        return {}
    found = word(kind, "underlyingType", _CLASSES)
    if kind == "PREMARKET" and record.contract_type.startswith("TRADIFI"):
        found = _C.PRE_IPO
    return {
        "underlying_class": found,
        "underlying": record.base_asset if found is _C.INDEX else None,
    }


def _life(record: BinanceContract, symbol_type: SymbolTypeCode) -> dict[str, Any]:
    """Status, expiry and end.

    A perpetual's deliveryDate is in 2100 until its end is announced. Rows of contracts that have
    been settled stay in the answer for years: a closed contract whose date is past is over.
    """
    status = word(record.status or record.contract_status, "status", _STATUS)
    if status is _S.ONLINE and record.underlying_type == "PREMARKET":
        status = _S.PRE_MARKET
    ends_at = unless_placeholder(milliseconds(record.delivery_date, "deliveryDate"))
    now = milliseconds(record.server_time, "serverTime")
    if status is _S.SETTLING and ends_at and now and ends_at <= now:
        status = _S.DELISTED
    found: dict[str, Any] = {
        "status": status,
        "delisted_at": _delisted_at(status, ends_at, now),
    }
    if symbol_type is SymbolTypeCode.PERPETUAL:
        return found | {"ends_at": ends_at}
    if ends_at is None:
        raise UnreadableRecord("deliveryDate is not stated: a future has an expiry")
    return found | {"expiry": ends_at}


def _delisted_at(
    status: MarketStatusCode, ends_at: dt.datetime | None, now: dt.datetime | None
) -> dt.datetime | None:
    is_past = ends_at is not None and (now is None or ends_at <= now)
    return ends_at if status is _S.DELISTED and is_past else None


def _funding_interval(hours: str | None) -> int | None:
    count = integer(hours, "fundingIntervalHours")
    if count is not None and count <= 0:
        raise UnreadableRecord(f"fundingIntervalHours is {hours}: it must be above zero")
    return count * 3600 if count else None


def _forms(host: str, prefix: str) -> tuple[Form[BinanceContract], ...]:
    listing = Request(f"{host}/{prefix}/v1/exchangeInfo")
    funding = Request(f"{host}/{prefix}/v1/fundingInfo")

    def rows(answers: Answers) -> Iterable[Row]:
        hours = {
            row.name: row.record.get("fundingIntervalHours")
            for answer in answers_to(answers, funding)
            for row in objects_at(answer.value)
            if isinstance(row.record, dict)
        }
        for answer in answers_to(answers, listing):
            now = answer.value.get("serverTime") if isinstance(answer.value, dict) else None
            for row in objects_at(answer.value, "symbols"):
                if isinstance(row.record, dict):
                    added = {"@serverTime": now, "@fundingIntervalHours": hours.get(row.name)}
                    yield Row(row.name, row.record | added)
                else:
                    yield row

    return (
        Form(
            lists=(listing,),
            also=(funding,),
            record=BinanceContract,
            rows=rows,
            read=read_usdm if prefix == "fapi" else read_coinm,
        ),
    )


def _prices(host: str, prefix: str) -> tuple[PriceForm, ...]:
    return (
        tickers(f"{host}/{prefix}/v1/ticker/24hr", fields=BINANCE_24HR),
        tickers(
            f"{host}/{prefix}/v2/ticker/price",
            f"{host}/{prefix}/v1/ticker/price",
            fields=BINANCE_PRICE,
        ),
    )


_TYPES_LISTED: Final = frozenset({SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE})
_DOCS: Final = "https://developers.binance.com/docs/derivatives"
_USDM: Final = ProductLine(
    venue_id="binance-usdm",
    name="Binance USD-M Futures",
    operator="binance",
    forms=_forms("fapi.binance.com", "fapi"),
    prices=_prices("fapi.binance.com", "fapi"),
    symbol_types=_TYPES_LISTED,
    ccxt_id="binanceusdm",
    documentation=(
        f"{_DOCS}/usds-margined-futures/market-data/rest-api/Exchange-Information",
        f"{_DOCS}/usds-margined-futures/common-definition",
        f"{_DOCS}/usds-margined-futures/trade/rest-api",
    ),
)
_COINM: Final = ProductLine(
    venue_id="binance-coinm",
    name="Binance COIN-M Futures",
    operator="binance",
    forms=_forms("dapi.binance.com", "dapi"),
    prices=_prices("dapi.binance.com", "dapi"),
    symbol_types=_TYPES_LISTED,
    ccxt_id="binancecoinm",
    documentation=(
        f"{_DOCS}/coin-margined-futures/market-data/rest-api/Exchange-Information",
        f"{_DOCS}/coin-margined-futures/trade/rest-api",
    ),
)

PRODUCT_LINES: Final = (
    _USDM,
    _COINM,
    replace(
        _USDM,
        venue_id="binance-usdm-testnet",
        name="Binance USD-M Futures Testnet",
        operator="binance-testnet",
        forms=_forms("testnet.binancefuture.com", "fapi"),
        prices=_prices("testnet.binancefuture.com", "fapi"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
    replace(
        _COINM,
        venue_id="binance-coinm-testnet",
        name="Binance COIN-M Futures Testnet",
        operator="binance-testnet",
        forms=_forms("testnet.binancefuture.com", "dapi"),
        prices=_prices("testnet.binancefuture.com", "dapi"),
        environment=EnvironmentCode.TESTNET,
        ccxt_id="",
    ),
)
