"""A snapshot moves from one committed state to the next, whole or not at all."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_resolver.snapshot.builder import TUPLE_KEYS_MAX
from cqar_resolver.snapshot.change_sets import UndecodableChangeSet, plan
from cqar_resolver.snapshot.snapshot import Diverged, Snapshot
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.replication.positions import LogPosition
from tests.support.change_set_builders import (
    Changes,
    State,
    advanced,
    change_set,
    encoded,
    head_of,
    hydrated,
)
from tests.support.entity_builders import NOW, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.entity_strategies import entities

DAY = dt.timedelta(days=1)
SPELLING = ("venue_symbol", "spelling", "binance", "BTCUSDT")


def a_listing(name: str, /, **changes: Any) -> VenueSymbol:
    return a_venue_symbol(**{"listing_id": an_id(name), **changes})


def seen(snapshot: Snapshot, spellings: set[tuple[str, str]] = frozenset()) -> Any:  # type: ignore[assignment]
    """All that readers can see, as comparable values."""
    found = {s: set(snapshot.find("venue_symbol", "spelling", *s)) for s in spellings}
    return (
        snapshot.position,
        snapshot.head.SerializeToString(deterministic=True),
        snapshot.counts,
        snapshot.count,
        snapshot.set_hash,
        found,
    )


def apply(snapshot: Snapshot, state: State, changes: Changes, revision: int) -> State:
    after = advanced(state, changes)
    snapshot.apply(head_of(after, revision), list(plan(snapshot, change_set(changes, revision))))
    return after


# ---------------------------------------------------------------- whole or not at all


def test_a_snapshot_takes_only_what_its_head_says() -> None:
    state = encoded(an_asset(), a_venue())
    rows = [(kind, key, payload) for (kind, key), payload in state.items()]
    assert Snapshot(head_of(state, 5), rows).position == LogPosition(1, 5, bytes([5]) * 32)
    for wrong in (rows[:1], [*rows, ("venue", "kraken", b"")], [(*rows[0][:2], b""), rows[1]]):
        with pytest.raises(Diverged):
            Snapshot(head_of(state, 5), wrong)


def test_entities_are_found_by_key_and_a_miss_is_none() -> None:
    state = encoded(an_asset(), a_venue())
    snapshot = hydrated(state)
    for (kind, key), payload in state.items():
        assert snapshot.get(kind, key) == payload
    assert snapshot.get("venue", "kraken") is None
    assert snapshot.get("no_such_kind", "x") is None
    assert list(snapshot.find("venue_symbol", "spelling", "binance", "X")) == []


@pytest.mark.parametrize("wrong", ["live_count", "set_hash"])
def test_a_head_that_does_not_fit_changes_nothing(wrong: str) -> None:
    state = encoded(an_asset(), a_venue(), a_listing("one"))
    snapshot = hydrated(state)
    before = seen(snapshot, {("binance", "BTCUSDT"), ("binance", "X")})
    changes: Changes = {
        **encoded(an_asset("ETH"), a_venue(name="new"), a_listing("two", venue_symbol="X")),
        ("asset", an_asset().asset_id): None,
        ("venue_symbol", an_id("one")): None,
    }
    head = head_of(advanced(state, changes), 1)
    if wrong == "live_count":
        head.live_count += 1
    else:
        head.set_hash = bytes(16)
    with pytest.raises(Diverged):
        snapshot.apply(head, list(plan(snapshot, change_set(changes))))
    assert seen(snapshot, {("binance", "BTCUSDT"), ("binance", "X")}) == before
    for (kind, key), payload in state.items():
        assert snapshot.get(kind, key) == payload
    # And what was refused does not stand in the way of what is right.
    assert apply(snapshot, state, changes, 1) == advanced(state, changes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_entity_that_does_not_decode_is_refused_before_anything_is_touched(
    kind: AnyKind,
) -> None:
    changes: Changes = {**encoded(an_asset()), (kind.name, "key"): b"\xff\xff\xff"}
    with pytest.raises(UndecodableChangeSet):
        list(plan(hydrated({}), change_set(changes)))


def test_an_archived_entity_leaves_the_snapshot_like_a_deleted_one() -> None:
    state = encoded(an_asset(), a_listing("one"))
    snapshot = hydrated(state)
    (ref,) = encoded(a_listing("one"))
    archived = replication_pb2.Change(kind=ref[0], key=ref[1], entity=state[ref], archived=True)
    after = advanced(state, {ref: None})
    snapshot.apply(head_of(after, 1), [snapshot.plan(archived)])
    assert snapshot.get(*ref) is None
    assert list(snapshot.find(*SPELLING)) == []


def test_a_kind_of_a_later_release_is_kept_and_counted() -> None:
    state: State = {("borrow_rate", "f"): b"\xff of a later release"}
    snapshot = hydrated({})
    apply(snapshot, {}, state, 1)
    assert snapshot.get("borrow_rate", "f") == state["borrow_rate", "f"]
    assert snapshot.counts == {"borrow_rate": 1}


# ---------------------------------------------------------------- the spelling index


def test_the_index_follows_periods_as_they_come_change_and_go() -> None:
    periods = [
        a_listing(f"p{n}", listed_at=NOW + n * DAY, delisted_at=NOW + (n + 1) * DAY)
        for n in range(3)
    ]
    state: State = {}
    snapshot = hydrated(state)
    for revision, listing in enumerate(periods, 1):
        state = apply(snapshot, state, encoded(listing), revision)
        keys = [key for key, _ in snapshot.find(*SPELLING)]
        assert keys == [p.listing_id for p in periods[:revision]]
    # Replaced in place: found once, with its new payload.
    halted = a_listing("p1", listed_at=NOW + DAY, is_primary=False)
    state = apply(snapshot, state, encoded(halted), 4)
    found = dict(snapshot.find(*SPELLING))
    assert len(found) == 3
    assert entity_codec.decode(VENUE_SYMBOL, found[halted.listing_id]) == halted
    # Moved to another spelling: found there only.
    moved = a_listing("p0", venue_symbol="XBTUSDT")
    state = apply(snapshot, state, encoded(moved), 5)
    assert {k for k, _ in snapshot.find(*SPELLING)} == {an_id("p1"), an_id("p2")}
    other = [k for k, _ in snapshot.find("venue_symbol", "spelling", "binance", "XBTUSDT")]
    assert other == [an_id("p0")]
    for revision, name in enumerate(("p1", "p2", "p0"), 6):
        state = apply(snapshot, state, {("venue_symbol", an_id(name)): None}, revision)
    assert list(snapshot.find(*SPELLING)) == []
    # Nothing is left behind: spellings come and go for years.
    assert not any(snapshot._index.values())
    assert snapshot.counts == {}
    assert snapshot.set_hash == bytes(16)


def test_two_spellings_that_look_joined_alike_are_not_mixed_up() -> None:
    one = a_listing("one", venue_id="a", venue_symbol="b/c")
    two = a_listing("two", venue_id="a/b", venue_symbol="c")
    snapshot = hydrated(encoded(one, two))
    assert [k for k, _ in snapshot.find("venue_symbol", "spelling", "a", "b/c")] == [an_id("one")]
    assert [k for k, _ in snapshot.find("venue_symbol", "spelling", "a/b", "c")] == [an_id("two")]


# ---------------------------------------------------------------- replaying equals hydrating

_IDS = [an_id(f"id{n}") for n in range(5)]
_FIXED: dict[str, st.SearchStrategy[Any]] = {
    "asset_id": st.sampled_from(_IDS),
    "listing_id": st.sampled_from(_IDS),
    "key_id": st.sampled_from(_IDS),
    "venue_id": st.sampled_from(["binance", "kraken"]),
    "venue_symbol": st.sampled_from(["BTCUSDT", "XBT/USD", "币"]),
    "key_hash": st.sampled_from(["00", "ff"]),
}
_REPLAYED = [kind for kind in KINDS if kind.name in ("asset", "venue", "venue_symbol", "api_key")]


@st.composite
def changes_of(draw: st.DrawFn) -> Changes:
    changes: dict[tuple[str, str], bytes | None] = {}
    for kind in draw(st.lists(st.sampled_from(_REPLAYED), max_size=4)):
        names = set(kind.entity.__struct_fields__)
        fixed = {name: strategy for name, strategy in _FIXED.items() if name in names}
        entity = draw(entities(kind, **fixed))
        removed = draw(st.booleans())
        ref = (kind.name, kind.key_of(entity))
        changes[ref] = None if removed else entity_codec.encode(kind, entity)
    return changes


@settings(max_examples=60)
@given(st.lists(changes_of(), max_size=8))
def test_replaying_change_sets_equals_hydrating_what_they_lead_to(history: list[Changes]) -> None:
    state: State = {}
    replayed = hydrated(state)
    for revision, changes in enumerate(history, 1):
        state = apply(replayed, state, changes, revision)
    loaded = hydrated(state, len(history))
    spellings = {(v, s) for v in ("binance", "kraken") for s in ("BTCUSDT", "XBT/USD", "币")}
    if history:
        assert seen(replayed, spellings) == seen(loaded, spellings)
    for (kind, key), payload in state.items():
        assert replayed.get(kind, key) == payload
    for key_hash in ("00", "ff"):
        found = (set(s.find("api_key", "hash", key_hash)) for s in (replayed, loaded))
        assert next(found) == next(found)


def test_many_under_one_value_are_found_in_the_order_they_came_and_leave_nothing_behind() -> None:
    many = TUPLE_KEYS_MAX * 2
    listings = [a_listing(f"n{n}") for n in range(many)]
    state: State = {}
    snapshot = hydrated(state)
    for revision, listing in enumerate(listings, 1):
        state = apply(snapshot, state, encoded(listing), revision)
    found = [key for key, _ in snapshot.find(*SPELLING)]
    assert found == [listing.listing_id for listing in listings]
    for revision, listing in enumerate(listings, many + 1):
        (ref,) = encoded(listing)
        state = apply(snapshot, state, {ref: None}, revision)
        left = [key for key, _ in snapshot.find(*SPELLING)]
        assert left == [one.listing_id for one in listings[revision - many :]]
    assert snapshot.count == 0
