"""Rounding and sizes: exact by the venue's own steps, an error if a step is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cqar
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import ListingTickBand, OrderUnitCode
from tests.support.entity_builders import BTC, USDT, a_symbol, an_asset
from tests.support.sdk_setup import a_listing, resolve_btcusdt


def specs(**changes: Any) -> cqar.Specs:
    return resolve_btcusdt(a_listing(**changes)).specs


def contract(kind: ContractKindCode, settlement: str, **changes: Any) -> cqar.Specs:
    symbol = a_symbol(
        symbol_type=SymbolTypeCode.PERPETUAL, contract_kind=kind, settlement_asset_id=settlement
    )
    return resolve_btcusdt(a_listing(symbol_id=symbol.symbol_id, **changes), symbol=symbol).specs


def test_a_price_is_rounded_to_the_passive_side() -> None:
    own = specs()
    assert own.price_to_tick("64000.123", "buy") == Decimal("64000.12")
    assert own.price_to_tick(Decimal("64000.123"), cqar.Side.SELL) == Decimal("64000.13")
    assert own.price_to_tick(64000, "sell") == Decimal(64000)


def test_a_price_is_rounded_in_the_band_where_it_lies() -> None:
    bands = (
        ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.1")),
        ListingTickBand(from_price=Decimal(100), tick_size=Decimal(1)),
    )
    own = specs(tick_size=None, tick_bands=bands)
    assert own.price_to_tick("99.94", "buy") == Decimal("99.9")
    assert own.price_to_tick("100.94", "buy") == Decimal(100)


def test_a_price_has_no_more_digits_than_the_venue_takes() -> None:
    own = specs(tick_size=Decimal("0.000001"), price_significant_digits=5)
    assert own.price_to_tick("1.234567", "sell") == Decimal("1.2346")


def test_a_size_is_rounded_down() -> None:
    assert specs().round_size("0.00112999") == Decimal("0.00112")


@given(st.decimals(Decimal("1E-9"), Decimal("1E9"), allow_nan=False, allow_infinity=False))
def test_rounding_a_rounded_value_changes_nothing(value: Decimal) -> None:
    own = specs()
    size = own.round_size(value)
    assert size <= value
    assert own.round_size(size) == size
    for side, price in (("buy", own.price_to_tick(value, "buy")), ("sell", Decimal(5))):
        assert own.price_to_tick(price, side) == price


def test_a_unit_multiplier_counts_canonical_units() -> None:
    own = specs(unit_multiplier=Decimal(1000))
    assert own.to_base_quantity("2.5") == Decimal(2500)
    assert own.notional("0.02", "2.5") == Decimal("0.05")


def test_linear_contracts_are_sized_in_base_units() -> None:
    own = contract(ContractKindCode.LINEAR, USDT, contract_size=Decimal("0.01"))
    assert own.to_base_quantity(3) == Decimal("0.03")
    assert own.notional(50_000, 3) == Decimal(1500)


def test_inverse_contracts_are_sized_in_quote_units_and_need_a_price() -> None:
    own = contract(ContractKindCode.INVERSE, BTC, contract_size=Decimal(100))
    assert own.notional(50_000, 3) == Decimal(300)
    assert own.to_base_quantity(3, price=50_000) == Decimal("0.006")
    for price in (None, 0):
        with pytest.raises(ValueError, match="at a price only"):
            own.to_base_quantity(3, price=price)


def test_the_order_unit_decides_what_a_quantity_is() -> None:
    in_dollars = contract(
        ContractKindCode.INVERSE, BTC, order_unit=OrderUnitCode.QUOTE, contract_size=Decimal(10)
    )
    assert in_dollars.order_unit is cqar.OrderUnit.QUOTE
    assert in_dollars.to_base_quantity(10, price=50_000) == Decimal("0.0002")
    assert in_dollars.notional(50_000, 10) == Decimal(10)
    with pytest.raises(ValueError, match="at a price only"):
        in_dollars.to_base_quantity(10)
    in_coins = contract(ContractKindCode.LINEAR, USDT, order_unit=OrderUnitCode.BASE)
    assert in_coins.to_base_quantity("0.1") == Decimal("0.1")
    assert in_coins.notional(50_000, "0.1") == Decimal(5000)
    quanto = contract(
        ContractKindCode.QUANTO,
        an_asset("ETH").asset_id,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.000001"),
    )
    assert quanto.notional(3000, 100) == Decimal("0.3")
    with pytest.raises(cqar.StepsUnknown, match="contract size"):
        quanto.to_base_quantity(100, price=3000)


def test_market_orders_may_have_a_lot_of_their_own() -> None:
    own = specs(market_lot_size=Decimal("0.5"))
    assert own.round_size("1.234567") == Decimal("1.23456")
    assert own.round_size("1.234567", kind="market") == Decimal(1)
    assert specs().round_size("1.234567", kind=cqar.OrderKind.MARKET) == Decimal("1.23456")


def test_an_unknown_step_is_an_error_never_a_guess() -> None:
    without = specs(tick_size=None, lot_size=None)
    with pytest.raises(cqar.StepsUnknown, match="tick"):
        without.price_to_tick(1, "buy")
    with pytest.raises(cqar.StepsUnknown, match="lot"):
        without.round_size(1)
    unsized = contract(ContractKindCode.LINEAR, USDT)
    with pytest.raises(cqar.StepsUnknown, match="contract size"):
        unsized.notional(1, 1)
    with pytest.raises(cqar.StepsUnknown, match="contract size"):
        unsized.to_base_quantity(1)


@pytest.mark.parametrize("value", [0.1, True, None, b"1"])
def test_a_float_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="give a Decimal"):
        specs().round_size(value)


@pytest.mark.parametrize("value", ["1e3", "", "1_000", "-1", -1, Decimal("NaN"), Decimal("Inf")])
def test_an_invalid_price_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        specs().price_to_tick(value, "buy")


def test_a_side_is_buy_or_sell() -> None:
    with pytest.raises(ValueError, match="long"):
        specs().price_to_tick(1, "long")
