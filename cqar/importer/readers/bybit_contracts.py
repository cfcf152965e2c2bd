"""Bybit's linear and inverse contracts, with the phases before their regular trading.

Words: bybit-exchange.github.io/docs/v5/enum (status, curAuctionPhase, symbolType).
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, Final, Protocol

from cqar.importer.market import Code, Market, Phase, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers.fields import (
    integer,
    kind_by_settlement,
    limit,
    milliseconds,
    positive,
    rate,
    text,
    unless_placeholder,
    word,
)
from cqar.importer.readers.product_line import RawRecord
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
)

_S = MarketStatusCode
_C = UnderlyingClassCode

STATUS: Final = {
    "PreLaunch": _S.PREOPEN,
    "Trading": _S.ONLINE,
    "Settling": _S.SETTLING,
    "Delivering": _S.SETTLING,
    "Closed": _S.DELISTED,
}
#: In CrossMatching orders can be neither sent nor cancelled; Finished is of a contract that did
#: not become an official one: "it will be delisted".
_PHASES: Final = {
    "NotStarted": _S.PREOPEN,
    "CallAuction": _S.AUCTION,
    "CallAuctionNoCancel": _S.AUCTION,
    "CrossMatching": _S.PREOPEN,
    "ContinuousTrading": _S.PRE_MARKET,
    "Finished": _S.DELISTED,
}
#: `symbolType`, "the region to which the trading pair belongs". The zones for new coins, and no
#: word at all, do not say what the price is of.
CLASSES: Final = {
    "": None,
    "innovation": None,
    "adventure": None,
    "xstocks": _C.EQUITY,
    "mstocks": _C.EQUITY,
    "stock": _C.EQUITY,
    "etf": _C.FUND,
    "commodity": _C.COMMODITY,
    "forex": _C.FX,
}
_TYPES: Final = {
    "LinearPerpetual": (SymbolTypeCode.PERPETUAL, "linear"),
    "LinearFutures": (SymbolTypeCode.FUTURE, "linear"),
    "InversePerpetual": (SymbolTypeCode.PERPETUAL, "inverse"),
    "InverseFutures": (SymbolTypeCode.FUTURE, "inverse"),
}
_UNITS: Final = {"linear": OrderUnitCode.BASE, "inverse": OrderUnitCode.QUOTE}


class BybitPriceFilter(RawRecord, frozen=True, rename="camel"):
    tick_size: str | None = None
    min_price: str | None = None
    max_price: str | None = None


class BybitLotFilter(RawRecord, frozen=True, rename="camel"):
    qty_step: str | None = None
    min_order_qty: str | None = None
    max_order_qty: str | None = None
    max_mkt_order_qty: str | None = None
    min_notional_value: str | None = None

    UNUSED: ClassVar = frozenset({"postOnlyMaxOrderQty"})


class BybitLeverage(RawRecord, frozen=True, rename="camel"):
    max_leverage: str | None = None

    UNUSED: ClassVar = frozenset({"minLeverage", "leverageStep"})


class BybitPhase(RawRecord, frozen=True, rename="camel"):
    phase: str
    start_time: str | None = None
    end_time: str | None = None


class BybitAuctionFees(RawRecord, frozen=True, rename="camel"):
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None

    UNUSED: ClassVar = frozenset({"auctionFeeRate"})


class BybitPreListing(RawRecord, frozen=True, rename="camel"):
    cur_auction_phase: str
    phases: tuple[BybitPhase, ...] = ()
    auction_fee_info: BybitAuctionFees | None = None

    UNUSED: ClassVar = frozenset({"skipCallAuction"})


class BybitContract(RawRecord, frozen=True, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    symbol_type: str | None = None
    launch_time: str | None = None
    delivery_time: str | None = None
    funding_interval: str | None = None
    leverage_filter: BybitLeverage | None = None
    price_filter: BybitPriceFilter | None = None
    lot_size_filter: BybitLotFilter | None = None
    pre_listing_info: BybitPreListing | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("deliveryFeeRate", "priceScale", "unifiedMarginTrade", "copyTrading"),
            *("upperFundingRate", "lowerFundingRate", "isPreListing", "riskParameters"),
            *("displayName", "symbolId", "forbidUplWithdrawal"),
        }
    )


class BybitDates(Protocol):
    """A record with the two times that contracts and options have."""

    @property
    def launch_time(self) -> str | None: ...

    @property
    def delivery_time(self) -> str | None: ...


def read_linear(record: BybitContract) -> Market | UnsupportedRecord:
    return _contract(record, "linear")


def read_inverse(record: BybitContract) -> Market | UnsupportedRecord:
    return _contract(record, "inverse")


def _contract(record: BybitContract, category: str) -> Market | UnsupportedRecord:
    """A contract. An answer for one base coin holds contracts of both categories."""
    symbol_type, stated = word(record.contract_type, "contractType", _TYPES)
    spelling = text(record.symbol, "symbol")
    if stated != category:
        return UnsupportedRecord(spelling, "OTHER_LINE", f"a contract of bybit-{stated}")
    base = text(record.base_coin, "baseCoin")
    quote = text(record.quote_coin, "quoteCoin")
    settlement = text(record.settle_coin, "settleCoin")
    leverage = record.leverage_filter
    return Market(
        spelling=spelling,
        symbol_type=symbol_type,
        base=Code(base),
        quote=Code(quote),
        settlement=Code(settlement),
        contract_kind=kind_by_settlement(base, quote, settlement),
        underlying_class=word(record.symbol_type or "", "symbolType", CLASSES),
        order_unit=_UNITS[category],
        max_leverage=positive(leverage.max_leverage, "maxLeverage") if leverage else None,
        funding_interval_s=_funding_interval(record, symbol_type),
        **_status(record),
        **dates_of(record, symbol_type, record.status),
        **sizes_of(record.price_filter, record.lot_size_filter),
    )


def _funding_interval(record: BybitContract, symbol_type: SymbolTypeCode) -> int | None:
    """In minutes; rows of futures repeat it, which have no funding."""
    minutes = integer(record.funding_interval, "fundingInterval")
    if minutes is not None and minutes < 0:
        raise UnreadableRecord(f"fundingInterval is {minutes}: it must not be negative")
    return minutes * 60 if minutes and symbol_type is SymbolTypeCode.PERPETUAL else None


def _status(record: BybitContract) -> dict[str, Any]:
    """Status, and of a contract before its regular trading the phases and the fees."""
    status = word(record.status, "status", STATUS)
    before = record.pre_listing_info
    if before is None:
        return {"status": status}
    current = word(before.cur_auction_phase, "curAuctionPhase", _PHASES)
    phases = tuple(map(_phase, before.phases))
    starts = [p.starts_at for p in phases if p.status is _S.PRE_MARKET]
    fees = before.auction_fee_info or BybitAuctionFees()
    return {
        "status": current if status in (_S.PREOPEN, _S.ONLINE) else status,
        "phases": phases,
        "trading_starts_at": starts[0] if starts else None,
        "maker_fee": rate(fees.maker_fee_rate, "makerFeeRate"),
        "taker_fee": rate(fees.taker_fee_rate, "takerFeeRate"),
    }


def _phase(part: BybitPhase) -> Phase:
    return Phase(
        word(part.phase, "phases.phase", _PHASES),
        milliseconds(part.start_time, "phases.startTime"),
        milliseconds(part.end_time, "phases.endTime"),
    )


def dates_of(record: BybitDates, symbol_type: SymbolTypeCode, status: str) -> dict[str, Any]:
    """Listing, expiry and end. deliveryTime is the "perpetual delisting time", or zero."""
    found: dict[str, dt.datetime | None] = {
        "listed_at": unless_placeholder(milliseconds(record.launch_time, "launchTime")),
    }
    ends_at = unless_placeholder(milliseconds(record.delivery_time, "deliveryTime"))
    if STATUS.get(status) is _S.DELISTED:
        found["delisted_at"] = ends_at
    if symbol_type is SymbolTypeCode.PERPETUAL:
        return found | {"ends_at": ends_at}
    if ends_at is None:
        raise UnreadableRecord("deliveryTime is not stated")
    return found | {"expiry": ends_at}


def sizes_of(prices: BybitPriceFilter | None, lot: BybitLotFilter | None) -> dict[str, Any]:
    """Steps and limits. The minimum notional value is of every order."""
    prices, lot = prices or BybitPriceFilter(), lot or BybitLotFilter()
    least = limit(lot.min_notional_value, "minNotionalValue")
    return {
        "tick_size": positive(prices.tick_size, "priceFilter.tickSize"),
        "min_price": limit(prices.min_price, "priceFilter.minPrice"),
        "max_price": limit(prices.max_price, "priceFilter.maxPrice"),
        "lot_size": positive(lot.qty_step, "qtyStep"),
        "min_order_size": limit(lot.min_order_qty, "minOrderQty"),
        "max_order_size": limit(lot.max_order_qty, "maxOrderQty"),
        "market_max_size": limit(lot.max_mkt_order_qty, "maxMktOrderQty"),
        "min_notional": least,
        "market_min_notional": least,
    }
