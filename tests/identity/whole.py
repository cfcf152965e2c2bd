"""One registry from every file: the catalogue, the lists, then the venues' listings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from tests.identity.files import DatedListing, dated_listings
from tests.identity.world import World
from tests.readers.listing_files import VENUES
from tests.readers.test_readers import reading_of

_DATA: Final = VENUES.parent
LISTED_AT: Final = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
#: Parts of a listing and samples of documentation: what is not in them is not missing.
_PARTS: Final = ("fixture", "docsample", "part", "25symbols", "incomplete", "sample")
#: Dexs that the catalogue does not have: each becomes a venue when it is wanted.
_NOT_THERE: Final = frozenset({"hyperliquid-hyna", "hyperliquid-km"})


def with_lists() -> World:
    """The catalogue, the token lists, and the reviewed map of venues' codes."""
    world = World.with_catalogue()
    for path in sorted((_DATA / "tokenlists").glob("*.json")):
        world.list_imported("tokenlist", path, LISTED_AT)
    identifiers = _DATA / "identifiers"
    world.list_imported(
        "codes",
        identifiers / "rotki_location_asset_mappings.csv",
        LISTED_AT,
        described=identifiers / "rotki_assets.csv",
    )
    return world


def forwards() -> World:
    """All lists and files, in the order of their time."""
    world = with_lists()
    import_all(world)
    return world


def backwards() -> World:
    """All lists and files, the newest first."""
    world = with_lists()
    import_all(world, reversed(dated_listings()))
    return world


def import_all(world: World, listings: Iterable[DatedListing] | None = None) -> int:
    """Import the venues' files, and return the number of listings that were rejected."""
    rejected = 0
    for listing, at in listings or dated_listings():
        if listing.venue_id in _NOT_THERE:
            continue
        reading = reading_of(listing)
        if any(word in listing.file for word in _PARTS):
            reading.incomplete = ["it is a part of a listing"]
        rejected += len(world.imported(listing.venue_id, reading, at).rejected)
    return rejected
