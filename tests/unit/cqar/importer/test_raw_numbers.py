"""A number counts where the venue's record has it, in a field that may speak of it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.raw_numbers import DEPTH_MAX, NODES_MAX, RecordNumbers


def has(term: str, value: str, record: Any) -> bool:
    return RecordNumbers(record).has(term, Decimal(value))


@pytest.mark.parametrize(
    ("term", "value", "record"),
    [
        ("tick_size", "0.01", {"tickSz": "0.0100"}),
        ("tick_size", "0.01", {"filters": [{"tickSize": "1e-2"}]}),
        ("tick_size", "0.01", {"quote_increment": 0.01}),
        ("tick_size", "0.01", {"pair_decimals": 2}),
        ("tick_size", "1", {"pair_decimals": 0}),
        ("tick_size", "100", {"price-precision": "-2"}),
        ("lot_size", "0.00000001", {"lot_decimals": 8}),
        ("lot_size", "0.001", {"amount_precision": "3"}),
        ("lot_size", "0.01", {"qty_tick_size": "0.01"}),
        ("min_order_size", "0.5", {"ordermin": "0.5"}),
        ("min_order_size", "2", {"limits": {"amount": {"min": 2}}}),
        ("max_order_size", "9000", {"limit-order-max-order-amt": 9000}),
        ("min_notional", "20", {"minimum_order": "20.0 USD"}),
        ("contract_size", "0.0001", {"quanto_multiplier": "0.0001"}),
        ("price_significant_digits", "5", {"price_precision": 5}),
    ],
)
def test_what_stands_in_the_record_counts(term: str, value: str, record: Any) -> None:
    assert has(term, value, record)


@pytest.mark.parametrize(
    ("term", "value", "record"),
    [
        # Nothing stands there: Upbit's 1e-8.
        ("tick_size", "0.00000001", {"market": "KRW-BTC", "korean_name": "비트코인"}),
        # Another number, however close.
        ("tick_size", "0.01", {"tickSize": "0.010000000000000000001"}),
        # A field of another dimension has the number by accident.
        ("tick_size", "0.01", {"taker_fee": "0.01"}),
        ("tick_size", "0.01", {"leverageFilter": {"step": "0.01"}}),
        ("tick_size", "0.01", {"stepSize": "0.01", "minQty": "0.01"}),
        ("lot_size", "0.01", {"tickSize": "0.01"}),
        ("lot_size", "0.01", {"pair_decimals": 2}),
        ("tick_size", "0.01", {"lot_decimals": 2}),
        ("min_order_size", "10", {"minNotional": "10"}),
        ("min_notional", "10", {"min_market_funds": "10"}),
        ("max_order_size", "500", {"max_position_size": "500"}),
        ("contract_size", "1", {"pricePrecision": 1, "minQty": "1", "sizeMultiplier": "1"}),
        # Decimals make steps, not sizes: ccxt makes Gate's minimum of them.
        ("min_order_size", "0.001", {"amount_precision": 3}),
        # A step of 1 is no count of one decimal.
        ("lot_size", "0.1", {"stepSize": "1"}),
        ("tick_size", "1", {"is_price": True}),
    ],
)
def test_what_does_not_stand_there_is_not_found_elsewhere(
    term: str, value: str, record: Any
) -> None:
    assert not has(term, value, record)


@pytest.mark.parametrize(
    "record",
    [
        None,
        "0.01",
        [],
        {"tickSize": "9" * 1_000_000},
        {"tickSize": 10**100_000},
        {"tickSize": "1e999999999"},
        {"tickSize": float("nan"), "tick": float("inf")},
        {"pair_decimals": "999999999999"},
        {"x" * 1_000_000: {"": [[[{}]]]}},
    ],
    ids=("none", "text", "list", "long", "large", "exponent", "no number", "decimals", "names"),
)
def test_no_record_is_too_odd_to_be_looked_at(record: Any) -> None:
    traces = RecordNumbers(record)
    assert not traces.has("tick_size", Decimal("0.05"))
    assert not traces.has_number(Decimal("0.05"))
    assert not traces.has_instant(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def test_looking_is_bounded_and_what_is_beyond_is_not_known() -> None:
    deep: Any = {"tickSize": "0.05"}
    for _ in range(DEPTH_MAX - 2):
        deep = [deep]
    assert has("tick_size", "0.05", deep)
    for _ in range(100_000):
        deep = {"more": deep}
    assert not has("tick_size", "0.05", deep)
    wide = {str(number): number for number in range(NODES_MAX)}
    assert len(RecordNumbers(wide).leaves) < NODES_MAX
    assert not has("tick_size", "0.05", {**wide, "tickSize": "0.05"})
    assert len(RecordNumbers([[0] * 1_000_000] * 1_000).leaves) < NODES_MAX


def test_a_strike_stands_there_as_a_number_or_in_a_name() -> None:
    assert RecordNumbers({"stk": "40000"}).has_number(Decimal(40000))
    assert RecordNumbers({"symbol": "BTC-24SEP21-40000-P"}).has_number(Decimal(40000))
    assert not RecordNumbers({"symbol": "BTC-24SEP21-40000-P"}).has_number(Decimal(4000))


def test_an_expiry_stands_there_with_its_time_of_day() -> None:
    expiry = dt.datetime(2021, 9, 24, 8, tzinfo=dt.UTC)
    for told in (1632470400, "1632470400000", "2021-09-24T08:00:00.000Z", "2021-09-24T10:00+02:00"):
        assert RecordNumbers({"delivery": told}).has_instant(expiry), told
    midnight = dt.datetime(2021, 9, 24, tzinfo=dt.UTC)
    for told in ("20210924", "2021-09-24", "FXBTCJPY24SEP2021"):
        assert not RecordNumbers({"delivery": told}).has_instant(midnight), told
