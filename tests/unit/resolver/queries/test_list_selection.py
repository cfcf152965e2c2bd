"""A selection has all that passes, in key order, in whatever order and portions it was found."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.queries.list_selection import Selection
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.lists.filters import equal, only_open
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_id,
)

HOUR = dt.timedelta(hours=1)
#: A hyphen sorts before the slash that joins a key's parts, and before every letter and digit.
SLUGS = st.from_regex(r"[ab0](?:[ab0-]{0,3}[ab0])?", fullmatch=True)


@given(st.dictionaries(SLUGS, st.booleans()), st.none() | SLUGS, st.integers(1, 4))
def test_keys_behind_a_key_come_in_order(
    passing: dict[str, bool], after: str | None, portion: int
) -> None:
    venues = [a_venue(slug, venue_type=1 if good else 2) for slug, good in passing.items()]
    selection = Selection(VENUE, equal({"venue_type": 1}))
    for start in range(0, len(venues), portion):
        some = venues[start : start + portion]
        selection.add((v.venue_id, entity_codec.encode(VENUE, v)) for v in some)
    matching = sorted(slug for slug, good in passing.items() if good)
    assert selection.total == len(matching)
    behind = [slug for slug in matching if after is None or slug > after]
    assert list(selection.after(None if after is None else [after])) == behind
    assert list(selection.after(None)) == matching


@given(st.sets(st.tuples(SLUGS, st.sampled_from((BTC, ETH)))))
def test_a_key_of_two_parts_sorts_by_one_and_then_the_other(held: set[tuple[str, str]]) -> None:
    rows = [a_venue_asset(venue_id=venue, asset_id=asset) for venue, asset in held]
    selection = Selection(VENUE_ASSET, [])
    selection.add((VENUE_ASSET.key_of(row), entity_codec.encode(VENUE_ASSET, row)) for row in rows)
    ordered = sorted(held)
    assert [tuple(key.split("/")) for key in selection.after(None)] == ordered
    for place, key in enumerate(ordered):
        assert len(list(selection.after(list(key)))) == len(ordered) - place - 1


def test_a_selection_of_what_is_open_holds_until_the_first_of_it_ends() -> None:
    ends = (None, NOW + 2 * HOUR, NOW + HOUR, NOW, NOW - HOUR)
    listings = [
        a_venue_symbol(listing_id=an_id(str(place)), delisted_at=end)
        for place, end in enumerate(ends)
    ]
    selection = Selection(VENUE_SYMBOL, [only_open("include_delisted", "delisted_at", NOW)])
    selection.add((v.listing_id, entity_codec.encode(VENUE_SYMBOL, v)) for v in listings)
    assert (selection.total, selection.until) == (3, NOW + HOUR)
    whole = Selection(VENUE_SYMBOL, equal({"venue_id": "binance"}))
    whole.add((v.listing_id, entity_codec.encode(VENUE_SYMBOL, v)) for v in listings)
    assert (whole.total, whole.until) == (5, None)
