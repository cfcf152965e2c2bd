"""Venue symbols: the venues' own spellings."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import instant_in, like
from cqar_shared.codec.request_validation import as_of_instant
from cqar_shared.domain import as_of, rules, tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, first_open
from cqar_shared.errors import EntityNotFound, Invalid
from cqar_shared.lists.presentation import present_listings
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.reads.cached import CachedReader
from cqar_writer.reads.sessions import RegistryReader
from cqar_writer.services.rpc_methods import RpcMethods


class VenueSymbols(RpcMethods):
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
        if (at := as_of_instant(request, self.now())) is not None:
            async with self.reading(context) as reading:
                return await _as_of(reading, request, at)
        now = Instant.of(self.now())

        async def answer(reader: CachedReader) -> pb.GetVenueSymbolResponse:
            listing = await _present(reader, request.venue_id, request.venue_symbol, now)
            primaries = await _spelled(reader, request.venue_id, listing.alias_of)
            symbol = await reader.get(SYMBOL, listing.symbol_id)
            terms = tradeability.terms_for(listing, primaries, now)
            return pb.GetVenueSymbolResponse(
                venue_symbol=tradeability.effective_listing(listing, terms, now),
                symbol=tradeability.fill_steps(symbol, terms),
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
            return tradeability.effective_listing(changed, changed, now)
        async with self.reads.begin() as reading:
            (told,) = await present_listings(reading, [changed], now)
        return told


async def _as_of(
    reading: RegistryReader, request: pb.GetVenueSymbolRequest, at: Instant
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
        symbol = tradeability.fill_steps(symbol, told.terms)
    return pb.GetVenueSymbolResponse(venue_symbol=told.listing, symbol=symbol)


async def _spelled(reader: CachedReader, venue_id: str, spelling: str) -> list[Any]:
    """All that a spelling meant at a venue; nothing for the spelling that is none."""
    if not spelling:
        return []
    return await reader.find(VENUE_SYMBOL, "spelling", venue_id, spelling)


async def _present(reader: CachedReader, venue_id: str, spelling: str, now: Instant) -> Any:
    """What a spelling means now, or last meant.

    Raises:
        NotFound: The venue or the spelling; naming which.
    """
    listing = tradeability.current_listing(await _spelled(reader, venue_id, spelling), now)
    if listing is None:
        await reader.get(VENUE, venue_id)
        raise EntityNotFound("venue_symbol", spelling, f"at {venue_id}")
    return listing


def require_spelling(request: Any) -> None:
    violations = [
        *rules.check_slug("venue_id", request.venue_id),
        *rules.check_printable("venue_symbol", request.venue_symbol),
    ]
    if violations:
        raise Invalid(violations)


def open_listing(venue_id: str, spelling: str, seen: RegistryView) -> VenueSymbol:
    """The listing of this spelling that has not ended.

    Raises:
        NotFound: The venue or the spelling; naming which.
    """
    if seen.get(VENUE.name, venue_id) is None:
        raise EntityNotFound(VENUE.name, venue_id)
    listings = seen.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
    if (found := first_open(listings, seen.now)) is not None:
        return found
    raise EntityNotFound(VENUE_SYMBOL.name, spelling, f"listed at {venue_id}")
