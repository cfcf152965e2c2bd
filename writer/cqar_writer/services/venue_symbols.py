"""Venue symbols: the venues' own spellings."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import instant_in, like
from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, first_open
from cqar_shared.errors import EntityNotFound
from cqar_shared.lists.presentation import present_listings
from cqar_shared.queries.listings import GetVenueSymbolQuery, require_spelling
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.reads.query_answer import answer
from cqar_writer.services.rpc_methods import RpcMethods


class VenueSymbols(RpcMethods):
    async def CreateVenueSymbol(
        self, request: pb.CreateVenueSymbolRequest, context: Context
    ) -> pb.CreateVenueSymbolResponse:
        message = like(VENUE_SYMBOL, request)
        changed, revision = await self.create(VENUE_SYMBOL, message, request, context)
        listing = await self._effective(changed)
        return pb.CreateVenueSymbolResponse(venue_symbol=listing, revision=revision)

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        query = GetVenueSymbolQuery.from_request(request, self.now())
        if query.as_of is None:
            return await self.read(context, partial(answer, query))
        # Redis holds the present only.
        async with self.reading(context) as reader:
            return await answer(query, reader)

    async def UpdateVenueSymbol(
        self, request: pb.UpdateVenueSymbolRequest, context: Context
    ) -> pb.UpdateVenueSymbolResponse:
        require_spelling(request.venue_id, request.venue_symbol)
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        changed, revision = await self.update(VENUE_SYMBOL, request, context, locate=locate)
        listing = await self._effective(changed)
        return pb.UpdateVenueSymbolResponse(venue_symbol=listing, revision=revision)

    async def DelistVenueSymbol(
        self, request: pb.DelistVenueSymbolRequest, context: Context
    ) -> pb.DelistVenueSymbolResponse:
        require_spelling(request.venue_id, request.venue_symbol)
        step = partial(delist, at=instant_in(request, "delisted_at") or self.now())
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        changed, revision = await self.evolve(VENUE_SYMBOL, "", step, request, context, locate)
        listing = await self._effective(changed)
        return pb.DelistVenueSymbolResponse(venue_symbol=listing, revision=revision)

    async def _effective(self, changed: Any) -> Any:
        """Return a listing that a change left as the methods that read return it."""
        now = Instant.of(self.now())
        if not changed.alias_of:
            return tradeability.effective_listing(changed, changed, now)
        async with self.reads.begin() as reader:
            (listing,) = await present_listings(reader, [changed], now)
        return listing


def open_listing(venue_id: str, venue_symbol: str, seen: RegistryView) -> VenueSymbol:
    """Return the listing of a spelling that has not ended.

    Raises:
        EntityNotFound: The venue or the spelling does not exist; names which.
    """
    venue = seen.get(VENUE.name, venue_id)
    # Asked for in any case: so both are loaded at once.
    listings = seen.find(VENUE_SYMBOL.name, "spelling", venue_id, venue_symbol)
    listing = first_open(listings, seen.now)
    if venue is None:
        raise EntityNotFound(VENUE.name, venue_id)
    if listing is not None:
        return listing
    raise EntityNotFound(VENUE_SYMBOL.name, venue_symbol, f"listed at {venue_id}")
