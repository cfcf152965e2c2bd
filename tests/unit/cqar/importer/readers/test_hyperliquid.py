from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)
from tests.support.venue_readings import base_quantity, read, the_market, the_unreadable

USDC = {
    "name": "USDC",
    "szDecimals": 8,
    "weiDecimals": 8,
    "index": 0,
    "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
    "isCanonical": True,
    "evmContract": None,
    "fullName": None,
    "deployerTradingFeeShare": "0.0",
}
PUMP = USDC | {
    "name": "PUMP",
    "szDecimals": 0,
    "index": 26,
    "tokenId": "0xefa7e286b99ea49ce6a21d21bb41636f",
    "isCanonical": False,
}
UPUMP = PUMP | {
    "name": "UPUMP",
    "index": 299,
    "tokenId": "0x544e60f98a36d7b22c0fb5824b84f795",
    "fullName": "Unit Pump Fun",
}
USDH = USDC | {"name": "USDH", "index": 360, "tokenId": "0x168"}
PAIRS = [
    {"tokens": [26, 0], "name": "@20", "index": 20, "isCanonical": False},
    {"tokens": [299, 0], "name": "@188", "index": 188, "isCanonical": False},
]
#: Places in the list are other than the indices: tokens are meant by index.
SPOT = {"universe": PAIRS, "tokens": [USDH, UPUMP, USDC, PUMP]}
BTC = {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56}
META = {"universe": [BTC], "marginTables": [], "collateralToken": 0}
US500 = {"growthMode": "enabled", "maxLeverage": 20, "name": "km:US500", "szDecimals": 3}
ALL = [META, {"collateralToken": 360, "marginTables": [], "universe": [US500]}]


def meta(**changes: Any) -> dict[str, Any]:
    return {"info?type=meta": META | {"universe": [BTC | changes]}}


def test_a_perpetual_is_read_whole() -> None:
    usdc = Code("USDC")
    assert the_market(read("hyperliquid", meta())) == Market(
        spelling="BTC",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=usdc,
        settlement=usdc,
        contract_kind=ContractKindCode.LINEAR,
        aliases=(Alias("0", SpellingChannelCode.ID),),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.1"),
        price_significant_digits=5,
        lot_size=Decimal("0.00001"),
        max_leverage=Decimal(40),
    )


def test_quantities_of_orders_count_the_base() -> None:
    """An order of 0.5 is 0.5 BTC: there are no contracts."""
    market = the_market(read("hyperliquid", meta()))
    assert base_quantity(market, "0.5", price="90000") == Decimal("0.5")


def test_spot_pairs_mean_tokens_by_index() -> None:
    found = read("hyperliquid", {"info?type=spotMeta": SPOT})
    pump, unit = found.markets
    assert (pump.spelling, pump.base.ticker, pump.quote.ticker) == ("@20", "PUMP", "USDC")
    assert (unit.base.ticker, unit.base.name) == ("UPUMP", "Unit Pump Fun")
    assert pump.lot_size == Decimal(1)
    assert pump.tick_size == Decimal("0.00000001")
    assert pump.aliases == (Alias("10020", SpellingChannelCode.ID),)
    assert unit.aliases == (Alias("10188", SpellingChannelCode.ID),)


def test_a_token_of_anybody_has_another_code_than_the_perpetual() -> None:
    """Spot PUMP is a stranger's token; the perpetual PUMP is pump.fun's."""
    answers = meta(name="PUMP") | {"info?type=spotMeta": SPOT}
    perpetual, token, _ = read("hyperliquid", answers).markets
    assert perpetual.base == Code("PUMP")
    assert token.base == Code("PUMP:0xefa7e286b99ea49ce6a21d21bb41636f", "PUMP")


