import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable

S = MarketStatusCode
XPRUSDT = {
    "symbol": "XPRUSDT",
    "status": "1",
    "baseAsset": "XPR",
    "baseAssetPrecision": 2,
    "quoteAsset": "USDT",
    "quotePrecision": 7,
    "quoteAssetPrecision": 7,
    "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "quoteAmountPrecision": "1",
    "baseSizePrecision": "0.001",
    "permissions": ["SPOT"],
    "filters": [
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "0.2",
            "askMultiplierDown": "0.2",
        }
    ],
    "maxQuoteAmount": "2000000",
    "makerCommission": "0",
    "takerCommission": "0.0005",
    "quoteAmountPrecisionMarket": "2",
    "maxQuoteAmountMarket": "100000",
    "fullName": "XPR Network",
    "tradeSideType": 1,
    "contractAddress": "eosio.token",
    "st": False,
}
CONTRACT = {
    "symbol": "BTC_USDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "futureType": 1,
    "contractSize": 0.0001,
    "maxLeverage": 500,
    "priceUnit": 0.1,
    "volUnit": 1,
    "minVol": 1,
    "maxVol": 400000,
    "limitMaxVol": 2500000,
    "bidLimitPriceRate": 0.1,
    "takerFeeRate": 0.0004,
    "makerFeeRate": 0.0001,
    "maintenanceMarginRate": 0.001,
    "initialMarginRate": 0.002,
    "state": 0,
    "apiAllowed": False,
    "createTime": 1591242684000,
    "openingTime": 0,
}


def at(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def a_symbol(**changes: Any) -> Market:
    return the_market(read("mexc", {"exchangeInfo": {"symbols": [{**XPRUSDT, **changes}]}}))


def a_contract(**changes: Any) -> Market:
    answer = {"success": True, "code": 0, "data": [{**CONTRACT, **changes}]}
    return the_market(read("mexc-contract", {"contract/detail": answer}))


def test_what_is_called_a_precision_is_a_minimum_and_the_counts_of_decimals_are_the_steps() -> None:
    assert a_symbol() == Market(
        spelling="XPRUSDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("XPR", name="XPR Network"),
        quote=Code("USDT"),
        status=S.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.0000001"),
        lot_size=Decimal("0.01"),
        min_order_size=Decimal("0.001"),
        min_notional=Decimal(1),
        market_min_notional=Decimal(2),
        max_notional=Decimal(2000000),
        market_max_notional=Decimal(100000),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
        permission_groups=(("SPOT",),),
        order_types=("LIMIT", "MARKET", "LIMIT_MAKER"),
    )


@pytest.mark.parametrize(
    ("word", "is_allowed", "side", "status"),
    [
        ("1", True, 1, S.ONLINE),
        ("ENABLED", True, 1, S.ONLINE),
        ("1", False, 1, S.HALTED),
        ("1", True, 3, S.SELL_ONLY),
        ("1", True, 4, S.HALTED),
        ("2", True, 4, S.HALTED),
        ("3", True, 1, S.DELISTED),
    ],
)
def test_a_symbol_has_the_status_of_its_words(
    word: str, is_allowed: bool, side: int, status: S
) -> None:
    found = a_symbol(status=word, isSpotTradingAllowed=is_allowed, tradeSideType=side)
    assert found.status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "4"},
        {"status": None},
        {"isSpotTradingAllowed": None},
        {"tradeSideType": 5},
        {"tradeSideType": 2},
        {"quotePrecision": 31},
        {"baseAsset": None},
    ],
)
def test_a_symbol_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    found = read("mexc", {"exchangeInfo": {"symbols": [{**XPRUSDT, **changes}]}})
    assert the_unreadable(found).reason


def test_bounds_of_prices_are_read_only_in_their_documented_form() -> None:
    part = {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5"}
    found = a_symbol(filters=[{**part, "askMultiplierDown": "0.2"}])
    assert (found.bid_multiplier_up, found.ask_multiplier_down) == (Decimal(5), Decimal("0.2"))
    assert a_symbol().bid_multiplier_up is None


def test_a_minimum_of_zero_is_none() -> None:
    assert a_symbol(baseSizePrecision="0").min_order_size is None


def test_ten_thousand_contracts_are_one_bitcoin() -> None:
    contract = a_contract()
    assert contract == Market(
        spelling="BTC_USDT",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        contract_kind=ContractKindCode.LINEAR,
        status=S.ONLINE,
        listed_at=at(1591242684000),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.0001"),
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1),
        min_order_size=Decimal(1),
        max_order_size=Decimal(2500000),
        market_max_size=Decimal(400000),
        maker_fee=Decimal("0.0001"),
        taker_fee=Decimal("0.0004"),
        max_leverage=Decimal(500),
        initial_margin_rate=Decimal("0.002"),
        maintenance_margin_rate=Decimal("0.001"),
    )
    assert contract.contract_size is not None
    assert 10000 * contract.contract_size == 1


@pytest.mark.parametrize(
    ("number", "status"),
    [(0, S.ONLINE), (1, S.SETTLING), (2, S.DELISTED), (3, S.DELISTED), (4, S.HALTED)],
)
def test_a_contract_has_the_status_of_its_state(number: int, status: S) -> None:
    assert a_contract(state=number).status is status


def test_a_contract_of_the_pre_market_is_one_while_it_is_enabled() -> None:
    assert a_contract(preMarket=True).status is S.PRE_MARKET
    assert a_contract(preMarket=True, state=4).status is S.HALTED


def test_a_contract_that_its_base_settles_is_inverse() -> None:
    contract = a_contract(
        symbol="BTC_USD", quoteCoin="USD", settleCoin="BTC", contractSize=100, limitMaxVol=None
    )
    assert contract.contract_kind is ContractKindCode.INVERSE
    assert (contract.contract_size, contract.max_order_size) == (Decimal(100), Decimal(400000))


def test_a_contract_of_a_stock_says_so() -> None:
    assert a_contract(typeLabel=2).underlying_class is UnderlyingClassCode.EQUITY


def test_a_contract_that_opens_later_says_when() -> None:
    assert a_contract(openingTime=1760440200000).trading_starts_at == at(1760440200000)


@pytest.mark.parametrize(
    "changes",
    [{"state": 5}, {"state": None}, {"futureType": 2}, {"futureType": None}, {"contractSize": 0}],
)
def test_a_contract_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    answer = {"success": True, "code": 0, "data": [{**CONTRACT, **changes}]}
    assert the_unreadable(read("mexc-contract", {"contract/detail": answer})).reason


def test_the_answer_about_one_contract_says_nothing_about_others() -> None:
    answer = {"success": True, "code": 0, "data": CONTRACT}
    found = read("mexc-contract", {"contract/detail?symbol=BTC_USDT": answer})
    assert found.covers("BTC_USDT", SymbolTypeCode.PERPETUAL)
    assert not found.covers("ETH_USDT", SymbolTypeCode.PERPETUAL)


def test_an_error_is_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="success"):
        read("mexc-contract", {"contract/detail": {"success": False, "code": 510}})
