"""OKX: spot, swaps, futures and options in one namespace."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any, Final

import pytest

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.market import Alias, Band, Market, Phase, Scheduled
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import UnusableAnswer, decode
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)

#: 2026-10-01 09:20 UTC.
LATER: Final = "1790846400000"
LATER_AT: Final = dt.datetime(2026, 10, 1, 9, 20, tzinfo=dt.UTC)
LISTED: Final = "1573557408000"
LISTED_AT: Final = dt.datetime(2019, 11, 12, 11, 16, 48, tzinfo=dt.UTC)


def a_swap(**changes: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP",
        "instId": "ETH-USDT-SWAP",
        "instIdCode": 10461,
        "uly": "ETH-USDT",
        "instFamily": "ETH-USDT",
        "baseCcy": "",
        "quoteCcy": "",
        "settleCcy": "USDT",
        "ctVal": "0.1",
        "ctMult": "1",
        "ctValCcy": "ETH",
        "ctType": "linear",
        "optType": "",
        "stk": "",
        "listTime": LISTED,
        "expTime": "",
        "lever": "100",
        "tickSz": "0.01",
        "lotSz": "0.01",
        "minSz": "0.01",
        "maxLmtSz": "100000000",
        "maxMktSz": "20000",
        "maxLmtAmt": "20000000",
        "maxMktAmt": "",
        "state": "live",
        "ruleType": "normal",
        "upcChg": [],
        "tradeQuoteCcyList": [],
    } | changes


def an_option(**changes: Any) -> dict[str, Any]:
    terms = {"instType": "OPTION", "instId": "BTC-USD-261001-92000-C", "uly": "BTC-USD"}
    money = {"settleCcy": "BTC", "ctVal": "1", "ctMult": "0.01", "ctValCcy": "BTC", "ctType": ""}
    kind = {"optType": "C", "stk": "92000", "expTime": LATER, "instFamily": "BTC-USD"}
    return a_swap(**terms, **money, **kind) | changes


def a_pair(**changes: Any) -> dict[str, Any]:
    names = {"instType": "SPOT", "instId": "BTC-USD", "baseCcy": "BTC", "quoteCcy": "USD"}
    none = dict.fromkeys(("uly", "settleCcy", "ctVal", "ctMult", "ctValCcy", "ctType"), "")
    amounts = {"maxMktAmt": "1000000", "tradeQuoteCcyList": ["USD", "USDC"]}
    return a_swap(**names, **none, **amounts) | changes


def reading_of(answers: dict[str, Any]) -> Reading:
    line = product_line_of("okx")
    assert line is not None
    return read_answers(
        line, [decode(name, json.dumps(value).encode(), name) for name, value in answers.items()]
    )


def read(record: dict[str, Any], **answers: Any) -> Reading:
    name = f"instruments?instType={record['instType']}"
    return reading_of({name: {"code": "0", "msg": "", "data": [record]}} | answers)


def market_of(reading: Reading) -> Market:
    assert not reading.unreadable
    assert not reading.new_fields
    (market,) = reading.markets
    return market


def test_an_order_of_five_contracts_of_a_linear_swap_is_half_a_coin() -> None:
    market = market_of(read(a_swap()))
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert market.contract_kind is ContractKindCode.LINEAR
    assert market.order_unit is OrderUnitCode.CONTRACT
    assert market.contract_size is not None
    assert 5 * market.contract_size == Decimal("0.5")
    assert (market.base.venue, market.quote.venue) == ("ETH", "USDT")
    assert market.aliases == (Alias("10461", SpellingChannelCode.ID),)
    assert (market.listed_at, market.market_max_size) == (LISTED_AT, Decimal(20_000))


def test_an_order_of_three_contracts_of_an_inverse_swap_is_three_hundred_dollars() -> None:
    money = {"settleCcy": "BTC", "ctVal": "100", "ctValCcy": "USD", "ctType": "inverse"}
    market = market_of(read(a_swap(uly="BTC-USD", **money)))
    assert market.contract_kind is ContractKindCode.INVERSE
    assert market.contract_size is not None
    assert 3 * market.contract_size / Decimal(50_000) == Decimal("0.006")


def test_an_order_of_seven_contracts_of_a_coin_option_is_seven_hundredths_of_the_coin() -> None:
    market = market_of(read(an_option()))
    assert market.symbol_type is SymbolTypeCode.OPTION
    assert (market.strike, market.option_type) == (Decimal(92_000), OptionTypeCode.CALL)
    assert (market.expiry, market.ends_at) == (LATER_AT, None)
    assert market.contract_size is not None
    assert 7 * market.contract_size == Decimal("0.07")


def test_a_contract_margined_in_dollars_has_its_underlying_and_no_code_of_its_family() -> None:
    names = {"instId": "SOL-USD_UM-SWAP", "instFamily": "SOL-USD_UM", "uly": "SOL-USD"}
    market = market_of(read(a_swap(**names, settleCcy="USD", ctValCcy="SOL")))
    assert (market.quote.venue, market.underlying) == ("USD", "SOL-USD")
    assert market.contract_kind is ContractKindCode.LINEAR


def test_the_offline_time_of_a_swap_is_an_end_and_that_of_a_future_its_expiry() -> None:
    swap = market_of(read(a_swap(expTime=LATER)))
    assert (swap.ends_at, swap.expiry, swap.status) == (LATER_AT, None, MarketStatusCode.ONLINE)
    future = market_of(read(a_swap(instType="FUTURES", expTime=LATER)))
    assert (future.ends_at, future.expiry) == (None, LATER_AT)
    assert read(a_swap(instType="FUTURES")).unreadable


def test_announced_changes_are_scheduled_and_the_lot_follows_the_minimum() -> None:
    changes = [
        {"param": "tickSz", "newValue": "0.0010", "effTime": LATER},
        {"param": "minSz", "newValue": "0.1", "effTime": LATER},
        {"param": "maxMktSz", "newValue": "9000", "effTime": LATER},
    ]
    market = market_of(read(a_swap(upcChg=changes)))
    assert market.scheduled == (
        Scheduled(LATER_AT, "tick_size", "0.001"),
        Scheduled(LATER_AT, "min_order_size", "0.1"),
        Scheduled(LATER_AT, "lot_size", "0.1"),
        Scheduled(LATER_AT, "market_max_size", "9000"),
    )
    pair = market_of(read(a_pair(upcChg=changes)))
    assert [change.field for change in pair.scheduled] == ["tick_size", "min_order_size"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("suspend", MarketStatusCode.HALTED),
        ("rebase", MarketStatusCode.HALTED),
        ("preopen", MarketStatusCode.PREOPEN),
        ("post_only", MarketStatusCode.POST_ONLY),
        ("settling", MarketStatusCode.SETTLING),
        ("expired", MarketStatusCode.DELISTED),
    ],
)
def test_each_state_has_its_meaning(word: str, status: MarketStatusCode) -> None:
    assert market_of(read(a_swap(state=word))).status is status


def test_a_live_instrument_of_pre_market_rules_is_in_pre_market_trading() -> None:
    market = market_of(read(a_swap(ruleType="pre_market")))
    assert market.status is MarketStatusCode.PRE_MARKET
    halted = market_of(read(a_swap(ruleType="pre_market", state="suspend")))
    assert halted.status is MarketStatusCode.HALTED
    former = market_of(read(a_swap(preMktSwTime=LATER)))
    assert former.phases == (Phase(MarketStatusCode.PRE_MARKET, None, LATER_AT),)


@pytest.mark.parametrize(
    ("category", "found"),
    [
        ("", None),
        ("1", UnderlyingClassCode.CRYPTO),
        ("3", UnderlyingClassCode.EQUITY),
        ("4", UnderlyingClassCode.COMMODITY),
        ("6", None),
    ],
)
def test_the_category_is_the_class_of_the_underlying(
    category: str, found: UnderlyingClassCode | None
) -> None:
    assert market_of(read(a_swap(instCategory=category))).underlying_class is found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "xyz_auction"),
        ("state", None),
        ("ruleType", "odd"),
        ("instCategory", "99"),
        ("tickSz", "0"),
        ("ctVal", "0"),
        ("ctVal", ""),
        ("ctValCcy", "DOGE"),
        ("ctType", "inverse"),
        ("settleCcy", ""),
        ("uly", "ETHUSDT"),
        ("expTime", "soon"),
        ("upcChg", [{"param": "lever", "newValue": "1", "effTime": LATER}]),
        ("upcChg", [{"param": "tickSz", "newValue": "0", "effTime": LATER}]),
        ("upcChg", [{"param": "tickSz", "newValue": "1", "effTime": ""}]),
    ],
)
def test_what_cannot_be_read_makes_the_record_unreadable(field: str, value: Any) -> None:
    reading = read(a_swap(**{field: value}))
    assert not reading.markets
    assert len(reading.unreadable) == reading.records == 1


def test_a_spot_market_may_be_traded_in_the_quotes_that_it_lists() -> None:
    market = market_of(read(a_pair()))
    assert market.symbol_type is SymbolTypeCode.SPOT
    assert market.quote_alternatives == ("USD", "USDC")
    assert (market.order_unit, market.settlement) == (OrderUnitCode.BASE, None)
    assert (market.max_notional, market.market_max_notional) == (
        Decimal(20_000_000),
        Decimal(1_000_000),
    )
    assert market.market_max_size is None


@pytest.mark.parametrize(("quote", "most"), [("USDT", Decimal(20_000)), ("EUR", None)])
def test_amounts_in_dollars_are_no_notional_of_another_quote(
    quote: str, most: Decimal | None
) -> None:
    market = market_of(read(a_pair(instId=f"BTC-{quote}", quoteCcy=quote)))
    assert (market.max_notional, market.market_max_notional) == (None, most)
    assert (market.market_max_size, market.max_leverage) == (None, None)


def test_an_opening_by_auction_has_a_phase_and_a_start_of_trading() -> None:
    market = market_of(read(a_pair(openType="call_auction", contTdSwTime=LATER)))
    assert market.trading_starts_at == LATER_AT
    assert market.phases == (Phase(MarketStatusCode.AUCTION, LISTED_AT, LATER_AT),)
    assert market_of(read(a_pair(auctionEndTime=LATER))).phases == market.phases


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (a_swap(state="test"), "TEST"),
        (a_pair(instType="MARGIN"), "MARGIN"),
        (a_swap(instType="EVENTS"), "EVENT"),
    ],
)
def test_what_is_no_market_of_its_own_is_unsupported(record: dict[str, Any], kind: str) -> None:
    assert [found.kind for found in read(record).unsupported] == [kind]


def test_tick_bands_of_options_come_with_the_other_answer() -> None:
    upper = {"minPx": "0.005", "maxPx": "9", "tickSz": "0.0005"}
    lower = {"minPx": "0", "maxPx": "0.005", "tickSz": "0.0001"}
    family = {"instType": "OPTION", "instFamily": "BTC-USD", "tickBand": [upper, lower]}
    name = "instrument-tick-bands?instType=OPTION"
    market = market_of(read(an_option(), **{name: {"code": "0", "data": [family]}}))
    assert market.tick_bands == (
        Band(Decimal(0), Decimal("0.0001")),
        Band(Decimal("0.005"), Decimal("0.0005")),
    )


def test_an_answer_covers_its_type_and_what_its_request_names() -> None:
    whole = read(a_swap())
    assert whole.covers("XRP-USDT-SWAP", SymbolTypeCode.PERPETUAL)
    assert not whole.covers("XRP-USDT", SymbolTypeCode.SPOT)
    name = "instruments?instType=OPTION&uly=BTC-USD"
    part = reading_of({name: {"code": "0", "data": [an_option()]}})
    assert part.covers("BTC-USD-261001-1-P", SymbolTypeCode.OPTION)
    assert not part.covers("ETH-USD-261001-1-P", SymbolTypeCode.OPTION)


@pytest.mark.parametrize(
    "value",
    [
        {"code": "0", "data": [a_swap(instType="FUTURES")]},
        {"code": "50011", "msg": "Too Many Requests", "data": []},
        {"code": "0"},
        [],
    ],
)
def test_another_answer_is_refused(value: Any) -> None:
    with pytest.raises(UnusableAnswer):
        reading_of({"instruments?instType=SWAP": value})