def test_each_exchange_takes_its_own_part_of_an_answer_for_all() -> None:
    answers = {"info?type=allPerpMetas": ALL, "info?type=spotMeta": {**SPOT, "universe": []}}
    assert the_market(read("hyperliquid", answers)).spelling == "BTC"
    market = the_market(read("hyperliquid-km", answers))
    assert market.spelling == "km:US500"
    assert market.base == Code("km:US500", "US500")
    assert market.settlement == Code("USDH")
    assert market.underlying_class is None
    assert market.aliases == ()


def test_asset_ids_of_a_builder_need_the_list_of_exchanges() -> None:
    answers = {
        "info?type=allPerpMetas": ALL,
        "info?type=spotMeta": SPOT,
        "info?type=perpDexs": [None, {"name": "xyz"}, {"name": "km"}],
    }
    market = the_market(read("hyperliquid-km", answers))
    assert market.aliases == (Alias("120000", SpellingChannelCode.ID),)


def test_collateral_that_is_not_token_zero_needs_the_tokens() -> None:
    with pytest.raises(UnusableAnswer, match="type=spotMeta"):
        read("hyperliquid-km", {"info?type=allPerpMetas": ALL})


def test_states_of_markets_may_stand_beside_the_meta() -> None:
    answers = {
        "info?type=metaAndAssetCtxs": [META, [{"markPx": "1"}]],
        "info?type=spotMetaAndAssetCtxs": [SPOT, []],
    }
    found = read("hyperliquid", answers)
    assert [market.spelling for market in found.markets] == ["BTC", "@20", "@188"]


@pytest.mark.parametrize(
    ("is_delisted", "status"),
    [(True, MarketStatusCode.DELISTED), (False, MarketStatusCode.ONLINE), (None, None)],
)
def test_a_coin_says_only_whether_it_is_delisted(
    is_delisted: bool | None,
    status: MarketStatusCode | None,
) -> None:
    market = the_market(read("hyperliquid", meta(isDelisted=is_delisted, onlyIsolated=True)))
    assert market.status is status


def test_a_multiple_is_not_stated_to_be_one() -> None:
    market = the_market(read("hyperliquid", meta(name="kPEPE", szDecimals=0)))
    assert market.base == Code("kPEPE")
    assert (market.unit_multiplier, market.multiple_of) == (None, None)


@pytest.mark.parametrize("change", [{"szDecimals": None}, {"szDecimals": 1.5}, {"name": ""}])
def test_what_is_not_known_makes_the_record_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("hyperliquid", meta(**change)))


def test_a_pair_of_an_unknown_token_is_unreadable() -> None:
    spot = {"universe": PAIRS[:1], "tokens": [PUMP]}
    assert "tokens" in the_unreadable(read("hyperliquid", {"info?type=spotMeta": spot})).reason


@pytest.mark.parametrize(
    ("venue_id", "answers"),
    [
        ("hyperliquid", {"info?type=meta": ALL[1]}),
        ("hyperliquid-km", {"info?type=meta": META}),
        ("hyperliquid", {"info?type=meta": SPOT}),
        ("hyperliquid", {"info?type=spotMeta": META}),
        ("hyperliquid", {"info?type=allPerpMetas": META}),
    ],
)
def test_an_answer_under_another_name_is_refused(venue_id: str, answers: dict[str, Any]) -> None:
    with pytest.raises(UnusableAnswer):
        read(venue_id, answers)


def test_an_answer_covers_its_own_type() -> None:
    found = read("hyperliquid", meta())
    assert found.covers("ETH", SymbolTypeCode.PERPETUAL)
    assert not found.covers("@1", SymbolTypeCode.SPOT)


def test_a_builders_exchange_is_a_product_line_by_its_name() -> None:
    line = product_line_of("hyperliquid-xyz-testnet")
    assert line is not None
    assert line.environment is EnvironmentCode.TESTNET
    assert line.requests[0].query == (("type", "meta"), ("dex", "xyz"))
    assert line.requests[0].is_post
    assert product_line_of("hyperliquid-Not A Name") is None
