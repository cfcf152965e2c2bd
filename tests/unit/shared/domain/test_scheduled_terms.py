"""Announced ends and changes turn at their instant, everywhere, and without an event."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.cache.resolution_cache import ResolutionCache
from cqar_resolver.queries import resolution
from cqar_shared.codec import entity_codec
from cqar_shared.domain import as_of, tradeability
from cqar_shared.domain.instant import Instant, moment_of, ns_of
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    TERMS,
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    terms_now,
)
from cqar_shared.domain.listing_term_rules import ScheduledTerm
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import (
    NOW,
    USDT,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import Held, changed, completed

DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)
STATUS = pb.ResolutionStatus


def at(days: float, field: str, value: str) -> ScheduledTerm:
    return ScheduledTerm(effective_at=NOW + days * DAY, field=field, value=value)


def a_listing(*scheduled: ScheduledTerm, **changes: Any) -> VenueSymbol:
    given: dict[str, Any] = {"listing_id": an_id("one"), "status": MarketStatusCode.ONLINE}
    given |= {"listed_at": NOW - 9 * DAY, "scheduled": scheduled or None}
    return a_venue_symbol(**{**given, **changes})


def message(listing: VenueSymbol) -> Any:
    return entity_codec.to_message(VENUE_SYMBOL, listing)


def told(listing: VenueSymbol, days: float = 0) -> Any:
    now, stored = Instant.of(NOW + days * DAY), message(listing)
    return tradeability.effective_listing(stored, tradeability.terms_for(stored, [], now), now)


MARKET = (an_asset(), an_asset("USDT"), a_venue(), completed(a_symbol()), a_venue_asset())


def resolve(listing: VenueSymbol, days: float = 0, market: Any = MARKET) -> pb.Resolution:
    snapshot = hydrated(encoded(*market, listing))
    now = Instant.of(NOW + days * DAY)
    return resolution.resolve(QueryContext(snapshot), "binance", "BTCUSDT", now)


# ---------------------------------------------------------------- terms


def test_a_change_holds_from_its_instant_on_and_what_is_left_is_still_to_come() -> None:
    listing = a_listing(at(1, "tick_size", "0.5"), at(2, "status", "CANCEL_ONLY"))
    assert told(listing).exact.tick_size == "0.01"
    assert [c.field for c in told(listing).scheduled] == ["tick_size", "status"]
    assert told(listing, 1 - TICK / DAY).exact.tick_size == "0.01"
    after = told(listing, 1)
    assert (after.exact.tick_size, after.is_active) == ("0.5", True)
    assert [c.field for c in after.scheduled] == ["status"]
    last = told(listing, 2)
    assert (last.status, last.is_active) == (MarketStatusCode.CANCEL_ONLY, False)
    assert not last.scheduled
    assert moment_of(last.terms_since) == NOW + 2 * DAY
    assert resolve(listing, 1).specs.tick_size == "0.5"


def test_a_double_beside_a_decimal_changes_with_it() -> None:
    listing = a_listing(at(1, "taker_fee", "0.0005"), taker_fee=Decimal("0.001"))
    assert (told(listing).taker_fee, told(listing, 1).taker_fee) == (0.001, 0.0005)


def test_what_a_later_release_announces_is_passed_over() -> None:
    stored = message(a_listing(at(1, "status", "FROZEN"), at(1, "colour", "7")))
    later = tradeability.terms_at(stored, Instant.of(NOW + DAY))
    assert (later.status, len(later.scheduled)) == (MarketStatusCode.ONLINE, 0)


CHANGES = st.lists(
    st.builds(
        at,
        st.integers(-3, 3),
        st.sampled_from(["tick_size", "lot_size", "maker_fee"]),
        st.sampled_from(["0.5", "0.25", "1"]),
    )
    | st.builds(at, st.integers(-3, 3), st.just("status"), st.sampled_from(["HALTED", "ONLINE"])),
    max_size=6,
)


@given(changes=CHANGES, days=st.integers(-4, 4))
def test_the_writer_continues_from_what_readers_are_told(
    changes: list[ScheduledTerm], days: int
) -> None:
    ordered = sorted(changes, key=lambda c: c.effective_at or NOW)
    listing = a_listing(*ordered)
    moment = NOW + days * DAY
    read = tradeability.terms_at(message(listing), Instant.of(moment))
    read.ClearField("terms_since")
    read.is_active = read.status in tradeability.ACTIVE
    assert message(terms_now(listing, moment)) == read


def test_an_update_replaces_an_announced_value_that_was_reached() -> None:
    """It would go on to replace a newer one."""
    before = completed(a_listing(at(-1, "tick_size", "0.5"), at(1, "tick_size", "1")))
    evolved = changed(VENUE_SYMBOL.present(before, NOW), tick_size=Decimal(2))
    after = completed(evolved, before=before)
    assert told(after).exact.tick_size == "2"
    assert [c.value for c in after.scheduled] == ["1"]


def test_an_upsert_without_a_status_keeps_the_one_that_holds() -> None:
    before = completed(a_listing(at(-1, "status", "HALTED")))
    after = completed(changed(before, status=None, scheduled=None), before=before)
    assert after.status is MarketStatusCode.HALTED


def test_an_alias_turns_with_its_primary() -> None:
    primary = a_listing(at(1, "status", "HALTED"), at(1, "tick_size", "0.5"))
    alias = a_venue_symbol(
        **{**dict.fromkeys(TERMS), "listing_id": an_id("alias"), "venue_symbol": "XBT"},
        alias_of="BTCUSDT",
        status=MarketStatusCode.ONLINE,
    )
    snapshot = hydrated(encoded(*MARKET, primary, alias))
    for days, status, tick in ((0, "ONLINE", "0.01"), (1, "HALTED", "0.5")):
        now = Instant.of(NOW + days * DAY)
        found = resolution.resolve(QueryContext(snapshot), "binance", "XBT", now)
        assert MarketStatusCode(found.venue_symbol.status).name == status
        assert found.specs.tick_size == tick


def test_what_held_in_the_past_had_turned_then_too() -> None:
    listing = message(a_listing(at(-2, "tick_size", "0.5"), terms_since=NOW - 5 * DAY))
    for days, tick in ((-3, "0.01"), (-2, "0.5"), (-1, "0.5")):
        then = Instant.of(NOW + days * DAY)
        own = tradeability.terms_at(listing, then)
        assert as_of.then(listing, own, own, then).listing.exact.tick_size == tick


# ---------------------------------------------------------------- ends


def test_an_end_is_announced_while_it_is_to_come_and_never_stored() -> None:
    listing = a_listing(delisted_at=NOW + DAY)
    assert moment_of(told(listing).ends_at) == NOW + DAY
    assert not told(listing, 1).HasField("ends_at")
    assert not told(a_listing()).HasField("ends_at")
    given = message(listing)
    given.ends_at.FromDatetime(NOW + 7 * DAY)
    assert entity_codec.from_message(VENUE_SYMBOL, given) == listing


# ---------------------------------------------------------------- until


def until(listing: VenueSymbol, days: float = 0, market: Any = MARKET) -> float | None:
    """In days from NOW."""
    found = resolve(listing, days, market).tradeable
    return (moment_of(found.until) - NOW) / DAY if found.HasField("until") else None


@pytest.mark.parametrize(
    ("listing", "days"),
    [
        (a_listing(), None),
        (a_listing(delisted_at=NOW + DAY), 1),
        (a_listing(listed_at=NOW + DAY, delisted_at=NOW + 2 * DAY), 1),
        (a_listing(listed_at=NOW + DAY, status=MarketStatusCode.HALTED), None),
        (a_listing(at(1, "tick_size", "1"), at(2, "status", "REDUCE_ONLY")), 2),
        (a_listing(at(1, "status", "PRE_MARKET"), at(3, "status", "HALTED")), 3),
        (a_listing(at(1, "status", "ONLINE"), status=MarketStatusCode.PREOPEN), 1),
        (a_listing(at(1, "status", "ONLINE"), status=MarketStatusCode.HALTED, doubts=("D",)), None),
        (a_listing(at(2, "tick_size", "1"), tick_size=None), 2),
        (a_listing(at(-1, "status", "HALTED"), at(1, "status", "ONLINE")), 1),
        (a_listing(trading_starts_at=NOW + DAY), None),
    ],
)
def test_a_verdict_says_until_when_it_holds(listing: VenueSymbol, days: float | None) -> None:
    assert until(listing) == days


def test_the_symbols_and_the_assets_instants_count_too() -> None:
    future = completed(
        a_symbol(symbol_type=SymbolTypeCode.FUTURE, settlement_asset_id=USDT, expiry=NOW + 2 * DAY),
        Held(an_asset(), an_asset("USDT")),
    )
    listing = a_listing(symbol_id=future.symbol_id)
    rest = (an_asset(), an_asset("USDT"), a_venue())
    assert until(listing, market=(*rest, future)) == 2
    assert until(listing, market=(*rest, changed(future, delisted_at=NOW + DAY))) == 1
    later = a_venue_asset(listed_at=NOW + DAY)
    assert until(a_listing(), market=(*MARKET[:-1], later)) == 1
    assert until(a_listing(delisted_at=NOW + DAY), days=1) is None


@given(changes=CHANGES, days=st.integers(-4, 4), end=st.integers(1, 4))
def test_before_that_instant_the_verdict_is_the_same_and_at_it_another(
    changes: list[ScheduledTerm], days: int, end: int
) -> None:
    ordered = sorted(changes, key=lambda c: c.effective_at or NOW)
    listing = a_listing(*ordered, delisted_at=NOW + end * DAY)
    allowed = resolve(listing, days).tradeable.allowed
    turns = until(listing, days)
    for later in range(days, 6):
        is_same = resolve(listing, later).tradeable.allowed == allowed
        if turns is None or later < turns:
            assert is_same
        elif later == turns:
            assert not is_same


def test_a_kept_answer_is_not_given_beyond_any_of_these_instants() -> None:
    listing = a_listing(
        at(1, "tick_size", "1"), at(2, "status", "HALTED"), delisted_at=NOW + 3 * DAY
    )
    snapshot, cache = hydrated(encoded(*MARKET, listing)), ResolutionCache()
    question = pb.VenueSymbolKey(venue_id="binance", venue_symbol="BTCUSDT").SerializeToString()
    for days in (0, 1, 2, 3):
        for later in (0, 1 - TICK / DAY):
            now_ns = Instant.of(NOW + (days + later) * DAY).ns
            kept = cache.answer(question, snapshot, None, now_ns)
            found = pb.ResolveResponse.FromString(kept.encoded).resolution
            assert found == resolve(listing, days + later)
        assert kept.until_ns == (ns_of(_stamp(days + 1)) if days < 3 else kept.until_ns)


def _stamp(days: float) -> Any:
    stamp = message(a_listing()).listed_at
    stamp.FromDatetime(NOW + days * DAY)
    return stamp


# ---------------------------------------------------------------- doubts


def test_a_doubt_denies_opening_and_nothing_else() -> None:
    found = resolve(a_listing(doubts=("SOURCE_MISSING", "CHANGE_UNDECIDED"))).tradeable
    for permission in (found.open, found.post_only):
        assert [r.code for r in permission.reasons] == ["SOURCE_MISSING", "CHANGE_UNDECIDED"]
        assert {(r.kind, r.key) for r in permission.reasons} == {("venue_symbol", an_id("one"))}
    assert (found.reduce.allowed, found.cancel.allowed) == (True, True)
