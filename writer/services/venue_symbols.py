"""Venue symbols: the venues' own spellings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from shared import resolution, rules
from shared.codec import instant_in, like
from shared.entities.symbol import SYMBOL
from shared.entities.venue import VENUE
from shared.entities.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, first_open
from shared.errors import Invalid, NotFound, Unimplemented
from shared.grpc_errors import Context
from shared.keys import require_filter
from shared.kind import Seen
from writer.cached import Reader
from writer.filters import equal, only_open
from writer.reads import Reading
from writer.services.ground import Ground


class VenueSymbols(Ground):
    async def CreateVenueSymbol(
        self, request: pb.CreateVenueSymbolRequest, context: Context
    ) -> pb.CreateVenueSymbolResponse:
        message = like(VENUE_SYMBOL, request)
        changed, revision = await self.create(VENUE_SYMBOL, message, request, context)
        told = await self._as_of_now(changed)
        return pb.CreateVenueSymbolResponse(venue_symbol=told, revision=revision)

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        require_spelling(request)
        if request.HasField("as_of"):
            raise Unimplemented("as_of is not answered by this release")
        now = resolution.instant(self.now())

        async def answer(reader: Reader) -> pb.GetVenueSymbolResponse:
            listing = await _present(reader, request.venue_id, request.venue_symbol, now)
            primaries = await _spelled(reader, request.venue_id, listing.alias_of)
            symbol = await reader.get(SYMBOL, listing.symbol_id)
            terms = resolution.terms_for(listing, primaries, now)
            return pb.GetVenueSymbolResponse(
                venue_symbol=resolution.as_of_now(listing, terms, now),
                symbol=resolution.fill_steps(symbol, terms),
            )

        return await self.read(context, answer)

    async def ListVenueSymbols(
        self, request: pb.ListVenueSymbolsRequest, context: Context
    ) -> pb.ListVenueSymbolsResponse:
        require_filter("symbol_id", request.symbol_id)
        names = ("venue_id", "symbol_id", "venue_symbol")
        wanted = equal({name: getattr(request, name) for name in names})
        now = self.now()
        if not request.include_delisted:
            wanted.append(only_open("include_delisted", "delisted_at", now))
        async with self.reading(context) as reading:
            page = await reading.page(VENUE_SYMBOL, wanted, request.page_size, request.page_token)
            symbols = await reading.get_many(SYMBOL, (v.symbol_id for v in page.messages))
            told = await _told(reading, page.messages, resolution.instant(now))
        return pb.ListVenueSymbolsResponse(
            venue_symbols=told,
            next_page_token=page.next_token,
            symbols=symbols,
            total_count=page.total,
        )

    async def UpdateVenueSymbol(
        self, request: pb.UpdateVenueSymbolRequest, context: Context
    ) -> pb.UpdateVenueSymbolResponse:
        require_spelling(request)
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        changed, revision = await self.update(VENUE_SYMBOL, request, context, locate=locate)
        told = await self._as_of_now(changed)
        return pb.UpdateVenueSymbolResponse(venue_symbol=told, revision=revision)

    async def DelistVenueSymbol(
        self, request: pb.DelistVenueSymbolRequest, context: Context
    ) -> pb.DelistVenueSymbolResponse:
        require_spelling(request)
        step = partial(delist, at=instant_in(request, "delisted_at") or self.now())
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        changed, revision = await self.evolve(VENUE_SYMBOL, "", step, request, context, locate)
        told = await self._as_of_now(changed)
        return pb.DelistVenueSymbolResponse(venue_symbol=told, revision=revision)

    async def _as_of_now(self, changed: Any) -> Any:
        """A listing that a change left, as the methods that read tell of it."""
        now = resolution.instant(self.now())
        if not changed.alias_of:
            return resolution.as_of_now(changed, changed, now)
        async with self.reads.begin() as reading:
            (told,) = await _told(reading, [changed], now)
        return told


async def _told(reading: Reading, listings: Sequence[Any], now: Timestamp) -> list[Any]:
    """Listings as they are to be told now; aliases by the terms of what they stand for."""
    spelled = {(v.venue_id, v.alias_of) for v in listings if v.alias_of}
    primaries = await reading.find_each(VENUE_SYMBOL, "spelling", spelled)
    return [
        resolution.as_of_now(
            v, resolution.terms_for(v, primaries.get((v.venue_id, v.alias_of), ()), now), now
        )
        for v in listings
    ]


async def _spelled(reader: Reader, venue_id: str, spelling: str) -> list[Any]:
    """All that a spelling meant at a venue; nothing for the spelling that is none."""
    if not spelling:
        return []
    return await reader.find(VENUE_SYMBOL, "spelling", venue_id, spelling)


async def _present(reader: Reader, venue_id: str, spelling: str, now: Timestamp) -> Any:
    """What a spelling means now, or last meant.

    Raises:
        NotFound: The venue or the spelling; naming which.
    """
    listing = resolution.present(await _spelled(reader, venue_id, spelling), now)
    if listing is None:
        await reader.get(VENUE, venue_id)
        raise NotFound("venue_symbol", spelling, f"at {venue_id}")
    return listing


def require_spelling(request: Any) -> None:
    violations = [
        *rules.check_printable("venue_symbol", request.venue_symbol),
        *rules.check_slug("venue_id", request.venue_id),
    ]
    if violations:
        raise Invalid(violations)


def open_listing(venue_id: str, spelling: str, seen: Seen) -> VenueSymbol:
    """The listing of this spelling that has not ended.

    Raises:
        NotFound: The venue or the spelling; naming which.
    """
    if seen.get(VENUE.name, venue_id) is None:
        raise NotFound(VENUE.name, venue_id)
    listings = seen.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
    if (found := first_open(listings, seen.now)) is not None:
        return found
    raise NotFound(VENUE_SYMBOL.name, spelling, f"listed at {venue_id}")
