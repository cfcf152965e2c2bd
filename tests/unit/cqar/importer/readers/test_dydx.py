from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)
from tests.support.venue_readings import base_quantity, read, the_market, the_unreadable

GIGA = "GIGA,RAYDIUM,63LFDMNB3MQ8MW9MTZ2TO9BEA2M71KZUUGQ5TIJXCQJ9-USD"
BTC_USD = {
    "clobPairId": "0",
    "ticker": "BTC-USD",
    "status": "ACTIVE",
    "oraclePrice": "89919.2",
    "initialMarginFraction": "0.02",
    "maintenanceMarginFraction": "0.012",
    "atomicResolution": -10,
    "quantumConversionExponent": -9,
    "tickSize": "1",
    "stepSize": "0.0001",
    "stepBaseQuantums": 1000000,
    "subticksPerTick": 100000,
    "marketType": "CROSS",
}
BTC_USD_OF_V3 = {
    "market": "BTC-USD",
    "status": "ONLINE",
    "baseAsset": "BTC",
    "quoteAsset": "USD",
    "stepSize": "0.0001",
    "tickSize": "1",
    "minOrderSize": "0.001",
    "type": "PERPETUAL",
    "initialMarginFraction": "0.04",
    "maintenanceMarginFraction": "0.03",
    "maxPositionSize": "170",
}


def perpetuals(**changes: Any) -> dict[str, Any]:
    record = BTC_USD | changes
    return {"perpetualMarkets": {"markets": {record["ticker"]: record}}}


def test_a_perpetual_is_read_whole() -> None:
    assert the_market(read("dydx", perpetuals())) == Market(
        spelling="BTC-USD",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USD", "USDC"),
        settlement=Code("USD", "USDC"),
        contract_kind=ContractKindCode.LINEAR,
        status=MarketStatusCode.ONLINE,
        aliases=(Alias("0", SpellingChannelCode.ID),),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal(1),
        lot_size=Decimal("0.0001"),
        initial_margin_rate=Decimal("0.02"),
        maintenance_margin_rate=Decimal("0.012"),
    )


def test_a_market_of_v3_is_read() -> None:
    market = the_market(read("dydx", {"v3/markets": {"markets": {"BTC-USD": BTC_USD_OF_V3}}}))
    assert market.min_order_size == Decimal("0.001")
    assert market.initial_margin_rate == Decimal("0.04")
    assert market.aliases == ()


def test_a_mint_in_capitals_is_no_part_of_the_ticker() -> None:
    market = the_market(read("dydx", perpetuals(ticker=GIGA, tickSize="0.00001", stepSize="10")))
    assert market.spelling == GIGA
    assert market.base.ticker == "GIGA"
    assert market.lot_size == Decimal(10)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PAUSED", MarketStatusCode.HALTED),
        ("CANCEL_ONLY", MarketStatusCode.CANCEL_ONLY),
        ("POST_ONLY", MarketStatusCode.POST_ONLY),
        ("INITIALIZING", MarketStatusCode.PREOPEN),
        ("FINAL_SETTLEMENT", MarketStatusCode.SETTLING),
    ],
)
def test_every_word_of_status_has_its_meaning(word: str, status: MarketStatusCode) -> None:
    assert the_market(read("dydx", perpetuals(status=word))).status is status


@pytest.mark.parametrize(
    "change",
    [
        {"status": "OFFLINE"},
        {"status": None},
        {"ticker": "BTC-EUR"},
        {"ticker": "BTC"},
        {"ticker": ",X-USD"},
        {"stepSize": "0"},
        {"initialMarginFraction": "2"},
    ],
)
def test_what_is_not_known_makes_the_record_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("dydx", perpetuals(**change)))


@pytest.mark.parametrize("envelope", ["result", "contents"])
def test_an_envelope_around_the_answer_is_opened(envelope: str) -> None:
    answers = {"perpetualMarkets": {envelope: perpetuals()["perpetualMarkets"]}}
    assert the_market(read("dydx", answers)).spelling == "BTC-USD"


def test_links_of_the_web_site_are_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="no markets"):
        read("dydx", {"perpetualMarkets": {"BTC-USD": {"name": "Bitcoin", "tags": []}}})


def test_an_answer_for_one_market_says_nothing_about_others() -> None:
    found = read("dydx", {"perpetualMarkets?market=BTC-USD": perpetuals()["perpetualMarkets"]})
    assert found.covers("BTC-USD", SymbolTypeCode.PERPETUAL)
    assert not found.covers("ETH-USD", SymbolTypeCode.PERPETUAL)


def test_quantities_of_orders_count_the_base() -> None:
    """An order of 0.5 at 90,000 is 0.5 BTC, 45,000 USDC."""
    market = the_market(read("dydx", perpetuals()))
    assert base_quantity(market, "0.5", price="90000") == Decimal("0.5")
