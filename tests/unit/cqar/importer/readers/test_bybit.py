"""Bybit: spot, linear and inverse contracts, options, and the symbols of 2021."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any, Final

import pytest

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.market import Alias, Market, Phase
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import UnusableAnswer, decode
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode

#: 2026-06-26 09:00 UTC.
END: Final = "1782464400000"
ENDS_AT: Final = dt.datetime(2026, 6, 26, 9, tzinfo=dt.UTC)
OPENS: Final = "1735117200000"
OPENS_AT: Final = dt.datetime(2024, 12, 25, 9, tzinfo=dt.UTC)


def a_contract(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "MBOXUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "MBOX",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1705574743000",
        "deliveryTime": "0",
        "fundingInterval": 240,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "25.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.0001", "maxPrice": "1999.9998", "tickSize": "0.0001"},
        "lotSizeFilter": {
            "maxOrderQty": "250000",
            "minOrderQty": "1",
            "qtyStep": "1",
            "maxMktOrderQty": "50000",
            "minNotionalValue": "5",
        },
        "isPreListing": False,
        "preListingInfo": None,
    } | changes


def answer_of(category: str, *records: Any, cursor: str = "") -> dict[str, Any]:
    result = {"category": category, "list": list(records), "nextPageCursor": cursor}
    return {"retCode": 0, "retMsg": "OK", "result": result, "time": 1735810114435}


def reading_of(venue: str, answers: dict[str, Any]) -> Reading:
    line = product_line_of(venue)
    assert line is not None
    return read_answers(
        line, [decode(name, json.dumps(value).encode(), name) for name, value in answers.items()]
    )


def read(category: str, record: dict[str, Any]) -> Reading:
    venue = "bybit" if category == "spot" else f"bybit-{category}"
    name = f"instruments-info?category={category}&baseCoin=BTC"
    return reading_of(venue, {name: answer_of(category, record)})


def market_of(reading: Reading) -> Market:
    assert not reading.unreadable
    assert not reading.new_fields
    (market,) = reading.markets
    return market


def test_a_linear_perpetual_reads_its_terms() -> None:
    market = market_of(read("linear", a_contract()))
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert market.contract_kind is ContractKindCode.LINEAR
    assert market.listed_at == dt.datetime(2024, 1, 18, 10, 45, 43, tzinfo=dt.UTC)
    assert (market.ends_at, market.expiry, market.underlying_class) == (None, None, None)
    assert (market.tick_size, market.market_max_size) == (Decimal("0.0001"), Decimal(50_000))
    assert (market.min_notional, market.market_min_notional) == (Decimal(5), Decimal(5))
    assert (market.max_leverage, market.funding_interval_s) == (Decimal(25), 14_400)


def test_an_order_of_a_hundred_on_a_linear_contract_is_a_hundred_of_the_base() -> None:
    names = {"symbol": "1000PEPEPERP", "baseCoin": "1000PEPE"}
    coins = {"quoteCoin": "USDC", "settleCoin": "USDC"}
    market = market_of(read("linear", a_contract(**names, **coins)))
    assert (market.order_unit, market.contract_size) == (OrderUnitCode.BASE, None)
    assert (market.base.venue, market.quote.venue) == ("1000PEPE", "USDC")
    assert market.unit_multiplier is None


def test_an_order_of_a_hundred_on_an_inverse_contract_is_a_hundred_dollars() -> None:
    coins = {"baseCoin": "BTC", "quoteCoin": "USD", "settleCoin": "BTC"}
    market = market_of(read("inverse", a_contract(contractType="InversePerpetual", **coins)))
    assert market.contract_kind is ContractKindCode.INVERSE
    assert (market.order_unit, market.contract_size) == (OrderUnitCode.QUOTE, None)


def test_a_delivery_time_of_a_perpetual_is_its_announced_end() -> None:
    market = market_of(read("linear", a_contract(deliveryTime=END)))
    assert market.status is MarketStatusCode.ONLINE
    assert (market.ends_at, market.expiry, market.delisted_at) == (ENDS_AT, None, None)


def test_a_delivery_time_of_a_future_is_its_expiry_and_it_has_no_funding() -> None:
    words = {"contractType": "LinearFutures", "symbol": "BTC-26JUN26", "deliveryTime": END}
    market = market_of(read("linear", a_contract(**words)))
    assert market.symbol_type is SymbolTypeCode.FUTURE
    assert (market.expiry, market.ends_at, market.funding_interval_s) == (ENDS_AT, None, None)
    assert read("linear", a_contract(**words | {"deliveryTime": "0"})).unreadable


@pytest.mark.parametrize(
    ("word", "status", "delisted_at"),
    [
        ("PreLaunch", MarketStatusCode.PREOPEN, None),
        ("Delivering", MarketStatusCode.SETTLING, None),
        ("Settling", MarketStatusCode.SETTLING, None),
        ("Closed", MarketStatusCode.DELISTED, ENDS_AT),
    ],
)
def test_each_status_word_has_its_meaning(
    word: str, status: MarketStatusCode, delisted_at: dt.datetime | None
) -> None:
    market = market_of(read("linear", a_contract(status=word, deliveryTime=END)))
    assert (market.status, market.delisted_at) == (status, delisted_at)


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("NotStarted", MarketStatusCode.PREOPEN),
        ("CallAuction", MarketStatusCode.AUCTION),
        ("CallAuctionNoCancel", MarketStatusCode.AUCTION),
        ("CrossMatching", MarketStatusCode.PREOPEN),
        ("ContinuousTrading", MarketStatusCode.PRE_MARKET),
    ],
)
def test_before_the_launch_the_phase_decides(phase: str, status: MarketStatusCode) -> None:
    fees = {"auctionFeeRate": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.0004"}
    phases = [
        {"phase": "CallAuction", "startTime": "1735113600000", "endTime": OPENS},
        {"phase": "ContinuousTrading", "startTime": OPENS, "endTime": ""},
    ]
    info = {"curAuctionPhase": phase, "phases": phases, "auctionFeeInfo": fees}
    record = a_contract(status="PreLaunch", isPreListing=True, preListingInfo=info)
    market = market_of(read("linear", record))
    assert (market.status, market.trading_starts_at) == (status, OPENS_AT)
    assert market.phases[1] == Phase(MarketStatusCode.PRE_MARKET, OPENS_AT, None)
    assert (market.maker_fee, market.taker_fee) == (Decimal("0.0004"), Decimal("0.001"))


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("", None),
        ("innovation", None),
        ("stock", UnderlyingClassCode.EQUITY),
        ("etf", UnderlyingClassCode.FUND),
        ("commodity", UnderlyingClassCode.COMMODITY),
        ("forex", UnderlyingClassCode.FX),
    ],
)
def test_the_class_of_the_underlying_is_the_word_of_the_record(
    word: str, found: UnderlyingClassCode | None
) -> None:
    market = market_of(read("linear", a_contract(symbolType=word, launchTime="0", symbolId=7)))
    assert (market.underlying_class, market.listed_at) == (found, None)
    assert market.aliases == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "Sleeping"),
        ("status", None),
        ("contractType", "LinearSwap"),
        ("symbolType", "art"),
        ("settleCoin", ""),
        ("deliveryTime", "never"),
        ("fundingInterval", -1),
        ("priceFilter", {"tickSize": "0"}),
        ("lotSizeFilter", []),
        ("preListingInfo", {"curAuctionPhase": "Lunch"}),
    ],
)
def test_what_cannot_be_read_makes_the_record_unreadable(field: str, value: Any) -> None:
    reading = read("linear", a_contract(**{field: value}))
    assert not reading.markets
    assert len(reading.unreadable) == reading.records == 1


def test_a_contract_of_the_other_category_is_of_another_line() -> None:
    reading = read("linear", a_contract(contractType="InversePerpetual"))
    assert [record.kind for record in reading.unsupported] == ["OTHER_LINE"]


def a_pair(lot: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "status": "Trading",
        "innovation": "0",
        "lotSizeFilter": {"basePrecision": "0.0001", "minOrderQty": "0.001", **lot},
        "priceFilter": {"tickSize": "0.01"},
    } | changes


OLD_LOT: Final = {"maxOrderQty": "100", "minOrderAmt": "10", "maxOrderAmt": "1000000"}
NEW_LOT: Final = OLD_LOT | {"maxLimitOrderQty": "83", "maxMarketOrderQty": "41.5"}


def test_an_order_of_three_tokens_of_a_share_is_three_tokens() -> None:
    words = {"symbolType": "xstocks", "xstockMultiplier": "0.1"}
    market = market_of(read("spot", a_pair(OLD_LOT, **words)))
    assert market.symbol_type is SymbolTypeCode.SPOT
    assert (market.order_unit, market.contract_size) == (OrderUnitCode.BASE, None)
    assert (market.unit_multiplier, market.multiple_of) == (Decimal("0.1"), None)
    assert market.underlying_class is UnderlyingClassCode.EQUITY
    assert (market.min_order_size, market.min_notional) == (Decimal("0.001"), Decimal(10))
    assert (market.max_order_size, market.max_notional) == (Decimal(100), Decimal(1_000_000))


def test_limits_that_are_no_longer_checked_are_left_out_where_new_ones_stand() -> None:
    market = market_of(read("spot", a_pair(NEW_LOT)))
    assert (market.max_order_size, market.market_max_size) == (Decimal(83), Decimal("41.5"))
    assert (market.min_order_size, market.max_notional) == (None, None)


def an_option(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTC-26JUN26-70000-P-USDT",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "optionsType": "Put",
        "launchTime": "1743669649256",
        "deliveryTime": END,
        "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": "5"},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
    } | changes


@pytest.mark.parametrize(
    ("symbol", "strike"),
    [
        ("BTC-26JUN26-70000-P-USDT", "70000"),
        ("ETH-26JUN26-16000-P", "16000"),
        ("XRP-5JUN26-0.55-P-USDT", "0.55"),
    ],
)
def test_an_option_has_its_strike_in_its_name_and_orders_in_the_base(
    symbol: str, strike: str
) -> None:
    market = market_of(read("option", an_option(symbol=symbol)))
    assert (market.strike, market.option_type) == (Decimal(strike), OptionTypeCode.PUT)
    assert (market.expiry, market.order_unit) == (ENDS_AT, OrderUnitCode.BASE)


@pytest.mark.parametrize("symbol", ["BTC-26JUN26-70000-C", "BTC-PUT-70000", "BTCUSDT"])
def test_an_option_whose_name_says_otherwise_is_unreadable(symbol: str) -> None:
    assert read("option", an_option(symbol=symbol)).unreadable


def test_an_answer_without_a_base_coin_holds_the_options_of_one_coin() -> None:
    name = "instruments-info?category=option"
    reading = reading_of("bybit-option", {name: answer_of("option", an_option())})
    assert "baseCoin" in reading.incomplete[0]
    assert not read("option", an_option()).incomplete


def test_a_page_that_is_not_there_is_told() -> None:
    name = "instruments-info?category=linear"
    first = answer_of("linear", a_contract(), cursor="first%3DA%26last%3DB")
    last = answer_of("linear", a_contract(symbol="XUSDT", baseCoin="X"))
    assert reading_of("bybit-linear", {name: first}).incomplete
    following = f"{name}&cursor=first%3DA%26last%3DB"
    assert not reading_of("bybit-linear", {name: first, following: last}).incomplete
    assert not reading_of("bybit-linear", {name: last}).incomplete


@pytest.mark.parametrize(
    "value",
    [
        answer_of("spot", a_contract()),
        {"retCode": 10001, "retMsg": "params error", "result": {}},
        [],
        {"result": {"list": {}}},
    ],
)
def test_another_answer_is_refused(value: Any) -> None:
    with pytest.raises(UnusableAnswer):
        reading_of("bybit-linear", {"instruments-info?category=linear": value})


def a_v2_symbol(**changes: Any) -> dict[str, Any]:
    return {
        "name": "BTCUSDM21",
        "alias": "BTCUSD0625",
        "status": "Trading",
        "base_currency": "BTC",
        "quote_currency": "USD",
        "taker_fee": "0.00075",
        "maker_fee": "-0.00025",
        "leverage_filter": {"max_leverage": 100},
        "price_filter": {"tick_size": "0.5", "min_price": "0.5", "max_price": "999999.5"},
        "lot_size_filter": {"max_trading_qty": 1000000, "min_trading_qty": 1, "qty_step": 1},
    } | changes


def read_v2(venue: str, **changes: Any) -> Reading:
    return reading_of(
        venue, {"v2/public/symbols": {"ret_code": 0, "result": [a_v2_symbol(**changes)]}}
    )


def test_a_future_of_2021_expires_on_the_day_of_its_alias() -> None:
    market = market_of(read_v2("bybit-inverse"))
    assert market.expiry == dt.datetime(2021, 6, 25, 8, tzinfo=dt.UTC)
    assert market.symbol_type is SymbolTypeCode.FUTURE
    assert market.aliases == (Alias("BTCUSD0625"),)
    assert (market.order_unit, market.maker_fee) == (OrderUnitCode.QUOTE, Decimal("-0.00025"))


def test_a_pair_of_2021_is_a_perpetual_of_one_of_the_two_lines() -> None:
    words = {"name": "BTCUSDT", "alias": "BTCUSDT", "quote_currency": "USDT"}
    market = market_of(read_v2("bybit-linear", **words))
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert (market.settlement, market.aliases) == (market.quote, ())
    assert read_v2("bybit-inverse", **words).unsupported


@pytest.mark.parametrize("alias", ["BTCUSD0631", "BTCUSD", "BTCUSD9999"])
def test_a_future_of_2021_whose_alias_names_no_day_is_unreadable(alias: str) -> None:
    assert read_v2("bybit-inverse", alias=alias).unreadable
