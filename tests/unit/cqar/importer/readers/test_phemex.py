from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

INVERSE: dict[str, Any] = {
    "symbol": "BTCUSD",
    "code": 1,
    "type": "Perpetual",
    "displaySymbol": "BTC / USD",
    "indexSymbol": ".BTC",
    "markSymbol": ".MBTC",
    "fundingRateSymbol": ".BTCFR",
    "fundingRate8hSymbol": ".BTCFR8H",
    "contractUnderlyingAssets": "USD",
    "settleCurrency": "BTC",
    "quoteCurrency": "USD",
    "contractSize": 1.0,
    "lotSize": 1,
    "tickSize": 0.5,
    "priceScale": 4,
    "ratioScale": 8,
    "pricePrecision": 1,
    "minPriceEp": 5000,
    "maxPriceEp": 10000000000,
    "maxOrderQty": 1000000,
    "status": "Listed",
    "tipOrderQty": 1000000,
    "listTime": 1574650800000,
    "majorSymbol": True,
    "defaultLeverage": "-10",
    "fundingInterval": 28800,
    "maxLeverage": 100,
}
LINEAR_OF_2019 = INVERSE | {
    "symbol": "LINKUSD",
    "displaySymbol": "LINK / USD",
    "contractUnderlyingAssets": "LINK",
    "settleCurrency": "USD",
    "contractSize": 0.1,
}
SPOT: dict[str, Any] = {
    "symbol": "sBTCUSDT",
    "type": "Spot",
    "displaySymbol": "BTC / USDT",
    "quoteCurrency": "USDT",
    "priceScale": 8,
    "baseCurrency": "BTC",
    "baseTickSize": "0.000001 BTC",
    "quoteTickSize": "0.01 USDT",
    "minOrderValue": "10 USDT",
    "maxBaseOrderSize": "1000 BTC",
    "maxOrderValue": "5,000,000 USDT",
    "defaultTakerFee": "0.001",
    "defaultMakerFee": "0.0005",
    "status": "Listed",
    "listTime": 1589338800000,
    "buyPriceUpperLimitPct": 110,
    "sellPriceLowerLimitPct": 90,
    "leverage": 5,
}
V2: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "type": "PerpetualV2",
    "displaySymbol": "BTC / USDT",
    "indexSymbol": ".BTCUSDT",
    "contractUnderlyingAssets": "BTC",
    "settleCurrency": "USDT",
    "quoteCurrency": "USDT",
    "baseCurrency": "BTC",
    "tickSize": "0.1",
    "priceScale": 0,
    "status": "Listed",
    "listTime": 1668225600000,
    "fundingInterval": 28800,
    "maxLeverage": 100,
    "maxOrderQtyRq": "1000",
    "maxPriceRp": "2000000000",
    "minOrderValueRv": "1",
    "minPriceRp": "1000.0",
    "qtyStepSize": "0.001",
}
TIER = {"limit": 100, "initialMargin": "1.0%", "maintenanceMargin": "0.5%"}
TIER_V2 = {"limit": 2000000, "initialMarginRr": "0.01", "maintenanceMarginRr": "0.005"}


def read(record: dict[str, Any], **changes: Any) -> Any:
    newer = record["type"] == "PerpetualV2"
    data = {
        "currencies": [{"currency": "BTC", "name": "Bitcoin"}],
        "products": [] if newer else [record | changes],
        "perpProductsV2": [record | changes] if newer else [],
        "riskLimits": [{"symbol": "BTCUSD", "riskLimits": [TIER]}],
        "riskLimitsV2": [{"symbol": "BTCUSDT", "riskLimits": [TIER_V2]}],
    }
    return reading_of("phemex", public__products={"code": 0, "data": data})


def test_spot_is_read_whole() -> None:
    assert the_market(read(SPOT)) == Market(
        spelling="sBTCUSDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC", name="Bitcoin"),
        quote=Code("USDT"),
        status=MarketStatusCode.ONLINE,
        listed_at=dt.datetime(2020, 5, 13, 3, tzinfo=dt.UTC),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.000001"),
        max_order_size=Decimal(1000),
        min_notional=Decimal(10),
        max_notional=Decimal(5_000_000),
        market_min_notional=Decimal(10),
        market_max_notional=Decimal(5_000_000),
        bid_multiplier_up=Decimal("1.1"),
        ask_multiplier_down=Decimal("0.9"),
        maker_fee=Decimal("0.0005"),
        taker_fee=Decimal("0.001"),
        max_leverage=Decimal(5),
    )


