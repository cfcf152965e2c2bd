import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market, Phase
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable

S = MarketStatusCode
SYMBOL = {
    "symbol": "BCHSV-USDT",
    "name": "BSV-USDT",
    "baseCurrency": "BSV",
    "quoteCurrency": "USDT",
    "feeCurrency": "USDT",
    "market": "USDS",
    "baseMinSize": "0.001",
    "quoteMinSize": "0.1",
    "baseMaxSize": "10000000000",
    "quoteMaxSize": "99999999",
    "baseIncrement": "0.0001",
    "quoteIncrement": "0.000001",
    "priceIncrement": "0.01",
    "priceLimitRate": "0.1",
    "minFunds": "0.2",
    "isMarginEnabled": True,
    "enableTrading": True,
    "callauctionIsEnabled": False,
    "callauctionFirstStageStartTime": None,
    "tradingStartTime": None,
}
XBTUSDTM = {
    "symbol": "XBTUSDTM",
    "type": "FFWCSX",
    "firstOpenDate": 1585555200000,
    "expireDate": None,
    "settleDate": None,
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "maxOrderQty": 1000000,
    "maxPrice": 1000000,
    "lotSize": 1,
    "tickSize": 0.1,
    "multiplier": 0.001,
    "initialMargin": 0.008,
    "maintainMargin": 0.004,
    "makerFeeRate": 0.0002,
    "takerFeeRate": 0.0006,
    "isQuanto": True,
    "isInverse": False,
    "indexSymbol": ".KXBTUSDT",
    "status": "Open",
    "fundingRateGranularity": 28800000,
    "maxLeverage": 125,
}


def at(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def answer(record: dict[str, Any]) -> dict[str, Any]:
    return {"code": "200000", "data": [record]}


def a_symbol(**changes: Any) -> Market:
    return the_market(read("kucoin", {"v2/symbols": answer({**SYMBOL, **changes})}))


def a_contract(**changes: Any) -> Market:
    return the_market(read("kucoin-futures", {"contracts/active": answer({**XBTUSDTM, **changes})}))


def no_contract(**changes: Any) -> str:
    answers = {"contracts/active": answer({**XBTUSDTM, **changes})}
    return the_unreadable(read("kucoin-futures", answers)).reason


def test_the_base_of_a_symbol_is_its_base_currency_whatever_its_spelling() -> None:
    assert a_symbol() == Market(
        spelling="BCHSV-USDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BSV"),
        quote=Code("USDT"),
        status=S.ONLINE,
        aliases=(Alias("BSV-USDT"),),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.0001"),
        min_order_size=Decimal("0.001"),
        max_order_size=Decimal(10000000000),
        min_notional=Decimal("0.2"),
        market_min_notional=Decimal("0.1"),
        market_max_notional=Decimal(99999999),
    )


def test_a_symbol_of_version_1_states_no_minimum_of_funds_but_that_of_market_orders() -> None:
    record = {key: value for key, value in SYMBOL.items() if key not in ("minFunds", "name")}
    market = the_market(read("kucoin", {"v1/symbols": answer(record)}))
    assert (market.min_notional, market.market_min_notional) == (None, Decimal("0.1"))


@pytest.mark.parametrize(
    ("is_enabled", "is_in_auction", "status"),
    [
        (True, False, S.ONLINE),
        (False, False, S.HALTED),
        (True, True, S.AUCTION),
        (False, True, S.PREOPEN),
    ],
)
def test_a_symbol_has_the_status_of_its_switches(
    is_enabled: bool, is_in_auction: bool, status: S
) -> None:
    found = a_symbol(enableTrading=is_enabled, callauctionIsEnabled=is_in_auction)
    assert found.status is status


def test_the_stages_of_an_auction_end_where_the_next_begins() -> None:
    found = a_symbol(
        callauctionIsEnabled=True,
        callauctionFirstStageStartTime=1700000000000,
        callauctionSecondStageStartTime=1700000600000,
        callauctionThirdStageStartTime=1700000900000,
        tradingStartTime=1700001000000,
    )
    assert found.phases == (
        Phase(S.AUCTION, at(1700000000000), at(1700000600000)),
        Phase(S.AUCTION, at(1700000600000), at(1700000900000)),
        Phase(S.AUCTION, at(1700000900000), at(1700001000000)),
    )
    assert (found.listed_at, found.trading_starts_at) == (None, at(1700001000000))


