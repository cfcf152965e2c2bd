"""What is pinned stays as it was, however the snapshot moves on."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.snapshot.change_sets import plan
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.snapshot import Snapshot
from tests.support.change_set_builders import (
    Changes,
    State,
    advanced,
    change_set,
    encoded,
    head_of,
    hydrated,
)
from tests.support.entity_builders import a_venue, a_venue_symbol, an_asset, an_id

SPELLINGS = ("A", "B")
LISTINGS = ("one", "two", "three")
VENUES = ("binance", "kraken")


@st.composite
def a_change_set(draw: st.DrawFn) -> Changes:
    """Listings that come, go and are spelled anew, and venues that are renamed or end."""
    changes: Changes = {}
    for name in draw(st.sets(st.sampled_from(LISTINGS))):
        spelling = draw(st.none() | st.sampled_from(SPELLINGS))
        (ref,) = encoded(a_listing(name))
        changes[ref] = spelling and encoded(a_listing(name, venue_symbol=spelling))[ref]
    for venue_id in draw(st.sets(st.sampled_from(VENUES))):
        name = draw(st.none() | st.sampled_from(("old", "new")))
        changes["venue", venue_id] = (
            name and encoded(a_venue(venue_id, name=name))["venue", venue_id]
        )
    return changes


def a_listing(name: str, **changes: Any) -> Any:
    return a_venue_symbol(**{"listing_id": an_id(name), **changes})


def seen(reading: Snapshot | Pinned) -> Any:
    """All that can be read, as comparable values."""
    found = {
        spelling: sorted(reading.find("venue_symbol", "spelling", "binance", spelling))
        for spelling in SPELLINGS
    }
    kept = {kind: sorted(reading.keys(kind)) for kind in ("asset", "venue", "venue_symbol")}
    got = {(k, key): reading.get(k, key) for k in ("venue", "venue_symbol") for key in ALL_KEYS}
    return reading.position, found, kept, got


ALL_KEYS = (*map(an_id, LISTINGS), *VENUES)


def apply(snapshot: Snapshot, state: State, changes: Changes) -> State:
    possible = {ref: p for ref, p in changes.items() if p is not None or ref in state}
    after = advanced(state, possible)
    revision = snapshot.position.revision + 1
    planned = list(plan(snapshot, change_set(possible, revision)))
    snapshot.apply(head_of(after, revision), planned)
    return after


@given(st.lists(a_change_set(), max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_a_pin_sees_what_was_there_when_it_was_made(
    history: list[Changes], first: int, second: int
) -> None:
    # More under one spelling than a snapshot files in a tuple.
    many = (a_listing(f"stays {number}", venue_symbol="A") for number in range(40))
    state = encoded(an_asset(), a_venue(), a_listing("one", venue_symbol="A"), *many)
    snapshot = hydrated(state)
    pins: list[tuple[Any, Any, Any]] = []
    for place, changes in enumerate([*history, {}]):
        if place in (first, second):
            context = snapshot.pinned()
            pins.append((context, context.__enter__(), seen(snapshot)))
        if changes:
            state = apply(snapshot, state, changes)
        assert [seen(pin) for _, pin, _ in pins] == [was for _, _, was in pins]
    for context, _, _ in pins:
        context.__exit__(None, None, None)
    assert snapshot._pins == []
