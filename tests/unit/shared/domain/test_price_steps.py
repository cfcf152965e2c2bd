"""Rounding to a venue's steps: exact, to the side that was asked for, never past it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2
from cqc.venues.v1.venue_symbol_pb2 import TickBand
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_shared.domain import price_steps

LINEAR, INVERSE = symbol_pb2.CONTRACT_KIND_LINEAR, symbol_pb2.CONTRACT_KIND_INVERSE
QUANTO = symbol_pb2.CONTRACT_KIND_QUANTO
UNIT_BASE, UNIT_QUOTE = venue_symbol_pb2.ORDER_UNIT_BASE, venue_symbol_pb2.ORDER_UNIT_QUOTE
CONTRACTS = venue_symbol_pb2.ORDER_UNIT_CONTRACT
POSITIVE = st.decimals(Decimal("1E-12"), Decimal("1E12"), allow_nan=False, allow_infinity=False)
STEP = st.decimals(Decimal("1E-8"), Decimal(1000), allow_nan=False, allow_infinity=False, places=8)


def specs(**fields: Any) -> pb.Specs:
    return pb.Specs(**fields)


def bands(*pairs: tuple[str, str]) -> pb.Specs:
    return specs(tick_bands=[TickBand(from_price=p, tick_size=t) for p, t in pairs])


@pytest.mark.parametrize(
    ("tick", "price", "down", "up"),
    [
        ("0.01", "64000.123", "64000.12", "64000.13"),
        ("0.01", "64000.12", "64000.12", "64000.12"),
        ("0.5", "0.49", "0", "0.5"),
        ("25", "1010", "1000", "1025"),
        (
            "0.000000000000000001",
            "1.0000000000000000015",
            "1.000000000000000001",
            "1.000000000000000002",
        ),
    ],
)
def test_a_price_is_rounded_to_the_side_asked_for(
    tick: str, price: str, down: str, up: str
) -> None:
    own = specs(tick_size=tick)
    assert price_steps.round_price(own, Decimal(price), up=False) == Decimal(down)
    assert price_steps.round_price(own, Decimal(price), up=True) == Decimal(up)


@given(POSITIVE, STEP.filter(lambda step: step > 0))
def test_a_rounded_price_is_the_nearest_multiple_on_its_side(price: Decimal, tick: Decimal) -> None:
    own = specs(tick_size=format(tick, "f"))
    down, up = (price_steps.round_price(own, price, up=up) for up in (False, True))
    assert down is not None
    assert up is not None
    assert down <= price <= up
    assert up - down in (0, tick)
    assert price_steps.round_price(own, down, up=True) == down


def test_each_band_has_its_own_tick_and_rounding_may_lead_into_the_next() -> None:
    own = bands(("0", "0.01"), ("10", "0.1"), ("100", "1"))
    assert price_steps.round_price(own, Decimal("9.999"), up=False) == Decimal("9.99")
    assert price_steps.round_price(own, Decimal("9.999"), up=True) == Decimal(10)
    assert price_steps.round_price(own, Decimal("10.05"), up=False) == Decimal(10)
    assert price_steps.round_price(own, Decimal("99.95"), up=True) == Decimal(100)
    assert price_steps.round_price(own, Decimal("123.4"), up=False) == Decimal(123)


def test_a_limit_of_significant_digits_is_a_tick_too_and_the_coarser_counts() -> None:
    own = specs(price_significant_digits=5, tick_size="0.01")
    assert price_steps.round_price(own, Decimal("64321.7"), up=False) == Decimal(64321)
    assert price_steps.round_price(own, Decimal("99999.5"), up=True) == Decimal(100000)
    assert price_steps.round_price(own, Decimal("1.23456"), up=False) == Decimal("1.23")
    assert price_steps.round_price(
        specs(price_significant_digits=5), Decimal("0.000123456"), up=True
    ) == Decimal("0.00012346")


def test_a_price_is_on_the_tick_and_within_the_digits_at_once() -> None:
    own = specs(price_significant_digits=4, tick_size="0.25")
    assert price_steps.round_price(own, Decimal("123.80"), up=False) == Decimal("123.5")
    assert price_steps.round_price(own, Decimal("123.80"), up=True) == Decimal(124)
    # A one-digit multiple of 13 there is none.
    never = specs(price_significant_digits=1, tick_size="13")
    assert price_steps.round_price(never, Decimal(20), up=False) == 0
    assert price_steps.round_price(never, Decimal(20), up=True) is None


def test_no_price_of_the_band_beside_is_passed_over() -> None:
    assert price_steps.round_price(bands(("0", "3"), ("10", "1")), Decimal("9.5"), up=True) == 10
    assert price_steps.round_price(
        bands(("0", "0.5"), ("10", "3")), Decimal(11), up=False
    ) == Decimal("9.5")
    wide = bands(("0", "0.01"), ("100", "1000"))
    assert price_steps.round_price(wide, Decimal(500), up=False) == Decimal("99.99")


TICKS = ("0.01", "0.02", "0.05", "0.25", "0.3", "0.5", "1", "3", "7", "13")
GRID = [Decimal(cents) / 100 for cents in range(1, 20_001)]


def is_on_the_steps(own: pb.Specs, price: Decimal) -> bool:
    tick = next(b for b in reversed(own.tick_bands) if price >= Decimal(b.from_price)).tick_size
    digits = len(price.normalize().as_tuple().digits)
    return price % Decimal(tick) == 0 and digits <= (own.price_significant_digits or digits)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(TICKS), min_size=1, max_size=4),
    st.lists(st.sampled_from((1, 5, 10, 13, 50)), min_size=3, max_size=3),
    st.integers(0, 4),
    st.decimals("0.001", "99", places=4),
)
def test_of_all_prices_on_the_steps_it_is_the_nearest_on_its_side(
    ticks: list[str], apart: list[int], digits: int, price: Decimal
) -> None:
    starts = [str(sum(apart[:n])) for n in range(len(ticks))]
    own = bands(*zip(starts, ticks, strict=True))
    own.price_significant_digits = digits
    on_steps = [each for each in GRID if is_on_the_steps(own, each)]
    below = max((each for each in on_steps if each <= price), default=0)
    assert price_steps.round_price(own, price, up=False) == below
    above = min((each for each in on_steps if each >= price), default=None)
    assert above is None or price_steps.round_price(own, price, up=True) == above


def test_a_quantity_is_rounded_down() -> None:
    assert price_steps.round_quantity(specs(lot_size="0.00001"), Decimal("0.00012345")) == Decimal(
        "0.00012"
    )
    assert price_steps.round_quantity(specs(lot_size="10"), Decimal(9)) == 0


def test_what_is_not_known_is_none() -> None:
    assert price_steps.round_price(specs(), Decimal(1), up=True) is None
    assert price_steps.round_quantity(specs(), Decimal(1)) is None
    assert price_steps.notional(specs(contract_kind=LINEAR), Decimal(1), Decimal(1)) is None
    assert (
        price_steps.notional(specs(contract_kind=QUANTO, contract_size="1"), Decimal(1), Decimal(1))
        is None
    )
    assert (
        price_steps.base_quantity(
            specs(contract_kind=INVERSE, contract_size="1"), Decimal(0), Decimal(1)
        )
        is None
    )


def test_notional_and_base_of_spot_linear_inverse_and_multiplied_units() -> None:
    spot = specs()
    assert price_steps.notional(spot, Decimal("0.1"), Decimal("0.2")) == Decimal("0.02")
    assert price_steps.base_quantity(spot, Decimal("0.1"), Decimal("0.2")) == Decimal("0.2")
    linear = specs(contract_kind=LINEAR, contract_size="0.01")
    assert price_steps.notional(linear, Decimal(50000), Decimal(3)) == Decimal(1500)
    assert price_steps.base_quantity(linear, Decimal(50000), Decimal(3)) == Decimal("0.03")
    inverse = specs(contract_kind=INVERSE, contract_size="100")
    assert price_steps.notional(inverse, Decimal(50000), Decimal(5)) == Decimal(500)
    assert price_steps.base_quantity(inverse, Decimal(50000), Decimal(5)) == Decimal("0.01")
    shib = specs(contract_kind=LINEAR, contract_size="1", unit_multiplier="1000")
    assert price_steps.base_quantity(shib, Decimal("0.01"), Decimal(7)) == Decimal(7000)
    assert price_steps.notional(shib, Decimal("0.01"), Decimal(7)) == Decimal("0.07")


@pytest.mark.parametrize(
    ("fields", "quantity", "price", "base", "worth"),
    [
        # Deribit BTC-PERPETUAL, 10 USD; `contract_size` 10 only says how it is shown.
        (
            {"order_unit": UNIT_QUOTE, "contract_kind": INVERSE, "contract_size": "10"},
            *("10", "50000", "0.0002", "10"),
        ),
        # Deribit BTC-25DEC26-100000-C, 0.1 BTC at 0.0042 BTC; and its linear options.
        ({"order_unit": UNIT_BASE, "contract_kind": LINEAR}, "0.1", "0.0042", "0.1", "0.00042"),
        # BitMEX XBTUSD, 100 contracts of 1 USD.
        (
            {"order_unit": CONTRACTS, "contract_kind": INVERSE, "contract_size": "1"},
            *("100", "20000", "0.005", "100"),
        ),
        # BitMEX ETHUSDT, 1,000 contracts of 0.00001 ETH.
        (
            {"order_unit": CONTRACTS, "contract_kind": LINEAR, "contract_size": "0.00001"},
            *("1000", "3000", "0.01", "30"),
        ),
        # OKX BTC-USD option, one contract of 0.1 BTC: `specs_of` says LINEAR of all options.
        (
            {"order_unit": CONTRACTS, "contract_kind": LINEAR, "contract_size": "0.1"},
            *("1", "0.05", "0.1", "0.005"),
        ),
        # OKX BTC-USD-SWAP, 3 contracts of 100 USD.
        (
            {"order_unit": CONTRACTS, "contract_kind": INVERSE, "contract_size": "100"},
            *("3", "50000", "0.006", "300"),
        ),
        # Binance 1000SHIBUSDT: 10 units of a thousand coins.
        (
            {"order_unit": UNIT_BASE, "contract_kind": LINEAR, "unit_multiplier": "1000"},
            *("10", "0.012", "10000", "0.12"),
        ),
        # The same by quote units: 12 USD at 0.012 are a thousand units of a thousand coins.
        (
            {"order_unit": UNIT_QUOTE, "contract_kind": INVERSE, "unit_multiplier": "1000"},
            *("12", "0.012", "1000000", "12"),
        ),
        # Gate PEPE_USDT: 3 contracts of 10,000,000 PEPE.
        (
            {"order_unit": CONTRACTS, "contract_kind": LINEAR, "contract_size": "10000000"},
            *("3", "0.00001", "30000000", "300"),
        ),
        # A spot market.
        ({"order_unit": UNIT_BASE}, "0.5", "100", "0.5", "50"),
    ],
)
def test_the_order_unit_says_what_a_quantity_is_worth(
    fields: dict[str, Any], quantity: str, price: str, base: str, worth: str
) -> None:
    own = specs(**fields)
    order = Decimal(price), Decimal(quantity)
    assert price_steps.base_quantity(own, *order) == Decimal(base)
    assert price_steps.notional(own, *order) == Decimal(worth)


def test_quanto_contracts_are_worth_a_sum_of_the_settlement_asset_and_no_known_base() -> None:
    # BitMEX ETHUSD: one contract is 0.000001 XBT for each dollar of the price.
    own = specs(order_unit=CONTRACTS, contract_kind=QUANTO, contract_size="0.000001")
    order = Decimal(3000), Decimal(100)
    assert price_steps.notional(own, *order) == Decimal("0.3")
    assert price_steps.base_quantity(own, *order) is None
    unsized = specs(order_unit=CONTRACTS, contract_kind=QUANTO)
    assert price_steps.notional(unsized, *order) is None
    in_base = specs(order_unit=UNIT_BASE, contract_kind=QUANTO)
    assert price_steps.base_quantity(in_base, *order) == Decimal(100)


def test_contracts_of_unknown_size_and_quote_units_without_a_price_are_not_known() -> None:
    unsized = specs(order_unit=CONTRACTS)
    assert price_steps.base_quantity(unsized, Decimal(1), Decimal(1)) is None
    assert price_steps.notional(unsized, Decimal(1), Decimal(1)) is None
    in_quote = specs(order_unit=UNIT_QUOTE)
    assert price_steps.base_quantity(in_quote, Decimal(0), Decimal(1)) is None


def test_market_orders_have_a_lot_of_their_own_where_it_is_stated() -> None:
    own = specs(lot_size="0.01", market_lot_size="0.5")
    assert price_steps.round_quantity(own, Decimal("1.234")) == Decimal("1.23")
    assert price_steps.round_quantity(own, Decimal("1.234"), market=True) == Decimal(1)
    shared = specs(lot_size="0.01")
    assert price_steps.round_quantity(shared, Decimal("1.234"), market=True) == Decimal("1.23")
