"""What kinds say that their rules ask for is what they ask for: they run once."""

from __future__ import annotations

import msgspec
import pytest

from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Batch, ChangeIntent, Item, Outcome, Result
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.working_set import Stored, WorkingSet
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_id

FRESH = an_id("fresh")


def stored(name: str, entity: Entity) -> Stored:
    kind = KIND_BY_NAME[name]
    return Stored(
        lambda payload: entity_codec.decode(kind, payload), 1, entity_codec.encode(kind, entity)
    )


def loaded(given: VenueSymbol, *listed: VenueSymbol) -> tuple[WorkingSet, Outcome]:
    """What is known after what was foreseen was loaded, and what rules say with that."""
    there = {("venue", a_venue().venue_id): stored("venue", a_venue())}
    there[("symbol", a_symbol().symbol_id)] = stored("symbol", a_symbol())
    there |= {("venue_symbol", v.listing_id): stored("venue_symbol", v) for v in listed}
    batch = Batch([Item(kind=VENUE_SYMBOL, intent=ChangeIntent.UPSERT, given=given, fresh=FRESH)])
    registry = WorkingSet(NOW)
    batch.prefetch(registry)
    for find in registry.missing.finds:
        values_of = VENUE_SYMBOL.lookups[find.lookup].values_of
        found = [v.listing_id for v in listed if find.values in values_of(v)]
        registry.know_found(find, found)
    for ref in there.keys() | registry.missing.refs:
        registry.know(ref, there.get(ref))
    return registry, batch.judge(registry)[0]


@pytest.mark.parametrize("listing_id", ["", an_id("of its own")])
def test_of_a_new_listing_nothing_is_asked_twice(listing_id: str) -> None:
    registry, outcome = loaded(a_venue_symbol(listing_id=listing_id))
    assert not registry.missing
    assert (outcome.result, outcome.key) == (Result.CREATED, listing_id or FRESH)


def test_nor_of_one_that_is_there() -> None:
    listing = a_venue_symbol(listing_id=an_id("there"))
    registry, outcome = loaded(msgspec.structs.replace(listing, listing_id=""), listing)
    assert not registry.missing
    assert (outcome.result, outcome.key) == (Result.UNCHANGED, listing.listing_id)
