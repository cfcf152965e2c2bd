from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)
from tests.support.venue_readings import base_quantity, read, the_market, the_unreadable

XBTUSD = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "aclass_base": "currency",
    "base": "XXBT",
    "aclass_quote": "currency",
    "quote": "ZUSD",
    "lot": "unit",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "leverage_buy": [2, 3, 4, 5],
    "leverage_sell": [2, 3],
    "fees": [[0, 0.4], [10000, 0.35]],
    "fees_maker": [[0, 0.25], [10000, 0.2]],
    "fee_volume_currency": "ZUSD",
    "margin_call": 80,
    "margin_stop": 40,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
    "long_position_limit": 300,
    "short_position_limit": 240,
}
OF_2021 = ("tick_size", "costmin", "status", "cost_decimals")


def a_pair(*without: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**XBTUSD, **changes}.items() if key not in without}


def pairs(**found: Any) -> dict[str, Any]:
    return {"AssetPairs": {"error": [], "result": found}}


def test_a_pair_is_read_whole() -> None:
    assert the_market(read("kraken", pairs(XXBTZUSD=XBTUSD))) == Market(
        spelling="XXBTZUSD",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("XXBT", "BTC"),
        quote=Code("ZUSD", "USD"),
        status=MarketStatusCode.ONLINE,
        aliases=(
            Alias("XBTUSD", SpellingChannelCode.REST),
            Alias("XBT/USD", SpellingChannelCode.WS),
            Alias("BTC/USD", SpellingChannelCode.WS_V2),
        ),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.00000001"),
        min_order_size=Decimal("0.00005"),
        min_notional=Decimal("0.5"),
        market_min_notional=Decimal("0.5"),
        maker_fee=Decimal("0.0025"),
        taker_fee=Decimal("0.004"),
        max_leverage=Decimal(5),
    )


def test_dogecoin_is_doge_on_the_second_web_socket_only() -> None:
    pair = a_pair(altname="XDGUSD", wsname="XDG/USD", base="XXDG")
    market = the_market(read("kraken", pairs(XDGUSD=pair)))
    assert market.base == Code("XXDG", "DOGE")
    assert market.aliases == (
        Alias("XDG/USD", SpellingChannelCode.WS),
        Alias("DOGE/USD", SpellingChannelCode.WS_V2),
    )


def test_a_stated_tick_stands_above_the_decimals() -> None:
    pair = a_pair(altname="ETHEUROP", quote="EUROP", pair_decimals=2, tick_size="0.1")
    market = the_market(read("kraken", pairs(ETHEUROP=pair)))
    assert market.tick_size == Decimal("0.1")
    assert market.quote == Code("EUROP")


def test_decimals_are_the_tick_where_the_record_has_no_other() -> None:
    market = the_market(read("kraken", pairs(XXBTZUSD=a_pair(*OF_2021))))
    assert market.tick_size == Decimal("0.1")
    assert market.status is None
    assert market.min_notional is None


def test_a_tick_of_null_is_not_made_up_from_decimals() -> None:
    assert the_market(read("kraken", pairs(XXBTZUSD=a_pair(tick_size=None)))).tick_size is None


@pytest.mark.parametrize(
    ("word", "status", "order_types"),
    [
        ("online", MarketStatusCode.ONLINE, None),
        ("limit_only", MarketStatusCode.ONLINE, ("LIMIT",)),
        ("post_only", MarketStatusCode.POST_ONLY, None),
        ("cancel_only", MarketStatusCode.CANCEL_ONLY, None),
        ("reduce_only", MarketStatusCode.SELL_ONLY, None),
    ],
)
def test_every_word_of_status_has_its_meaning(
    word: str, status: MarketStatusCode, order_types: tuple[str, ...] | None
) -> None:
    market = the_market(read("kraken", pairs(XXBTZUSD=a_pair(status=word))))
    assert (market.status, market.order_types) == (status, order_types)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "on_holiday"},
        {"status": None},
        {"tick_size": "0"},
        {"lot_multiplier": 10},
        {"aclass_base": "future"},
        {"base": None},
        {"fees": [[0]]},
        {"ordermin": "1e400"},
    ],
)
def test_what_is_not_known_makes_the_record_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("kraken", pairs(XXBTZUSD=a_pair(**change)))).name == "XXBTZUSD"


def test_a_dark_pool_is_beside_the_usual_market() -> None:
    pair = a_pair(*OF_2021, "wsname", "ordermin", "fees_maker", altname="XBTUSD.d")
    market = the_market(read("kraken", pairs(**{"XXBTZUSD.d": pair})))
    assert market.is_secondary
    assert market.base == Code("XXBT", "BTC")
    assert market.min_order_size is None


def test_without_fees_of_makers_both_sides_pay_the_same() -> None:
    market = the_market(read("kraken", pairs(XXBTZUSD=a_pair("fees_maker"))))
    assert (market.maker_fee, market.taker_fee) == (Decimal("0.004"), Decimal("0.004"))


def test_a_tokenised_share_is_equity_under_its_own_code() -> None:
    pair = a_pair(
        altname="AAPLxUSD", wsname="AAPLx/USD", base="AAPLx", aclass_base="tokenized_asset"
    )
    market = the_market(read("kraken", pairs(AAPLxUSD=pair | {"execution_venue": "international"})))
    assert market.base == Code("AAPLx")
    assert market.underlying_class is UnderlyingClassCode.EQUITY


def test_codes_are_read_by_the_answer_to_assets_if_it_is_given() -> None:
    assets = {"XNEW": {"aclass": "currency", "altname": "NEW"}}
    answers = pairs(XNEWZUSD=a_pair(base="XNEW")) | {"Assets": {"error": [], "result": assets}}
    assert the_market(read("kraken", answers)).base == Code("XNEW", "NEW")


def test_a_code_of_four_letters_is_not_shortened_for_its_first() -> None:
    market = the_market(read("kraken", pairs(ZETAUSD=a_pair(base="ZETA"))))
    assert market.base == Code("ZETA")


def test_assets_in_place_of_pairs_are_refused() -> None:
    with pytest.raises(UnusableAnswer, match="name it Assets"):
        read("kraken", pairs(XXBT={"aclass": "currency", "altname": "XBT"}))


def test_an_answer_for_some_pairs_says_nothing_about_others() -> None:
    found = read("kraken", {"AssetPairs?pair=XXBTZUSD": pairs(XXBTZUSD=XBTUSD)["AssetPairs"]})
    assert found.covers("XXBTZUSD", SymbolTypeCode.SPOT)
    assert not found.covers("XETHZUSD", SymbolTypeCode.SPOT)


def test_quantities_of_orders_count_the_base() -> None:
    """An order of 2 at 30,000 is 2 BTC, for 60,000 USD."""
    market = the_market(read("kraken", pairs(XXBTZUSD=XBTUSD)))
    assert base_quantity(market, "2", price="30000") == 2
