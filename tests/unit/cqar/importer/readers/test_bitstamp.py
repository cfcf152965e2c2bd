from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

PAIR: dict[str, Any] = {
    "trading": "Enabled",
    "base_decimals": 8,
    "url_symbol": "btcusd",
    "name": "BTC/USD",
    "instant_and_market_orders": "Disabled",
    "minimum_order": "20.0 USD",
    "counter_decimals": 2,
    "description": "Bitcoin / U.S. dollar",
}
PERPETUAL: dict[str, Any] = {
    "name": "BTC/USD-PERP",
    "market_symbol": "btcusd-perp",
    "base_currency": "BTC",
    "base_decimals": 5,
    "counter_currency": "USD",
    "counter_decimals": 0,
    "minimum_order_value": "10",
    "maximum_order_value": "500000.00000000",
    "minimum_order_amount": "0.00001000",
    "maximum_order_amount": "10.00000000",
    "trading": "Enabled",
    "instant_order_counter_decimals": 2,
    "instant_and_market_orders": "Enabled",
    "description": "Bitcoin / U.S. dollar Perpetual",
    "market_type": "PERPETUAL",
    "underlying_asset": "Kaiko BTC Benchmark Reference Rate",
    "payoff_type": "Linear",
    "contract_size": "1.00000000",
    "isin": "EZHKD4DNKHY3",
}
SPOT = {
    "market_symbol": "btcusd",
    "market_type": "SPOT",
    "base_currency": "BTC",
    "counter_currency": "USD",
    "description": "Bitcoin / U.S. dollar",
}


def pair(**changes: Any) -> Any:
    return reading_of("bitstamp", **{"trading-pairs-info": [PAIR | changes]})


def listed(**changes: Any) -> Any:
    return reading_of("bitstamp", v2__markets=[PERPETUAL | changes])


def test_a_pair_is_read_whole() -> None:
    assert the_market(pair()) == Market(
        spelling="btcusd",
        aliases=(Alias("BTC/USD"),),
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC", name="Bitcoin"),
        quote=Code("USD", name="U.S. dollar"),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"),
        min_notional=Decimal(20),
        market_min_notional=Decimal(20),
        order_types=("LIMIT",),
    )


def test_a_minimum_in_the_base_is_a_quantity() -> None:
    found = the_market(pair(minimum_order="0.001 BTC"))
    assert (found.min_notional, found.min_order_size) == (None, Decimal("0.001"))


def test_a_minimum_of_zero_is_none() -> None:
    assert the_market(pair(minimum_order="0.0 USD")).min_notional is None


def test_a_perpetual_is_ordered_in_its_base_and_pays_in_its_quote() -> None:
    found = the_market(listed())
    assert (found.symbol_type, found.contract_kind) == (
        SymbolTypeCode.PERPETUAL,
        ContractKindCode.LINEAR,
    )
    assert found.settlement == Code("USD")
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.BASE, None)
    assert found.lot_size == found.min_order_size == Decimal("0.00001")
    assert (found.tick_size, found.max_order_size) == (Decimal(1), Decimal(10))
    assert (found.min_notional, found.max_notional) == (Decimal(10), Decimal(500_000))
    assert found.underlying == "Kaiko BTC Benchmark Reference Rate"
    assert found.market_min_notional == found.min_notional
    assert found.market_max_notional == found.max_notional
    assert found.order_types == ("LIMIT", "MARKET", "INSTANT")
    assert found.aliases == (Alias("BTC/USD-PERP"),)


def test_today_s_list_is_read_where_both_are_given() -> None:
    both = {"v2__markets": [SPOT], "trading-pairs-info": [PAIR]}
    reading = reading_of("bitstamp", **both)
    assert the_market(reading).base == Code("BTC", name="Bitcoin")


def test_a_disabled_pair_is_halted() -> None:
    assert the_market(pair(trading="Disabled")).status is MarketStatusCode.HALTED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trading": "CancelOnly"}, "trading is 'CancelOnly'"),
        ({"instant_and_market_orders": "Yes"}, "instant_and_market_orders is 'Yes'"),
        ({"minimum_order": "20.0 EUR"}, "not an amount in BTC"),
        ({"minimum_order": "20,00 USD"}, "no number"),
        ({"name": "BTCUSD"}, "no two codes"),
        ({"counter_decimals": 200}, "decimal places"),
    ],
)
def test_what_cannot_be_read_is_unreadable(changes: dict[str, Any], reason: str) -> None:
    assert reason in the_reason(pair(**changes))


@pytest.mark.parametrize("field", ["market_type", "payoff_type"])
def test_an_unknown_type_is_unreadable(field: str) -> None:
    assert f"{field} is 'Quanto'" in the_reason(listed(**{field: "Quanto"}))


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("bitstamp", v2__markets={"status": "error", "reason": "limit"})
