"""Which kind of finding a changed term is, row by row; and what is no difference at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.differences.bounds import joined_bounds
from cqar.importer.differences.open_findings import COMPARED
from cqar.importer.differences.step_sizes import STEP_FIELDS
from cqar.importer.differences.term_classes import STATED_FIELDS, as_announced, classify
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.venue_symbol import (
    ListingTickBand,
    MarketStatusCode,
    OrderUnitCode,
    VenueSymbol,
)
from cqar_shared.domain.listing_term_rules import ScheduledTerm
from tests.support.entity_builders import NOW

K = FindingKind
S = MarketStatusCode
DAY = dt.timedelta(days=1)


def bands(*pairs: tuple[str, str]) -> tuple[ListingTickBand, ...]:
    return tuple(
        ListingTickBand(from_price=Decimal(start), tick_size=Decimal(tick)) for start, tick in pairs
    )


def a_listing(**terms: Any) -> VenueSymbol:
    """A listing with these terms; numbers are given as text."""
    made: dict[str, Any] = {n: Decimal(v) if isinstance(v, str) else v for n, v in terms.items()}
    return VenueSymbol(venue_symbol="BTCUSDT", **made)


Row = tuple[dict[str, Any], dict[str, Any], FindingKind]
ROWS: list[Row] = [
    # Steps: each of them, coarser, finer, finer by more than ten times, and gone.
    *(
        row
        for field in STEP_FIELDS
        if field not in ("tick_bands", "price_significant_digits")
        for row in (
            ({field: "0.01"}, {field: "0.02"}, K.STEPS_COARSER),
            ({field: "0.01"}, {field: "0.005"}, K.STEPS_FINER),
            ({field: "0.01"}, {field: "0.001"}, K.STEPS_FINER),
            ({field: "0.01"}, {field: "0.0009"}, K.STEPS_COARSER),
            ({field: "0.01"}, {}, K.STEPS_COARSER),
            ({}, {field: "0.01"}, K.TERMS),
        )
    ),
    # A minimum of zero is finer than any; the first minimum after it is coarser.
    ({"min_order_size": "1"}, {"min_order_size": "0"}, K.STEPS_COARSER),
    ({"min_order_size": "0"}, {"min_order_size": "1"}, K.STEPS_COARSER),
    # Of digits, fewer are coarser.
    ({"price_significant_digits": 5}, {"price_significant_digits": 4}, K.STEPS_COARSER),
    ({"price_significant_digits": 5}, {"price_significant_digits": 6}, K.STEPS_FINER),
    ({"price_significant_digits": 5}, {"price_significant_digits": 7}, K.STEPS_COARSER),
    ({"price_significant_digits": 5}, {}, K.STEPS_COARSER),
    # Ticks by bands: coarser at any price is coarser.
    (
        {"tick_bands": bands(("0", "1"), ("10", "5"))},
        {"tick_bands": bands(("0", "1"), ("9", "5"))},
        K.STEPS_COARSER,
    ),
    (
        {"tick_bands": bands(("0", "1"), ("10", "5"))},
        {"tick_bands": bands(("0", "1"), ("11", "5"))},
        K.STEPS_FINER,
    ),
    ({"tick_bands": bands(("0", "1"), ("10", "5"))}, {"tick_bands": ()}, K.STEPS_COARSER),
    ({"tick_bands": ()}, {"tick_bands": bands(("0", "1"))}, K.TERMS),
    ({"status": S.ONLINE}, {"status": S.HALTED}, K.STATUS),
    ({"maker_fee": "0.001"}, {"maker_fee": "0.002"}, K.FEES),
    ({"taker_fee": "0.001"}, {}, K.FEES),
    ({"contract_size": "1"}, {"contract_size": "10"}, K.CONTRACT_SIZE),
    ({"contract_size": "1"}, {}, K.CONTRACT_SIZE),
    ({}, {"contract_size": "10"}, K.TERMS),
    ({"order_unit": OrderUnitCode.BASE}, {"order_unit": OrderUnitCode.CONTRACT}, K.ORDER_UNIT),
    ({"order_unit": OrderUnitCode.BASE}, {}, K.ORDER_UNIT),
    ({}, {"order_unit": OrderUnitCode.BASE}, K.TERMS),
    ({"unit_multiplier": "1000"}, {"unit_multiplier": "1000000"}, K.MULTIPLIER),
    ({}, {"unit_multiplier": "1000"}, K.MULTIPLIER),
    ({}, {"unit_multiplier": "1"}, K.TERMS),
    ({}, {"delisted_at": NOW}, K.END_ANNOUNCED),
    ({"delisted_at": NOW}, {"delisted_at": NOW + DAY}, K.END_ANNOUNCED),
    ({"delisted_at": NOW}, {}, K.END_ANNOUNCED),
    (
        {},
        {"scheduled": (ScheduledTerm(effective_at=NOW, field="tick_size", value="1"),)},
        K.SCHEDULED,
    ),
    (
        {"scheduled": (ScheduledTerm(effective_at=NOW, field="tick_size", value="1"),)},
        {},
        K.SCHEDULED,
    ),
    ({"max_order_size": "5"}, {"max_order_size": "6"}, K.TERMS),
    ({"max_leverage": "5"}, {}, K.TERMS),
    ({"listed_at": NOW}, {"listed_at": NOW - DAY}, K.TERMS),
    ({"order_types": ("LIMIT",)}, {"order_types": ("LIMIT", "MARKET")}, K.TERMS),
    ({"funding_interval_s": 28800}, {"funding_interval_s": 14400}, K.TERMS),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_kind_of_a_changed_term(row: Row) -> None:
    before, after, kind = row
    found = classify(a_listing(**before), a_listing(**after))
    assert list(found) == [kind]
    assert set(found[kind]) == {*before, *after}


def test_every_kind_of_a_changed_term_is_one_that_imports_compare() -> None:
    assert {kind for _, _, kind in ROWS} <= COMPARED
    fields = {field for before, after, _ in ROWS for field in (*before, *after)}
    assert {*STEP_FIELDS, "status", "contract_size", "order_unit"} <= fields <= {*STATED_FIELDS}


def test_a_tick_that_becomes_bands_is_one_step() -> None:
    one, same = a_listing(tick_size="1"), a_listing(tick_bands=bands(("0", "1")))
    assert classify(one, same) == {K.STEPS_FINER: ["tick_size", "tick_bands"]}
    coarser = a_listing(tick_bands=bands(("0", "1"), ("100", "5")))
    assert classify(one, coarser) == {K.STEPS_COARSER: ["tick_size", "tick_bands"]}
    # Below the first band, its tick holds too.
    above = a_listing(tick_bands=bands(("50", "1")))
    assert classify(above, one) == {K.STEPS_FINER: ["tick_size", "tick_bands"]}


def test_what_is_equal_and_what_an_import_notes_is_no_difference() -> None:
    one = a_listing(tick_size="0.10", order_types=None, doubts=("SOURCE_MISSING",))
    other = a_listing(tick_size="0.1", order_types=(), metadata={"reader": "ccxt"})
    assert classify(one, other) == {}


def scheduled(*changes: tuple[dt.timedelta, str, str]) -> tuple[ScheduledTerm, ...]:
    return tuple(
        ScheduledTerm(effective_at=NOW + after, field=field, value=value)
        for after, field, value in changes
    )


def test_a_change_that_was_announced_and_has_come_is_found_no_second_time() -> None:
    before = a_listing(
        tick_size="0.1",
        status=S.ONLINE,
        scheduled=scheduled((DAY, "tick_size", "1"), (2 * DAY, "status", "HALTED")),
    )
    after = a_listing(
        tick_size="1", status=S.ONLINE, scheduled=scheduled((2 * DAY, "status", "HALTED"))
    )
    assert classify(as_announced(before, after, NOW + DAY), after) == {}
    # It is there a little before its time: the venue states it.
    assert classify(as_announced(before, after, NOW), after) == {}
    # It is not there at its time: that is a difference, and so is another value.
    late = a_listing(tick_size="0.1", status=S.ONLINE, scheduled=after.scheduled)
    found = classify(as_announced(before, late, NOW + DAY), late)
    assert found == {K.STEPS_FINER: ["tick_size"]}
    other = a_listing(tick_size="2", status=S.ONLINE, scheduled=after.scheduled)
    found = classify(as_announced(before, other, NOW + DAY), other)
    assert found == {K.STEPS_COARSER: ["tick_size"]}


def test_an_announcement_that_is_taken_back_or_moved_is_a_difference() -> None:
    before = a_listing(tick_size="0.1", scheduled=scheduled((DAY, "tick_size", "1")))
    back = a_listing(tick_size="0.1")
    assert classify(as_announced(before, back, NOW), back) == {K.SCHEDULED: ["scheduled"]}
    moved = a_listing(tick_size="0.1", scheduled=scheduled((2 * DAY, "tick_size", "1")))
    assert classify(as_announced(before, moved, NOW), moved) == {K.SCHEDULED: ["scheduled"]}


def test_bounds_that_would_cross_go_together() -> None:
    before = a_listing(min_order_size="1000", max_order_size="100000")
    after = a_listing(min_order_size="1", max_order_size="100")
    fields = classify(before, after)
    assert fields == {K.STEPS_COARSER: ["min_order_size"], K.TERMS: ["max_order_size"]}
    joined = joined_bounds(fields, {K.STEPS_COARSER}, before, after)
    assert joined == {K.STEPS_COARSER: ["min_order_size", "max_order_size"]}
    # Where they do not cross, each goes its own way.
    wider = a_listing(min_order_size="1", max_order_size="200000")
    fields = classify(before, wider)
    assert joined_bounds(fields, {K.STEPS_COARSER}, before, wider) == fields
