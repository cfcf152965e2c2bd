"""The files of `../shared/data/venues` that are a venue's listing, in the order of their time."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

from tests.readers.listing_files import Listing
from tests.readers.test_readers import FILES

_DAY: Final = re.compile(r"(20\d\d)-(\d\d)(?:-(\d\d))?")
#: Of files whose name has no day: fixtures and samples of 2024 to 2026.
UNDATED: Final = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)


class DatedListing(NamedTuple):
    """A listing and when it was taken, as far as its file's name says so."""

    listing: Listing
    at: dt.datetime


def taken_at(file: str) -> dt.datetime:
    found = _DAY.search(file)
    if found is None:
        return UNDATED
    year, month, day = (int(part or 1) for part in found.groups())
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


def dated_listings() -> list[DatedListing]:
    """All of them, the oldest first."""
    found = [DatedListing(listing, taken_at(listing.file)) for listing in FILES]
    return sorted(found, key=lambda dated: (dated.at, dated.listing.file, dated.listing.venue_id))
