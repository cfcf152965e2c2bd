from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable, the_unsupported

PAIRS = "conf/pub:list:pair:exchange"
FUTURES = "conf/pub:list:pair:futures"
INFO_BTCUSD = ["BTCUSD", [None, None, None, "0.00006", "2000.0", None, None, None, 0.2, 0.1]]
INFO_BTCF0 = ["BTCF0:USTF0", [None, None, None, "0.0001", "100.0", None, None, None, 0.01, 0.005]]


def conf(*entries: Any) -> list[list[Any]]:
    return [list(entries)]


def test_a_pair_has_a_t_before_it_five_digits_and_no_steps() -> None:
    assert the_market(read("bitfinex", {PAIRS: conf("BTCUSD")})) == Market(
        spelling="tBTCUSD",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("USD"),
        order_unit=OrderUnitCode.BASE,
        price_significant_digits=5,
    )


def test_pairs_are_split_in_three_and_three_or_at_the_colon() -> None:
    names = ("DSHUSD", "LUNA:USD", "UST:CNHT")
    found = read("bitfinex", {PAIRS: conf(*names)})
    assert [(m.base.venue, m.quote.venue) for m in found.markets] == [
        ("DSH", "USD"),
        ("LUNA", "USD"),
        ("UST", "CNHT"),
    ]


def test_the_venues_own_codes_are_read_by_its_map_alone() -> None:
    alone = the_market(read("bitfinex", {PAIRS: conf("USTUSD")}))
    assert alone.base == Code("UST")
    answers = {
        PAIRS: conf("USTUSD"),
        "conf/pub:map:currency:sym": conf(["UST", "USDt"]),
        "conf/pub:map:currency:label": conf(["UST", "Tether USDt"]),
    }
    assert the_market(read("bitfinex", answers)).base == Code("UST", "USDT", "Tether USDt")


@pytest.mark.parametrize("name", ["TESTBTC:TESTUSD", "TESTBTC:TESTUSDT", "AAABBB"])
def test_a_pair_of_the_venues_tests_is_unsupported(name: str) -> None:
    assert the_unsupported(read("bitfinex", {PAIRS: conf(name)})).kind == "TEST"


def test_a_pair_is_a_test_if_the_map_says_so() -> None:
    answers = {PAIRS: conf("ZZZUSD"), "conf/pub:map:currency:sym": conf(["ZZZ", "TESTZZZ"])}
    assert the_unsupported(read("bitfinex", answers)).kind == "TEST"


def test_a_derivative_is_a_perpetual_that_its_quote_settles() -> None:
    assert the_market(read("bitfinex", {FUTURES: conf("BTCF0:USTF0")})) == Market(
        spelling="tBTCF0:USTF0",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTCF0", "BTC"),
        quote=Code("USTF0", "UST"),
        settlement=Code("USTF0", "UST"),
        contract_kind=ContractKindCode.LINEAR,
        order_unit=OrderUnitCode.BASE,
        price_significant_digits=5,
    )


def test_a_derivatives_code_has_the_names_of_its_underlying() -> None:
    answers = {
        FUTURES: conf("IOTF0:USTF0"),
        "conf/pub:map:currency:undl": conf(["IOTF0", "IOT"], ["USTF0", "UST"]),
        "conf/pub:map:currency:sym": conf(["IOT", "IOTA"], ["UST", "USDt"]),
    }
    market = the_market(read("bitfinex", answers))
    assert (market.base.ticker, market.quote.ticker) == ("IOTA", "USDT")


def test_a_derivative_of_an_index_is_of_no_coin() -> None:
    market = the_market(read("bitfinex", {FUTURES: conf("BTCDOMF0:USTF0")}))
    assert market.underlying_class is UnderlyingClassCode.INDEX
    assert market.underlying == "BTCDOM"


def test_a_former_list_of_derivatives_is_read_too() -> None:
    found = read("bitfinex", {"conf/pub:list:pair:future": conf("BTCF0:USTF0")})
    assert the_market(found).symbol_type is SymbolTypeCode.PERPETUAL


def test_half_a_bitcoin_is_ordered_as_a_half_on_a_derivative_too() -> None:
    answers = {FUTURES: conf("BTCF0:USTF0"), "conf/pub:info:pair:futures": conf(INFO_BTCF0)}
    market = the_market(read("bitfinex", answers))
    assert (market.order_unit, market.contract_size) == (OrderUnitCode.BASE, None)
    assert (market.min_order_size, market.max_order_size) == (Decimal("0.0001"), Decimal(100))
    assert market.initial_margin_rate == Decimal("0.01")
    assert market.maintenance_margin_rate == Decimal("0.005")


def test_margins_of_borrowing_are_none_of_a_spot_pair() -> None:
    market = the_market(read("bitfinex", {"conf/pub:info:pair": conf(INFO_BTCUSD)}))
    assert market.min_order_size == Decimal("0.00006")
    assert market.initial_margin_rate is None


def test_several_keys_may_be_answered_at_once() -> None:
    name = "conf/pub:info:pair,pub:info:pair:futures,pub:list:pair:securities,pub:list:pair:margin"
    found = read("bitfinex", {name: [[INFO_BTCUSD], [INFO_BTCF0], ["USTBL:USD"], ["BTCUSD"]]})
    assert [m.spelling for m in found.markets] == ["tBTCUSD", "tBTCF0:USTF0"]


@pytest.mark.parametrize("name", ["BTCUS", "BTCUSDX", ":USD", "A:B:C", "BTCF0:USTF0", 7, None])
def test_what_is_not_the_name_of_a_spot_pair_is_unreadable(name: Any) -> None:
    assert the_unreadable(read("bitfinex", {PAIRS: conf(name)})).reason


def test_spot_pairs_say_nothing_about_derivatives() -> None:
    found = read("bitfinex", {PAIRS: conf("BTCUSD")})
    assert found.covers("tETHUSD", SymbolTypeCode.SPOT)
    assert not found.covers("tBTCF0:USTF0", SymbolTypeCode.PERPETUAL)


def test_an_error_is_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="invalid"):
        read("bitfinex", {PAIRS: ["error", 10020, "request: invalid"]})
