"""Venue symbols: the venues' own spellings."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from shared import resolution, rules
from shared.codec import instant_in, like
from shared.entities.symbol import SYMBOL
from shared.entities.venue import VENUE
from shared.entities.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, is_open
from shared.errors import Invalid, NotFound, Unimplemented
from shared.grpc_errors import Context
from shared.kind import Seen
from writer.services.ground import Ground, message_of, require_id


class VenueSymbols(Ground):
    async def CreateVenueSymbol(
        self, request: pb.CreateVenueSymbolRequest, context: Context
    ) -> pb.CreateVenueSymbolResponse:
        message = like(VENUE_SYMBOL, request)
        venue_symbol, revision = await self.create(VENUE_SYMBOL, message, context)
        return pb.CreateVenueSymbolResponse(venue_symbol=venue_symbol, revision=revision)

    async def GetVenueSymbol(
        self, request: pb.GetVenueSymbolRequest, context: Context
    ) -> pb.GetVenueSymbolResponse:
        require_spelling(request)
        if request.HasField("as_of"):
            raise Unimplemented("as_of is not answered by this release")
        now = Timestamp()
        now.FromDatetime(self.now())
        listing = await self._present(request.venue_id, request.venue_symbol, now)
        terms = listing
        if listing.alias_of:
            terms = await self._present(request.venue_id, listing.alias_of, now)
        symbol = await self.get(SYMBOL, listing.symbol_id)
        filled = resolution.fill_steps(symbol, terms)
        return pb.GetVenueSymbolResponse(venue_symbol=listing, symbol=filled)

    async def _present(self, venue_id: str, spelling: str, now: Timestamp) -> Any:
        found = await self.reads.find(VENUE_SYMBOL, "spelling", venue_id, spelling)
        listings = [message_of(VENUE_SYMBOL, stored) for stored in found]
        listing = resolution.present(listings, now)
        if listing is None:
            await self.get(VENUE, venue_id)
            raise NotFound("venue_symbol", spelling, f"at {venue_id}")
        return listing

    async def ListVenueSymbols(
        self, request: pb.ListVenueSymbolsRequest, context: Context
    ) -> pb.ListVenueSymbolsResponse:
        require_id("symbol_id", request.symbol_id)
        names = ("venue_id", "symbol_id", "venue_symbol")
        where = {name: getattr(request, name) for name in names}
        page = await self.reads.page(
            VENUE_SYMBOL,
            where,
            request.page_size,
            request.page_token,
            live=not request.include_delisted,
        )
        listings: list[Any] = list(page.messages)
        refs = {(SYMBOL.name, listing.symbol_id) for listing in listings}
        symbols = await self.reads.get_many(sorted(refs))
        return pb.ListVenueSymbolsResponse(
            venue_symbols=listings,
            next_page_token=page.next_token,
            symbols=[message_of(SYMBOL, stored) for stored in symbols.values()],
            total_count=page.total,
        )

    async def UpdateVenueSymbol(
        self, request: pb.UpdateVenueSymbolRequest, context: Context
    ) -> pb.UpdateVenueSymbolResponse:
        require_spelling(request)
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        venue_symbol, revision = await self.update(VENUE_SYMBOL, request, context, locate=locate)
        return pb.UpdateVenueSymbolResponse(venue_symbol=venue_symbol, revision=revision)

    async def DelistVenueSymbol(
        self, request: pb.DelistVenueSymbolRequest, context: Context
    ) -> pb.DelistVenueSymbolResponse:
        require_spelling(request)
        step = partial(delist, at=instant_in(request, "delisted_at") or self.now())
        locate = partial(open_listing, request.venue_id, request.venue_symbol)
        venue_symbol, revision = await self.evolve(VENUE_SYMBOL, "", step, request, context, locate)
        return pb.DelistVenueSymbolResponse(venue_symbol=venue_symbol, revision=revision)


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
    for listing in seen.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling):
        if is_open(listing, seen.now):
            found: VenueSymbol = listing
            return found
    raise NotFound(VENUE_SYMBOL.name, spelling, f"listed at {venue_id}")
