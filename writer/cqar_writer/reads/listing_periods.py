"""Every period that a venue's spelling ever had, removed and archived ones included."""

from __future__ import annotations

import datetime as dt
from typing import Final

from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound
from cqar_shared.lists import filter_names
from cqar_shared.queries.listings import require_spelling
from cqar_writer.reads.sessions import RegistryReader
from cqar_writer.store.voided_listings import VoidedListings

#: Periods in one answer, the newest; a spelling has a few.
PERIODS_MAX: Final = 1_000


async def periods_of(
    reader: RegistryReader,
    voided: VoidedListings,
    venue_id: str,
    venue_symbol: str,
    now: dt.datetime,
) -> pb.ListPeriodsResponse:
    """Return the periods in the order in which they began; those of unknown beginning first.

    Raises:
        Invalid: No venue or spelling can be called so.
        EntityNotFound: The venue does not exist, or the spelling never meant anything there.
    """
    require_spelling(venue_id, venue_symbol)
    removed = await reader.voided(voided, venue_id, venue_symbol)
    periods = []
    for stored in await reader.stored(VENUE_SYMBOL, "spelling", venue_id, venue_symbol):
        listing = venue_symbol_pb2.VenueSymbol.FromString(stored.payload)
        periods.append(_period(listing, _state(listing, now, is_archived=stored.archived)))
    # A listing that was removed may have been created again under its id.
    live_ids = {period.listing_id for period in periods}
    periods += [
        _period(listing, pb.PERIOD_STATE_VOIDED)
        for listing in removed.listings
        if listing.listing_id not in live_ids
    ]
    if not periods:
        await filter_names.require_named(reader, [("venue_id", venue_id)])
        raise EntityNotFound(VENUE_SYMBOL.name, venue_symbol, f"at {venue_id}")
    periods.sort(key=lambda period: (period.listed_at.ToNanoseconds(), period.listing_id))
    is_partial = removed.is_partial or len(periods) > PERIODS_MAX
    return pb.ListPeriodsResponse(periods=periods[-PERIODS_MAX:], is_partial=is_partial)


def _period(
    listing: venue_symbol_pb2.VenueSymbol, state: pb.PeriodState.ValueType
) -> pb.SpellingPeriod:
    period = pb.SpellingPeriod(
        listing_id=listing.listing_id, symbol_id=listing.symbol_id, state=state
    )
    for field in ("listed_at", "delisted_at"):
        if listing.HasField(field):
            getattr(period, field).CopyFrom(getattr(listing, field))
    return period


def _state(
    listing: venue_symbol_pb2.VenueSymbol, now: dt.datetime, *, is_archived: bool
) -> pb.PeriodState.ValueType:
    if is_archived:
        return pb.PERIOD_STATE_ARCHIVED
    ended = listing.HasField("delisted_at") and listing.delisted_at.ToDatetime(dt.UTC) <= now
    return pb.PERIOD_STATE_DELISTED if ended else pb.PERIOD_STATE_LISTED
