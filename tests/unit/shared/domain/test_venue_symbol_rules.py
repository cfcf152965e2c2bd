"""What makes a listing valid: spellings, terms, periods, primaries and aliases."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar_shared.domain.kinds.venue_symbol import (
    TERMS,
    VENUE_SYMBOL,
    ListingTickBand,
    MarketStatusCode,
    VenueSymbol,
    delist,
    existing_listing,
)
from cqar_shared.domain.listing_term_rules import TICK_BANDS_MAX
from cqar_shared.domain.rules import overlap
from tests.support.entity_builders import ETH, NOW, a_symbol, a_venue_symbol, an_id
from tests.support.memory_registry_view import Held, changed, completed, findings

DAY = dt.timedelta(days=1)
OTHER_SYMBOL = a_symbol(base_asset_id=ETH).symbol_id
DELISTED = MarketStatusCode.DELISTED


def a_listing(name: str = "one", /, **changes: Any) -> VenueSymbol:
    return a_venue_symbol(**{"listing_id": an_id(name), "is_primary": False, **changes})


# ---------------------------------------------------------------- spellings


@pytest.mark.parametrize(
    "spelling",
    [
        *("BTCUSDT", "XBT/USD", "BTC:USD", "BTC.d", "BTC-PERPETUAL", "1000SHIB_USDT"),
        *("BTC,USD", "@107", "PURR/USDC", "币安人生USDT", "🐸USDT", "👨\u200d👩\u200d👧/USDC"),
        *("BTC USD", "x" * 128, "é", "btcusdt"),
    ],
)
def test_a_venues_own_spelling_is_taken_as_it_is(spelling: str) -> None:
    assert findings(a_listing(venue_symbol=spelling)) == set()


@pytest.mark.parametrize(
    ("spelling", "reason"),
    [
        *(("", "REQUIRED"), (" BTC", "WHITE_SPACE"), ("BTC\n", "WHITE_SPACE")),
        *(("\u3000BTC", "WHITE_SPACE"), ("B\tC", "NOT_PRINTABLE"), ("B\0C", "NOT_PRINTABLE")),
        *(("B\x7fC", "NOT_PRINTABLE"), ("B\u202eC", "NOT_PRINTABLE")),
        *(("B\u200bC", "NOT_PRINTABLE"), ("x" * 129, "TOO_LONG")),
        *(("BTC\u200dUSDT", "NOT_PRINTABLE"), ("\u200d", "NOT_PRINTABLE")),
    ],
)
def test_what_cannot_be_seen_or_is_too_long_is_no_spelling(spelling: str, reason: str) -> None:
    assert findings(a_listing(venue_symbol=spelling)) == {("venue_symbol", reason)}


def test_a_listing_needs_ids() -> None:
    bad = a_listing(listing_id="x", venue_id="", symbol_id="")
    assert findings(bad) == {
        ("listing_id", "NOT_A_UUID"),
        ("venue_id", "REQUIRED"),
        ("symbol_id", "REQUIRED"),
    }


def test_a_spelling_is_never_pointed_at_another_symbol() -> None:
    before = completed(a_listing())
    after = changed(before, symbol_id=OTHER_SYMBOL, venue_id="kraken", venue_symbol="X")
    assert findings(after, Held(before), before) == {
        ("symbol_id", "IMMUTABLE"),
        ("venue_id", "IMMUTABLE"),
        ("venue_symbol", "IMMUTABLE"),
    }


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize("rate", ["-1", "-0.0001", "0", "0.001", "1"])
@pytest.mark.parametrize("fee", ["maker_fee", "taker_fee"])
def test_a_fee_is_a_fraction_and_a_rebate_is_negative(fee: str, rate: str) -> None:
    assert findings(a_listing(**{fee: Decimal(rate)})) == set()


@pytest.mark.parametrize("rate", ["1.5", "150", "-1.0001"])
@pytest.mark.parametrize("fee", ["maker_fee", "taker_fee"])
def test_a_fee_of_150_percent_is_refused(fee: str, rate: str) -> None:
    assert findings(a_listing(**{fee: Decimal(rate)})) == {(f"exact.{fee}", "OUT_OF_RANGE")}


@pytest.mark.parametrize(
    "field",
    [
        *("tick_size", "lot_size", "contract_size", "unit_multiplier", "max_leverage"),
        *("max_order_size", "max_order_value"),
    ],
)
def test_steps_and_multipliers_are_greater_than_zero(field: str) -> None:
    for value in ("0", "-1"):
        bad = a_listing(**{field: Decimal(value)})
        assert findings(bad) == {(f"exact.{field}", "NOT_POSITIVE")}
    assert findings(a_listing(**{field: Decimal("0.5")})) == set()


@pytest.mark.parametrize("field", ["min_order_size", "min_order_value", "min_notional"])
def test_lower_bounds_of_orders_are_zero_or_more(field: str) -> None:
    assert findings(a_listing(**{field: Decimal(-1)})) == {(f"exact.{field}", "NEGATIVE")}
    assert findings(a_listing(**{field: Decimal(0)})) == set()


@pytest.mark.parametrize("what", ["size", "value"])
def test_the_least_order_does_not_exceed_the_most(what: str) -> None:
    low, high = f"min_order_{what}", f"max_order_{what}"
    assert findings(a_listing(**{low: Decimal(1), high: Decimal(1)})) == set()
    bad = a_listing(**{low: Decimal(2), high: Decimal(1)})
    assert findings(bad) == {(f"exact.{low}", "MIN_ABOVE_MAX")}


@pytest.mark.parametrize(("digits", "good"), [(0, False), (1, True), (30, True), (31, False)])
def test_a_price_has_1_to_30_digits(digits: int, *, good: bool) -> None:
    expected = set() if good else {("price_significant_digits", "OUT_OF_RANGE")}
    assert findings(a_listing(price_significant_digits=digits)) == expected


def bands(*pairs: tuple[str, str]) -> tuple[ListingTickBand, ...]:
    return tuple(ListingTickBand(from_price=Decimal(p), tick_size=Decimal(t)) for p, t in pairs)


def banded(ticks: tuple[ListingTickBand, ...]) -> VenueSymbol:
    return a_listing(tick_bands=ticks, tick_size=None)


def test_tick_bands_ascend_from_zero_or_more() -> None:
    good = bands(("0", "0.01"), ("100", "0.5"))
    assert findings(banded(good)) == set()
    beside = a_listing(tick_bands=good, tick_size=Decimal("0.01"))
    assert findings(beside) == {("exact.tick_size", "NOT_APPLICABLE")}
    for pairs in (
        (("100", "1"), ("0", "1")),
        (("1", "1"), ("1", "2")),
        (("-1", "1"),),
    ):
        bad = banded(bands(*pairs))
        assert findings(bad) == {("tick_bands", "NOT_ASCENDING")}
    assert findings(banded(bands(("0", "0")))) == {("tick_bands", "NOT_POSITIVE")}
    many = bands(*((str(number), "1") for number in range(TICK_BANDS_MAX + 1)))
    assert findings(banded(many[:-1])) == set()
    assert findings(banded(many)) == {("tick_bands", "TOO_MANY")}


# ---------------------------------------------------------------- periods


def test_a_period_ends_after_it_begins() -> None:
    bad = a_listing(listed_at=NOW, delisted_at=NOW)
    assert findings(bad) == {("delisted_at", "NOT_AFTER_LISTING")}
    assert findings(changed(bad, delisted_at=NOW + DAY)) == set()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((None, None), (None, None), True),
        ((None, 1), (1, None), False),
        ((None, 2), (1, None), True),
        ((0, 1), (1, 2), False),
        ((0, 3), (1, 2), True),
        ((None, 1), (0, 5), True),
        ((2, None), (0, 2), False),
        ((2, None), (None, None), True),
    ],
)
def test_periods_overlap_when_an_instant_is_in_both(
    one: tuple[int | None, int | None], other: tuple[int | None, int | None], *, expected: bool
) -> None:
    def listing(period: tuple[int | None, int | None]) -> VenueSymbol:
        first, last = (NOW + n * DAY if n is not None else None for n in period)
        return a_listing(listed_at=first, delisted_at=last)

    assert overlap(listing(one), listing(other)) is expected
    assert overlap(listing(other), listing(one)) is expected


def test_a_spelling_has_one_meaning_at_one_instant() -> None:
    rival = a_listing("rival", symbol_id=OTHER_SYMBOL, listed_at=NOW - DAY)
    assert findings(a_listing(), Held(rival)) == {("venue_symbol", "SPELLING_TAKEN")}
    ended = changed(rival, delisted_at=NOW, status=DELISTED)
    assert findings(a_listing(), Held(ended)) == set()
    for field, value in (("venue_id", "kraken"), ("venue_symbol", "btcusdt")):
        assert findings(a_listing(), Held(changed(rival, **{field: value}))) == set()


def test_a_delisted_spelling_stays_so_unless_history_is_corrected() -> None:
    before = delist(completed(a_listing(listed_at=NOW - DAY)), NOW)
    after = changed(before, delisted_at=NOW + DAY)
    assert findings(after, Held(before), before) == {("status", "FINAL")}
    assert findings(after, Held(before, historical=True), before) == set()


def test_status_and_end_of_a_listing_agree() -> None:
    assert completed(a_listing()).status is MarketStatusCode.ONLINE
    assert completed(a_listing(delisted_at=NOW)).status is DELISTED
    # An end to come leaves the status: until then it is listed.
    assert completed(a_listing(delisted_at=NOW + DAY)).status is MarketStatusCode.ONLINE
    gone = completed(a_listing(status=DELISTED, listed_at=NOW - DAY))
    assert gone.delisted_at == NOW
    before = completed(a_listing(status=MarketStatusCode.HALTED))
    assert completed(a_listing(), before=before).status is MarketStatusCode.HALTED


def test_a_listing_is_not_delisted_before_its_end() -> None:
    early = a_listing(listed_at=NOW - DAY, status=DELISTED, delisted_at=NOW + DAY)
    assert findings(early) == {("status", "NOT_ENDED")}
    assert findings(changed(early, delisted_at=NOW)) == set()
    assert findings(changed(early, status=MarketStatusCode.ONLINE)) == set()


def test_a_listing_begins_now_unless_it_is_history() -> None:
    fresh = completed(a_listing())
    assert (fresh.listed_at, fresh.first_seen_at) == (NOW, NOW)
    past = completed(a_listing(), Held(historical=True))
    assert (past.listed_at, past.first_seen_at) == (None, NOW)
    later = completed(a_listing(), Held(now=NOW + DAY), fresh)
    assert (later.listed_at, later.first_seen_at) == (NOW, NOW)


def test_without_an_id_the_open_period_is_meant_or_the_one_that_begins_then() -> None:
    old = a_listing("old", listed_at=NOW - 2 * DAY, delisted_at=NOW - DAY)
    current = a_listing("current", listed_at=NOW)
    held = Held(old, current)
    assert existing_listing(a_venue_symbol(), held) == current
    assert existing_listing(a_venue_symbol(listed_at=NOW - 2 * DAY), held) == old
    assert existing_listing(a_venue_symbol(listed_at=NOW - 3 * DAY), held) is None
    assert existing_listing(a_venue_symbol(venue_symbol="X"), held) is None


# ---------------------------------------------------------------- primaries and aliases

BARE: dict[str, Any] = dict.fromkeys(TERMS)


def test_the_first_spelling_of_a_symbol_at_a_venue_is_its_primary_one() -> None:
    first = completed(a_listing(is_primary=None))
    assert first.is_primary is True
    second = a_listing("two", venue_symbol="B", is_primary=None)
    assert completed(second, Held(first)).is_primary is False
    rival = changed(second, is_primary=True)
    assert findings(rival, Held(first)) == {("is_primary", "PRIMARY_TAKEN")}
    after_it = changed(rival, listed_at=NOW + DAY)
    assert findings(after_it, Held(changed(first, delisted_at=NOW + DAY))) == set()


def test_an_alias_follows_a_listed_primary_of_the_same_symbol() -> None:
    target = completed(a_listing(is_primary=True))
    alias = a_listing("two", venue_symbol="XBT", alias_of="BTCUSDT", **BARE)
    assert findings(alias, Held(target)) == set()
    assert completed(changed(alias, is_primary=None), Held(target)).is_primary is False
    assert findings(alias) == {("alias_of", "NOT_FOUND")}
    gone = changed(target, listed_at=NOW - DAY, delisted_at=NOW)
    assert findings(alias, Held(gone)) == {("alias_of", "NOT_FOUND")}
    other = changed(target, symbol_id=OTHER_SYMBOL)
    assert findings(alias, Held(other)) == {("alias_of", "OTHER_SYMBOL")}
    chained = changed(target, alias_of="X")
    assert findings(alias, Held(chained)) == {("alias_of", "ALIAS")}


def test_an_alias_does_not_follow_itself() -> None:
    itself = a_listing(venue_symbol="X", alias_of="X", **BARE)
    assert findings(itself, Held(itself), itself) == {("alias_of", "NOT_FOUND")}


def test_an_alias_is_not_primary_and_has_no_terms() -> None:
    target = completed(a_listing(is_primary=True))
    terms = dict.fromkeys(TERMS, Decimal(1))
    bad = a_listing("two", venue_symbol="X", alias_of="BTCUSDT", **{**terms, "is_primary": True})
    assert findings(bad, Held(target)) == {
        ("is_primary", "ALIAS"),
        *((f"exact.{field}", "ALIAS") for field in TERMS),
    }


@pytest.mark.parametrize(
    "term", [{"tick_bands": bands(("0", "1"))}, {"price_significant_digits": 5}]
)
def test_tick_rules_are_terms_that_an_alias_does_not_have(term: dict[str, Any]) -> None:
    target = completed(a_listing(is_primary=True))
    alias = a_listing("two", venue_symbol="X", alias_of="BTCUSDT", **BARE, **term)
    assert {reason for _, reason in findings(alias, Held(target))} == {"ALIAS"}


# ---------------------------------------------------------------- since when


def test_terms_hold_from_the_change_that_sets_them_whatever_a_request_says() -> None:
    born = completed(a_listing(terms_since=NOW - DAY))
    assert born.terms_since == NOW
    later = Held(now=NOW + DAY)
    same = completed(changed(born, delisted_at=NOW + 9 * DAY, terms_since=None), later, born)
    assert same.terms_since == NOW
    other = completed(changed(born, taker_fee=Decimal("0.002")), later, born)
    assert other.terms_since == NOW + DAY


def test_of_two_writers_clocks_the_one_that_is_behind_does_not_take_terms_back() -> None:
    born = completed(a_listing(), Held(now=NOW + DAY))
    after = completed(changed(born, status=MarketStatusCode.HALTED), Held(now=NOW), born)
    assert (after.status, after.terms_since) == (MarketStatusCode.HALTED, NOW + DAY)


def test_what_is_said_as_of_an_instant_holds_from_then_on() -> None:
    born = completed(a_listing(), Held(as_of=NOW - 9 * DAY))
    after = completed(changed(born, lot_size=Decimal(2)), Held(as_of=NOW - DAY), born)
    assert (born.terms_since, after.terms_since) == (NOW - 9 * DAY, NOW - DAY)
    assert after.lot_size == 2


@pytest.mark.parametrize("known", [NOW, None])
def test_what_is_said_of_before_goes_behind_and_replaces_nothing_but_an_open_end(
    known: Any,
) -> None:
    born = changed(completed(a_listing()), terms_since=known)
    old = changed(born, lot_size=Decimal(2), status=MarketStatusCode.HALTED)
    held = Held(as_of=NOW - DAY, historical=True)
    assert completed(old, held, born) == born
    (behind,) = VENUE_SYMBOL.past(born, old, held)
    assert (behind.lot_size, behind.status) == (2, MarketStatusCode.HALTED)
    assert behind.terms_since == NOW - DAY
    ended = completed(changed(old, delisted_at=NOW - DAY), held, born)
    assert (ended.status, ended.lot_size) == (MarketStatusCode.DELISTED, born.lot_size)
    assert ended.terms_since == known
