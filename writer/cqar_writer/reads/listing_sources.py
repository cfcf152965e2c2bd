"""Where a listing's terms are from, now or as of an instant."""

from __future__ import annotations

import datetime as dt
from contextlib import aclosing
from typing import Any

from cqc.venues.v1.listing_source_pb2 import ListingSource
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant, moment_of
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.lists import filter_names
from cqar_shared.queries.listings import require_spelling
from cqar_writer.reads.sessions import RegistryReader


async def source_of(
    reader: RegistryReader, request: pb.GetListingSourceRequest, now: dt.datetime
) -> ListingSource:
    """Return the source of a listing's terms: of its newest answer, or of that before `as_of`.

    Raises:
        Invalid: The request names no listing, or names it twice.
        EntityNotFound: The venue, the listing or a source of it does not exist; names which.
    """
    as_of = entity_codec.instant_in(request, "as_of")
    listing_id = await _listing_id(reader, request, as_of or now)
    if as_of is None:
        found: Any = await reader.get(LISTING_SOURCE, listing_id)
        return found  # type: ignore[no-any-return]
    async with aclosing(reader.states(LISTING_SOURCE, listing_id)) as states:
        async for payload in states:
            source = ListingSource.FromString(payload)
            if payload and moment_of(source.taken_at) <= as_of:
                return source
    raise EntityNotFound(LISTING_SOURCE.name, listing_id, f"as of {as_of.isoformat()}")


async def _listing_id(
    reader: RegistryReader, request: pb.GetListingSourceRequest, moment: dt.datetime
) -> str:
    if request.listing_id:
        if request.venue_id or request.venue_symbol:
            message = "give either this, or venue_id and venue_symbol"
            raise Invalid([FieldViolation("listing_id", "TWICE", message)])
        require_id("listing_id", request.listing_id)
        return request.listing_id
    require_spelling(request.venue_id, request.venue_symbol)
    key = (request.venue_id, request.venue_symbol)
    listings = await reader.find(VENUE_SYMBOL, "spelling", *key)
    listing = tradeability.current_listing(listings, Instant.of(moment))
    if listing is None:
        await filter_names.require_named(reader, [("venue_id", request.venue_id)])
        raise EntityNotFound(VENUE_SYMBOL.name, request.venue_symbol, f"at {request.venue_id}")
    return listing.listing_id
