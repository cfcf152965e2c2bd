"""Venue symbols: the venues' own spellings."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from shared import as_of, resolution, rules
from shared.codec import instant_in, like
from shared.entities.symbol import SYMBOL
from shared.entities.venue import VENUE
from shared.entities.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, first_open
from shared.errors import Invalid, NotFound
from shared.grpc_errors import Context
from shared.instant import Instant
from shared.kind import Seen
from shared.told import told_now
from writer.cached import Reader
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
        if (at := as_of.asked(request, self.now())) is not None:
            async with self.reading(context) as reading:
                return await _as_of(reading, request, at)
        now = Instant.of(self.now())

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
        now = Instant.of(self.now())
        if not changed.alias_of:
            return resolution.as_of_now(changed, changed, now)
        async with self.reads.begin() as reading:
            (told,) = await told_now(reading, [changed], now)
        return told


async def _as_of(
    reading: Reading, request: pb.GetVenueSymbolRequest, at: Instant
) -> pb.GetVenueSymbolResponse:
    """What a spelling meant at an instant, with the terms of that time."""
    listing = await _present(reading, request.venue_id, request.venue_symbol, at)
    symbol = await reading.get(SYMBOL, listing.symbol_id)
    own = terms = await reading.terms_at(listing, at)
    if own is not None and own.alias_of:
        spelled = await _spelled(reading, request.venue_id, own.alias_of)
        primary = as_of.stood_for(listing, spelled, at)
        terms = None if primary is None else await reading.terms_at(primary, at)
    told = as_of.then(listing, own, terms, at)
    if told.terms is not None:
        symbol = resolution.fill_steps(symbol, told.terms)
    return pb.GetVenueSymbolResponse(venue_symbol=told.listing, symbol=symbol)


async def _spelled(reader: Reader, venue_id: str, spelling: str) -> list[Any]:
    """All that a spelling meant at a venue; nothing for the spelling that is none."""
    if not spelling:
        return []
    return await reader.find(VENUE_SYMBOL, "spelling", venue_id, spelling)


async def _present(reader: Reader, venue_id: str, spelling: str, now: Instant) -> Any:
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
        *rules.check_slug("venue_id", request.venue_id),
        *rules.check_printable("venue_symbol", request.venue_symbol),
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