def test_without_an_auction_a_symbol_is_listed_when_its_trading_starts() -> None:
    assert a_symbol(tradingStartTime=1700001000000).listed_at == at(1700001000000)


@pytest.mark.parametrize(
    "changes", [{"enableTrading": None}, {"priceIncrement": "0"}, {"baseCurrency": ""}]
)
def test_a_symbol_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    found = read("kucoin", {"v2/symbols": answer({**SYMBOL, **changes})})
    assert the_unreadable(found).reason


def test_a_thousand_lots_of_a_contract_are_one_bitcoin() -> None:
    contract = a_contract()
    assert contract == Market(
        spelling="XBTUSDTM",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("XBT", "BTC"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        underlying=".KXBTUSDT",
        contract_kind=ContractKindCode.LINEAR,
        status=S.ONLINE,
        listed_at=at(1585555200000),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1),
        max_order_size=Decimal(1000000),
        max_price=Decimal(1000000),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0006"),
        max_leverage=Decimal(125),
        initial_margin_rate=Decimal("0.008"),
        maintenance_margin_rate=Decimal("0.004"),
        funding_interval_s=28800,
    )
    assert contract.contract_size is not None
    assert 1000 * contract.contract_size == 1


def test_the_multiplier_of_an_inverse_contract_is_negative_and_one_lot_is_a_dollar() -> None:
    contract = a_contract(
        symbol="XBTUSDM",
        quoteCurrency="USD",
        settleCurrency="XBT",
        isInverse=True,
        multiplier=-1.0,
    )
    assert contract.contract_kind is ContractKindCode.INVERSE
    assert (contract.settlement, contract.contract_size) == (Code("XBT", "BTC"), Decimal(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"multiplier": -0.001},
        {"multiplier": 0},
        {"lotSize": 0},
        {"isInverse": True},
        {"type": "FFXXXX"},
        {"type": "FFICSX"},
        {"status": "Frozen"},
        {"status": None},
        {"marketStage": "POST_MARKET"},
        {"assetClass": "BOND"},
        {"fundingRateGranularity": 1},
    ],
)
def test_a_contract_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    assert no_contract(**changes)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Init", S.PREOPEN),
        ("Open", S.ONLINE),
        ("BeingSettled", S.SETTLING),
        ("Settled", S.DELISTED),
        ("Paused", S.HALTED),
        ("Closed", S.DELISTED),
        ("CancelOnly", S.CANCEL_ONLY),
    ],
)
def test_a_contract_has_the_status_of_its_word(word: str, status: S) -> None:
    assert a_contract(status=word).status is status


def test_a_contract_of_the_pre_market_is_one_while_it_is_open() -> None:
    assert a_contract(marketStage="PRE_MARKET").status is S.PRE_MARKET
    assert a_contract(marketStage="PRE_MARKET", status="Paused").status is S.HALTED


def test_a_contract_of_a_stock_says_so() -> None:
    assert a_contract(assetClass="STOCK").underlying_class is UnderlyingClassCode.EQUITY
    assert a_contract(assetClass="CRYPTO").underlying_class is UnderlyingClassCode.CRYPTO


def test_a_future_expires_and_a_perpetual_with_a_date_ends() -> None:
    future = a_contract(type="FFICSX", expireDate=1711699200000, fundingRateGranularity=None)
    assert (future.expiry, future.ends_at) == (at(1711699200000), None)
    perpetual = a_contract(expireDate=1711699200000)
    assert (perpetual.expiry, perpetual.ends_at) == (None, at(1711699200000))


def test_prices_may_deviate_from_the_mark_price_by_a_stated_range() -> None:
    contract = a_contract(orderPriceRange=0.05, buyLimit=90700.7115, sellLimit=82062.5485)
    assert (contract.bid_multiplier_up, contract.ask_multiplier_down) == (
        Decimal("1.05"),
        Decimal("0.95"),
    )


def test_the_funding_interval_is_that_of_now() -> None:
    contract = a_contract(currentFundingRateGranularity=14400000)
    assert contract.funding_interval_s == 14400


def test_an_error_is_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="Too many"):
        read("kucoin", {"v2/symbols": {"code": "429000", "msg": "Too many requests"}})
