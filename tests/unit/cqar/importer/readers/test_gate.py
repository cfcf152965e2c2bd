import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market, Scheduled
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable

S = MarketStatusCode
LIT_USDT = {
    "id": "LIT_USDT",
    "base": "LIT",
    "base_name": "Litentry",
    "quote": "USDT",
    "quote_name": "Tether",
    "fee": "0.2",
    "min_base_amount": "0.001",
    "min_quote_amount": "1.0",
    "max_base_amount": "10000",
    "max_quote_amount": "10000000",
    "amount_precision": 3,
    "precision": 6,
    "trade_status": "tradable",
    "sell_start": 1516378650,
    "buy_start": 1516378650,
    "delisting_time": 0,
    "trade_url": "https://www.gate.io/trade/LIT_USDT",
    "st_tag": False,
}
PEPE_USDT = {
    "name": "PEPE_USDT",
    "type": "direct",
    "quanto_multiplier": "10000000",
    "order_price_round": "0.000000001",
    "order_price_deviate": "0.5",
    "order_size_min": 1,
    "order_size_max": 1000000,
    "in_delisting": False,
    "position_size": 97937,
    "create_time": 1681909147,
    "leverage_max": "50",
    "maintenance_rate": "0.01",
    "maker_fee_rate": "-0.0001",
    "taker_fee_rate": "0.00075",
    "funding_interval": 28800,
}
OPTION = {
    "name": "BTC_USDT-20211126-65000-C",
    "underlying": "BTC_USDT",
    "is_call": True,
    "strike_price": "65000",
    "expiration_time": 1637913600,
    "create_time": 1636702700,
    "multiplier": "0.0001",
    "order_price_round": "0.1",
    "order_price_deviate": "0.5",
    "order_size_min": 1,
    "order_size_max": 100000,
    "maker_fee_rate": "0.0004",
    "taker_fee_rate": "0.0004",
}


def at(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def a_pair(**changes: Any) -> Market:
    return the_market(read("gate", {"spot/currency_pairs": [{**LIT_USDT, **changes}]}))


def no_pair(**changes: Any) -> str:
    record = {**LIT_USDT, **changes}
    return the_unreadable(read("gate", {"spot/currency_pairs": [record]})).reason


def a_contract(venue_id: str = "gate-usdt", **changes: Any) -> Market:
    _, product = venue_id.split("-", 1)
    name = product.replace("delivery-", "delivery/") if "delivery" in product else product
    return the_market(read(venue_id, {f"{name}/contracts": [{**PEPE_USDT, **changes}]}))


def no_contract(**changes: Any) -> str:
    answers = {"futures/usdt/contracts": [{**PEPE_USDT, **changes}]}
    return the_unreadable(read("gate-usdt", answers)).reason


def test_a_pair_has_its_names_its_fee_in_percent_and_its_counts_of_decimals() -> None:
    assert a_pair() == Market(
        spelling="LIT_USDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("LIT", name="Litentry"),
        quote=Code("USDT", name="Tether"),
        status=S.ONLINE,
        listed_at=at(1516378650),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.000001"),
        lot_size=Decimal("0.001"),
        min_order_size=Decimal("0.001"),
        max_order_size=Decimal(10000),
        min_notional=Decimal(1),
        market_min_notional=Decimal(1),
        max_notional=Decimal(10000000),
        market_max_notional=Decimal(10000000),
        maker_fee=Decimal("0.002"),
        taker_fee=Decimal("0.002"),
    )


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("tradable", "normal", S.ONLINE),
        ("tradable", "premarket", S.PRE_MARKET),
        ("untradable", "premarket", S.HALTED),
        ("sellable", "normal", S.SELL_ONLY),
    ],
)
def test_a_pair_has_the_status_of_its_words(word: str, kind: str, status: S) -> None:
    assert a_pair(trade_status=word, type=kind).status is status


def test_a_pair_that_is_only_open_for_buys_is_unreadable() -> None:
    assert "only buys" in no_pair(trade_status="buyable")