def test_an_inverse_contract_counts_dollars_and_its_prices_are_scaled() -> None:
    found = the_market(read(INVERSE))
    assert (found.base, found.settlement) == (Code("BTC"), Code("BTC"))
    assert found.contract_kind is ContractKindCode.INVERSE
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.CONTRACT, Decimal(1))
    assert (found.min_price, found.max_price) == (Decimal("0.5"), Decimal(1_000_000))
    assert (found.initial_margin_rate, found.maintenance_margin_rate) == (
        Decimal("0.01"),
        Decimal("0.005"),
    )
    assert (found.underlying, found.funding_interval_s) == (".BTC", 28_800)
    assert found.contract_size is not None
    assert 100 * found.contract_size / Decimal(20_000) == Decimal("0.005"), "BTC in 100 contracts"


def test_a_linear_contract_of_2019_counts_units_of_its_base() -> None:
    found = the_market(read(LINEAR_OF_2019))
    assert (found.contract_kind, found.settlement) == (ContractKindCode.LINEAR, Code("USD"))
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.CONTRACT, Decimal("0.1"))


def test_a_contract_of_2022_is_ordered_in_its_base() -> None:
    found = the_market(read(V2))
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.BASE, None)
    assert (found.contract_kind, found.settlement) == (ContractKindCode.LINEAR, Code("USDT"))
    assert (found.tick_size, found.lot_size) == (Decimal("0.1"), Decimal("0.001"))
    assert (found.min_price, found.max_price) == (Decimal(1000), Decimal(2_000_000_000))
    assert (found.min_notional, found.max_order_size) == (Decimal(1), Decimal(1000))
    assert found.initial_margin_rate == Decimal("0.01")
    assert found.maintenance_margin_rate == Decimal("0.005")
    assert found.base == Code("BTC", name="Bitcoin")


def test_a_stated_multiple_is_the_coin_and_the_factor() -> None:
    changes = {"baseCurrency": "1000 SHIB", "contractUnderlyingAssets": "1000 SHIB"}
    found = the_market(read(V2, **changes))
    assert (found.base, found.multiple_of) == (Code("1000 SHIB"), Code("SHIB"))
    assert found.unit_multiplier == Decimal(1000)
    former = {"displaySymbol": "1000 SHIB / USD", "contractUnderlyingAssets": "1000 SHIB"}
    assert the_market(read(LINEAR_OF_2019, **former)).multiple_of == Code("SHIB")
    alone = the_market(read(V2, baseCurrency="1000X", contractUnderlyingAssets="1000X"))
    assert (alone.unit_multiplier, alone.multiple_of) == (None, None)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("Normal", "Listed", MarketStatusCode.ONLINE),
        ("TradFi", "Listed", MarketStatusCode.ONLINE),
        ("PreMarket", "Listed", MarketStatusCode.PRE_MARKET),
        ("PreMarket", "Delisted", MarketStatusCode.DELISTED),
    ],
)
def test_a_kind_may_be_one_of_pre_market_trading(
    kind: str, status: str, expected: MarketStatusCode
) -> None:
    found = the_market(read(V2, perpProductSubType=kind, status=status))
    assert (found.status, found.underlying_class) == (expected, None)


def test_a_delisted_product_is_over() -> None:
    assert the_market(read(SPOT, status="Delisted")).status is MarketStatusCode.DELISTED


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [
        (SPOT, {"status": "Paused"}, "status is 'Paused'"),
        (SPOT, {"type": "Move"}, "type is 'Move'"),
        (SPOT, {"baseTickSize": "0 BTC"}, "baseTickSize is 0 BTC"),
        (SPOT, {"quoteTickSize": "0.01 USD"}, "not an amount in USDT"),
        (SPOT, {"buyPriceUpperLimitPct": 0}, "buyPriceUpperLimitPct is 0"),
        (INVERSE, {"contractUnderlyingAssets": "EUR"}, "contractUnderlyingAssets is 'EUR'"),
        (INVERSE, {"settleCurrency": "ETH"}, "neither quote nor base"),
        (INVERSE, {"contractSize": None}, "contractSize is not stated"),
        (INVERSE, {"priceScale": 99}, "priceScale is 99"),
        (V2, {"qtyStepSize": "0"}, "qtyStepSize is 0"),
        (V2, {"perpProductSubType": "Odd"}, "perpProductSubType is 'Odd'"),
    ],
)
def test_what_cannot_be_read_is_unreadable(
    record: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert reason in the_reason(read(record, **changes))


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no data.products"):
        reading_of("phemex", public__products={"code": 10500, "msg": "OVER LIMIT", "data": None})
