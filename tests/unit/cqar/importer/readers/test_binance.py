"""Binance: spot, USD-M and COIN-M futures, options."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any, Final

import pytest

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.market import Market
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import decode
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

NEVER: Final = 4133404800000
#: 2025-01-06 09:00 UTC, and the answer's time five minutes before and after it.
END: Final = 1736154000000
BEFORE: Final = END - 300_000
AFTER: Final = END + 300_000
ENDED_AT: Final = dt.datetime(2025, 1, 6, 9, tzinfo=dt.UTC)
FILTERS: Final = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "20000", "tickSize": "0.0010"},
    {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000", "stepSize": "1"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "1", "maxQty": "90", "stepSize": "1"},
    {"filterType": "MIN_NOTIONAL", "notional": "5"},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
]


def a_contract(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "FTMUSDT",
        "pair": "FTMUSDT",
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": "FTM",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 6,
        "underlyingType": "COIN",
        "filters": FILTERS,
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC"],
        "permissionSets": ["GRID", "COPY"],
    } | changes


def a_coinm_contract(**changes: Any) -> dict[str, Any]:
    names = {"symbol": "BTCUSD_PERP", "baseAsset": "BTC", "quoteAsset": "USD", "marginAsset": "BTC"}
    found = a_contract(**names, contractStatus="TRADING", contractSize=100)
    del found["status"]
    return found | changes


def reading_of(venue: str, **answers: Any) -> Reading:
    line = product_line_of(venue)
    assert line is not None
    return read_answers(
        line, [decode(name, json.dumps(value).encode(), name) for name, value in answers.items()]
    )


def read_usdm(now: int = BEFORE, **changes: Any) -> Reading:
    answer = {"serverTime": now, "symbols": [a_contract(**changes)]}
    return reading_of("binance-usdm", exchangeInfo=answer)


def market_of(reading: Reading) -> Market:
    assert not reading.unreadable
    assert not reading.new_fields
    (market,) = reading.markets
    return market


def test_a_usdm_perpetual_has_neither_end_nor_expiry_and_its_tick_is_not_its_precision() -> None:
    market = market_of(read_usdm())
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert market.contract_kind is ContractKindCode.LINEAR
    assert (market.ends_at, market.expiry) == (None, None)
    assert market.tick_size == Decimal("0.001")
    assert market.listed_at == dt.datetime(2019, 9, 25, 8, tzinfo=dt.UTC)
    assert market.permission_groups == ()
    assert market.initial_margin_rate is None


def test_an_order_of_two_on_usdm_is_two_of_the_base() -> None:
    market = market_of(read_usdm())
    assert (market.order_unit, market.contract_size) == (OrderUnitCode.BASE, None)


def test_an_order_of_three_contracts_on_coinm_is_three_hundred_dollars() -> None:
    market = market_of(reading_of("binance-coinm", exchangeInfo={"symbols": [a_coinm_contract()]}))
    assert market.order_unit is OrderUnitCode.CONTRACT
    assert market.contract_kind is ContractKindCode.INVERSE
    assert market.contract_size is not None
    assert 3 * market.contract_size / Decimal(50_000) == Decimal("0.006")


def test_a_coinm_contract_without_a_size_is_unreadable() -> None:
    record = a_coinm_contract(contractSize=0)
    reading = reading_of("binance-coinm", exchangeInfo={"symbols": [record]})
    assert "contractSize" in reading.unreadable[0].reason


def test_an_announced_end_leaves_a_perpetual_open_until_then() -> None:
    market = market_of(read_usdm(deliveryDate=END))
    assert market.status is MarketStatusCode.ONLINE
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert (market.ends_at, market.expiry, market.delisted_at) == (ENDED_AT, None, None)


@pytest.mark.parametrize("kind", ["PERPETUAL", "PERPETUAL_DELIVERING", "PERPETUAL DELIVERING"])
@pytest.mark.parametrize("status", ["SETTLING", "PRE_SETTLE", "DELIVERING", "PRE_DELIVERING"])
def test_a_closed_perpetual_is_over_once_its_date_is_past(kind: str, status: str) -> None:
    words = {"contractType": kind, "status": status, "deliveryDate": END}
    closing = market_of(read_usdm(BEFORE, **words))
    over = market_of(read_usdm(AFTER, **words))
    assert (closing.status, closing.delisted_at) == (MarketStatusCode.SETTLING, None)
    assert (over.status, over.delisted_at) == (MarketStatusCode.DELISTED, ENDED_AT)
    assert over.symbol_type is SymbolTypeCode.PERPETUAL


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING_TRADING", MarketStatusCode.PREOPEN),
        ("TRADING_HALT", MarketStatusCode.HALTED),
        ("TRADING_CANCEL_ONLY", MarketStatusCode.CANCEL_ONLY),
        ("DELIVERED", MarketStatusCode.DELISTED),
        ("CLOSE", MarketStatusCode.DELISTED),
    ],
)
def test_each_status_word_has_its_meaning(word: str, status: MarketStatusCode) -> None:
    assert market_of(read_usdm(status=word)).status is status


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contractType", ""),
        ("contractType", "WEEKLY"),
        ("contractType", None),
        ("status", "MAINTENANCE"),
        ("status", None),
        ("underlyingType", "WEATHER"),
        ("marginAsset", ""),
        ("deliveryDate", "soon"),
    ],
)
def test_a_word_that_nobody_knows_makes_the_record_unreadable(field: str, value: Any) -> None:
    reading = read_usdm(**{field: value})
    assert not reading.markets
    assert len(reading.unreadable) == reading.records == 1


@pytest.mark.parametrize("step", ["0", "0.000", "-1", "NaN", "1e400"])
def test_a_tick_that_is_none_makes_the_record_unreadable(step: str) -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": step}]
    assert "tickSize" in read_usdm(filters=filters).unreadable[0].reason


def test_a_tick_with_an_exponent_is_exact() -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": "1e-6"}]
    assert market_of(read_usdm(filters=filters)).tick_size == Decimal("0.000001")


def test_a_quarterly_contract_expires_and_is_over_when_it_is_delivered() -> None:
    words: dict[str, Any] = {"contractType": "CURRENT_QUARTER", "deliveryDate": END}
    future = market_of(read_usdm(**words))
    assert future.symbol_type is SymbolTypeCode.FUTURE
    assert (future.expiry, future.ends_at) == (ENDED_AT, None)
    words |= {"contractType": "CURRENT_QUARTER DELIVERING", "status": "DELIVERING"}
    delivered = market_of(read_usdm(AFTER, **words))
    assert delivered.status is MarketStatusCode.DELISTED
    assert (delivered.expiry, delivered.delisted_at) == (ENDED_AT, ENDED_AT)


def test_a_quarterly_contract_without_a_date_is_unreadable() -> None:
    assert read_usdm(contractType="NEXT_QUARTER").unreadable


@pytest.mark.parametrize(
    ("kind", "word", "found"),
    [
        ("PERPETUAL", "COIN", UnderlyingClassCode.CRYPTO),
        ("TRADIFI_PERPETUAL", "EQUITY", UnderlyingClassCode.EQUITY),
        ("TRADIFI_PERPETUAL", "KR_EQUITY", UnderlyingClassCode.EQUITY),
        ("TRADIFI_PERPETUAL", "COMMODITY", UnderlyingClassCode.COMMODITY),
        ("TRADIFI_PERPETUAL", "PREMARKET", UnderlyingClassCode.PRE_IPO),
        ("PERPETUAL", "PREMARKET", None),
    ],
)
def test_the_class_of_the_underlying_is_the_word_of_the_record(
    kind: str, word: str, found: UnderlyingClassCode | None
) -> None:
    market = market_of(read_usdm(contractType=kind, underlyingType=word))
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert (market.underlying_class, market.underlying) == (found, None)
    is_before = word == "PREMARKET"
    assert market.status is (MarketStatusCode.PRE_MARKET if is_before else MarketStatusCode.ONLINE)


def test_an_index_is_named_by_the_base_code() -> None:
    market = market_of(read_usdm(symbol="DEFIUSDT", baseAsset="DEFI", underlyingType="INDEX"))
    assert (market.underlying_class, market.underlying) == (UnderlyingClassCode.INDEX, "DEFI")


def test_a_futures_band_bounds_a_bid_from_above_and_an_ask_from_below() -> None:
    market = market_of(read_usdm())
    assert (market.bid_multiplier_up, market.bid_multiplier_down) == (Decimal("1.05"), None)
    assert (market.ask_multiplier_up, market.ask_multiplier_down) == (None, Decimal("0.95"))
    assert (market.min_notional, market.market_min_notional) == (Decimal(5), Decimal(5))


def test_funding_hours_are_those_of_the_other_answer_or_unknown() -> None:
    listing = {"symbols": [a_contract(), a_contract(symbol="BNXUSDT", baseAsset="BNX")]}
    funding = [{"symbol": "FTMUSDT", "fundingIntervalHours": 4}]
    reading = reading_of("binance-usdm", exchangeInfo=listing, fundingInfo=funding)
    assert [market.funding_interval_s for market in reading.markets] == [14_400, None]


def test_names_are_kept_byte_for_byte() -> None:
    market = market_of(read_usdm(symbol="币安人生USDT", baseAsset="币安人生"))
    assert (market.spelling, market.base.venue) == ("币安人生USDT", "币安人生")


OPTION: Final = {
    "symbol": "BTC-220815-50000-C",
    "expiryDate": 1660521600000,
    "side": "CALL",
    "strikePrice": "50000",
    "underlying": "BTCUSDT",
    "unit": 1,
    "makerFeeRate": "0.0002",
    "takerFeeRate": "0.0003",
    "minQty": "0.01",
    "maxQty": "100",
    "initialMargin": "0.15",
    "maintenanceMargin": "0.075",
    "quoteAsset": "USDT",
    "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01"}],
}
UNDERLYING: Final = {
    "underlying": "BTCUSDT",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "settleAsset": "USDT",
}


def read_option(contracts: list[Any], **changes: Any) -> Reading:
    answer = {"optionContracts": contracts, "optionSymbols": [OPTION | changes]}
    return reading_of("binance-options", exchangeInfo=answer)


def test_an_option_has_base_and_settlement_of_its_underlying() -> None:
    market = market_of(read_option([UNDERLYING], unit=10))
    assert (market.base.venue, market.underlying) == ("BTC", "BTCUSDT")
    assert (market.strike, market.option_type) == (Decimal(50_000), OptionTypeCode.CALL)
    assert market.expiry == dt.datetime(2022, 8, 15, tzinfo=dt.UTC)
    assert (market.status, market.underlying_class) == (None, None)
    assert (market.min_order_size, market.tick_size) == (Decimal("0.01"), Decimal("0.01"))
    assert (market.maker_fee, market.initial_margin_rate) == (Decimal("0.0002"), Decimal("0.15"))


def test_an_order_of_two_option_contracts_is_twenty_of_the_base() -> None:
    market = market_of(read_option([UNDERLYING], unit=10))
    assert market.order_unit is OrderUnitCode.CONTRACT
    assert market.contract_size == 10


def test_an_option_of_an_underlying_that_the_answer_does_not_explain_is_unreadable() -> None:
    assert read_option([]).unreadable


@pytest.mark.parametrize(
    ("field", "value"), [("status", "ODD"), ("side", "BOTH"), ("unit", 0), ("expiryDate", NEVER)]
)
def test_an_option_that_does_not_say_what_it_is_is_unreadable(field: str, value: Any) -> None:
    assert read_option([UNDERLYING], **{field: value}).unreadable


def a_pair(**changes: Any) -> dict[str, Any]:
    band = {f"{side}Multiplier{way}": "5" for side in ("bid", "ask") for way in ("Up", "Down")}
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "9", "tickSize": "0.01"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "97.1", "stepSize": "0"},
        {
            "filterType": "NOTIONAL",
            "minNotional": "5",
            "applyMinToMarket": True,
            "maxNotional": "9000000",
            "applyMaxToMarket": False,
        },
        {"filterType": "PERCENT_PRICE_BY_SIDE", **band},
    ]
    names = {"symbol": "VETUSDT", "baseAsset": "VET", "quoteAsset": "USDT", "status": "TRADING"}
    groups = {"permissions": [], "permissionSets": [["TRD_GRP_004", "TRD_GRP_005"]]}
    return names | groups | {"filters": filters} | changes


def test_a_spot_pair_has_limits_of_its_own_for_market_orders() -> None:
    market = market_of(reading_of("binance", exchangeInfo={"symbols": [a_pair()]}))
    assert (market.market_max_size, market.market_lot_size) == (Decimal("97.1"), None)
    assert (market.min_notional, market.market_min_notional) == (Decimal(5), Decimal(5))
    assert (market.max_notional, market.market_max_notional) == (Decimal(9_000_000), None)
    assert (market.order_unit, market.settlement) == (OrderUnitCode.BASE, None)
    assert market.permission_groups == (("TRD_GRP_004", "TRD_GRP_005"),)


def test_a_spot_answer_about_some_symbols_says_nothing_of_the_others() -> None:
    answers = {'exchangeInfo?symbols=["VETUSDT","BTCUSDT"]': {"symbols": [a_pair()]}}
    reading = reading_of("binance", **answers)
    assert reading.covers("BTCUSDT", SymbolTypeCode.SPOT)
    assert not reading.covers("ETHUSDT", SymbolTypeCode.SPOT)