@pytest.mark.parametrize(
    "changes", [{"trade_status": "paused"}, {"trade_status": None}, {"type": None}, {"fee": "200"}]
)
def test_a_pair_with_an_unknown_word_or_an_impossible_fee_is_unreadable(
    changes: dict[str, Any],
) -> None:
    assert no_pair(**changes)


def test_a_pair_announces_its_end() -> None:
    assert a_pair(delisting_time=1700000000).ends_at == at(1700000000)


def test_the_start_of_buys_says_nothing_about_the_listing_of_a_pair_that_sells_already() -> None:
    pair = a_pair(trade_status="sellable", sell_start=0, buy_start=1619164800)
    assert (pair.listed_at, pair.trading_starts_at) == (None, at(1619164800))


def test_the_limits_of_market_orders_of_a_pair_are_apart() -> None:
    pair = a_pair(market_order_max_stock="50", market_order_max_money="70")
    assert (pair.market_max_size, pair.market_max_notional) == (Decimal(50), Decimal(70))


def test_three_contracts_of_pepe_are_thirty_million_pepe() -> None:
    pepe = a_contract()
    assert pepe == Market(
        spelling="PEPE_USDT",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("PEPE"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        contract_kind=ContractKindCode.LINEAR,
        status=S.ONLINE,
        listed_at=at(1681909147),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal(10000000),
        tick_size=Decimal("0.000000001"),
        lot_size=Decimal(1),
        min_order_size=Decimal(1),
        max_order_size=Decimal(1000000),
        bid_multiplier_up=Decimal("1.5"),
        bid_multiplier_down=Decimal("0.5"),
        ask_multiplier_up=Decimal("1.5"),
        ask_multiplier_down=Decimal("0.5"),
        maker_fee=Decimal("-0.0001"),
        taker_fee=Decimal("0.00075"),
        max_leverage=Decimal(50),
        maintenance_margin_rate=Decimal("0.01"),
        funding_interval_s=28800,
    )
    assert pepe.contract_size is not None
    assert 3 * pepe.contract_size == Decimal(30000000)


def test_an_inverse_contract_whose_multiplier_takes_no_effect_counts_dollars() -> None:
    answers = {"futures/btc/contracts": [{**PEPE_USDT, "name": "BTC_USD", "type": "inverse"}]}
    answers["futures/btc/contracts"][0]["quanto_multiplier"] = "0"
    contract = the_market(read("gate-btc", answers))
    assert contract.settlement == Code("BTC")
    assert contract.contract_kind is ContractKindCode.INVERSE
    assert (contract.order_unit, contract.contract_size) == (OrderUnitCode.QUOTE, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"quanto_multiplier": "0"},
        {"order_price_round": "0"},
        {"type": "inverse"},
        {"type": "quanto"},
        {"status": "suspend"},
        {"status": None},
        {"in_delisting": None},
        {"contract_type": "bonds"},
        {"name": "PEPEUSDT"},
        {"funding_interval": "0.5"},
    ],
)
def test_a_contract_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    assert no_contract(**changes)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("prelaunch", S.PREOPEN),
        ("trading", S.ONLINE),
        ("delisting", S.REDUCE_ONLY),
        ("delisted", S.DELISTED),
        ("circuit_breaker", S.HALTED),
    ],
)
def test_a_contract_has_the_status_of_its_word(word: str, status: S) -> None:
    assert a_contract(status=word).status is status


def test_a_contract_of_the_pre_market_is_one_while_it_trades() -> None:
    assert a_contract(status="trading", is_pre_market=True).status is S.PRE_MARKET
    assert a_contract(status="delisting", is_pre_market=True).status is S.REDUCE_ONLY


@pytest.mark.parametrize(("position", "status"), [(50418, S.REDUCE_ONLY), (0, S.DELISTED)])
def test_without_a_status_a_delisting_is_over_when_no_position_is_left(
    position: int, status: S
) -> None:
    assert a_contract(in_delisting=True, position_size=position).status is status


def test_a_contract_announces_when_it_only_reduces_and_when_it_ends() -> None:
    contract = a_contract(status="trading", delisting_time=1700000000, delisted_time=1700086400)
    assert contract.scheduled == (Scheduled(at(1700000000), "status", "REDUCE_ONLY"),)
    assert (contract.ends_at, contract.delisted_at) == (at(1700086400), None)


def test_a_contract_that_is_over_says_when() -> None:
    contract = a_contract(status="delisted", delisting_time=1700000000, delisted_time=1700086400)
    assert (contract.delisted_at, contract.ends_at, contract.scheduled) == (
        at(1700086400),
        None,
        (),
    )


def test_a_contract_says_when_it_was_made_and_when_trading_starts() -> None:
    contract = a_contract(launch_time=1681920000)
    assert (contract.listed_at, contract.trading_starts_at) == (at(1681909147), at(1681920000))
    assert a_contract(create_time=0, launch_time=1681920000).listed_at == at(1681920000)


@pytest.mark.parametrize(
    ("word", "class_", "underlying"),
    [
        ("", None, None),
        ("stocks", UnderlyingClassCode.EQUITY, None),
        ("metals", UnderlyingClassCode.COMMODITY, None),
        ("indices", UnderlyingClassCode.INDEX, "PEPE"),
        ("forex", UnderlyingClassCode.FX, None),
    ],
)
def test_a_contract_says_what_its_price_is_of(
    word: str, class_: UnderlyingClassCode | None, underlying: str | None
) -> None:
    contract = a_contract(contract_type=word)
    assert (contract.underlying_class, contract.underlying) == (class_, underlying)


def test_the_step_of_decimal_sizes_is_not_stated() -> None:
    contract = a_contract(enable_decimal=True, market_order_size_max="300000")
    assert (contract.lot_size, contract.market_max_size) == (None, Decimal(300000))


def test_no_lower_bound_of_prices_follows_from_a_deviation_of_all() -> None:
    contract = a_contract(order_price_deviate="1")
    assert (contract.bid_multiplier_up, contract.bid_multiplier_down) == (Decimal(2), None)


def test_a_delivery_contract_expires() -> None:
    changes = {"name": "BTC_USDT_20200703", "underlying": "BTC_USDT", "expire_time": 1593763200}
    answers = {"delivery/usdt/contracts": [{**PEPE_USDT, **changes, "cycle": "WEEKLY"}]}
    contract = the_market(read("gate-delivery-usdt", answers))
    assert contract.symbol_type is SymbolTypeCode.FUTURE
    assert (contract.base, contract.expiry) == (Code("BTC"), at(1593763200))
    assert contract.underlying == "BTC_USDT"


def test_a_delivery_contract_without_an_expiry_is_unreadable() -> None:
    answers = {"delivery/usdt/contracts": [{**PEPE_USDT, "name": "BTC_USDT_20200703"}]}
    assert "expire_time" in the_unreadable(read("gate-delivery-usdt", answers)).reason


def test_two_contracts_of_an_option_are_two_ten_thousandths_of_a_bitcoin() -> None:
    option = the_market(read("gate-options", {"options/contracts?underlying=BTC_USDT": [OPTION]}))
    assert option == Market(
        spelling="BTC_USDT-20211126-65000-C",
        symbol_type=SymbolTypeCode.OPTION,
        base=Code("BTC"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        underlying="BTC_USDT",
        contract_kind=ContractKindCode.LINEAR,
        expiry=at(1637913600),
        strike=Decimal(65000),
        option_type=OptionTypeCode.CALL,
        listed_at=at(1636702700),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.0001"),
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1),
        min_order_size=Decimal(1),
        max_order_size=Decimal(100000),
        maker_fee=Decimal("0.0004"),
        taker_fee=Decimal("0.0004"),
    )
    assert option.contract_size is not None
    assert 2 * option.contract_size == Decimal("0.0002")


def test_options_of_one_underlying_say_nothing_about_another() -> None:
    found = read("gate-options", {"options/contracts?underlying=BTC_USDT": [OPTION]})
    assert found.covers("BTC_USDT-20211126-70000-P", SymbolTypeCode.OPTION)
    assert not found.covers("ETH_USDT-20211126-4000-P", SymbolTypeCode.OPTION)


def test_an_error_is_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        read("gate", {"spot/currency_pairs": {"label": "SERVER_ERROR", "message": "busy"}})
