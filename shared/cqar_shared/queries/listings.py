"""What a venue's spelling means, now, at an instant of the past, or at one to come. Pure.

Reader and instant come in. The instant notes until when the answer holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol

from cqar_shared.codec.entity_codec import instant_in
from cqar_shared.domain import as_of, rules, tradeability
from cqar_shared.domain.as_of import ListingAsOf
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.queries import entities
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.queries.reader import NotResident, Reader


def require_spelling(venue_id: str, venue_symbol: str) -> None:
    """Refuse what no venue or spelling can be.

    Raises:
        Invalid: One or both cannot be; names each.
    """
    violations: list[FieldViolation] = [
        *rules.check_slug("venue_id", venue_id),
        *rules.check_printable("venue_symbol", venue_symbol),
    ]
    if violations:
        raise Invalid(violations)


@dataclass(frozen=True, slots=True)
class GetVenueSymbolQuery(Query[pb.GetVenueSymbolResponse]):
    """What does a venue's spelling mean, now or as of an instant, and what is its symbol?

    As of an instant to come, the answer is what will hold then by what is known now.
    """

    rpc = "GetVenueSymbol"
    venue_id: str
    venue_symbol: str
    as_of: dt.datetime | None
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(cls, request: pb.GetVenueSymbolRequest, now: dt.datetime) -> Self:
        """Validate a request.

        Raises:
            Invalid: No venue or spelling can be called so, or `as_of` cannot be stored.
        """
        require_spelling(request.venue_id, request.venue_symbol)
        moment = instant_in(request, "as_of")
        return cls(request.venue_id, request.venue_symbol, moment, now)

    def run(self, context: QueryContext) -> pb.GetVenueSymbolResponse:
        reader, key = context.reader, (self.venue_id, self.venue_symbol)
        terms: VenueSymbol | None
        is_projected = self.as_of is not None and self.as_of > self.now
        if self.as_of is None or is_projected:
            now = Instant.of(self.as_of or self.now)
            stored = current_listing(reader, *key, now)
            terms = terms_of(reader, stored, now)
            listing = tradeability.effective_listing(stored, terms, now)
        else:
            listing, terms = listing_as_of(reader, *key, Instant.of(self.as_of))
        symbol = entities.require(reader, SYMBOL, listing.symbol_id)
        if terms is not None:
            symbol = tradeability.fill_steps(symbol, terms)
        response = pb.GetVenueSymbolResponse(venue_symbol=listing, symbol=symbol)
        if is_projected:
            response.projected = True
        return response


def current_listing(
    reader: Reader, venue_id: str, venue_symbol: str, instant: Instant
) -> VenueSymbol:
    """Return the listing that a spelling means at an instant, or last meant before it.

    Raises:
        EntityNotFound: The venue or the spelling does not exist; names which.
        NotResident: A listing that counts may be archived.
    """
    listings = entities.find(reader, VENUE_SYMBOL, "spelling", venue_id, venue_symbol)
    _require_resident(reader, venue_id, venue_symbol, listings, instant)
    listing = tradeability.current_listing(listings, instant)
    if listing is None:
        if reader.get("venue", venue_id) is None:
            raise EntityNotFound("venue", venue_id)
        raise EntityNotFound("venue_symbol", venue_symbol, f"at {venue_id}")
    return listing


def primaries_of(
    reader: Reader, listing: VenueSymbol, alias_of: str, instant: Instant
) -> list[VenueSymbol]:
    """Return every listing of the spelling that an alias stands for; none if it is no alias.

    Raises:
        NotResident: The listing that counts may be archived.
    """
    if not alias_of:
        return []
    listings = entities.find(reader, VENUE_SYMBOL, "spelling", listing.venue_id, alias_of)
    candidates = [p for p in listings if p.symbol_id == listing.symbol_id and not p.alias_of]
    _require_resident(reader, listing.venue_id, alias_of, candidates, instant)
    return listings


def _require_resident(
    reader: Reader,
    venue_id: str,
    venue_symbol: str,
    listings: Iterable[VenueSymbol],
    instant: Instant,
) -> None:
    """Where none of these listings is current, an archived one may be.

    Raises:
        NotResident: An archived listing of this spelling exists.
    """
    is_listed = any(tradeability.listed_at(listing, instant) for listing in listings)
    if not is_listed and reader.archived("spelling", venue_id, venue_symbol):
        raise NotResident(venue_symbol)


def terms_of(reader: Reader, listing: VenueSymbol, now: Instant) -> VenueSymbol:
    """Return the listing whose steps and status apply: itself, or what an alias stands for.

    Raises:
        NotResident: The listing that counts may be archived.
    """
    primaries = primaries_of(reader, listing, listing.alias_of, now)
    return tradeability.terms_for(listing, primaries, now)


def listing_as_of(
    reader: Reader, venue_id: str, venue_symbol: str, instant: Instant
) -> ListingAsOf:
    """Return what a spelling meant at an instant, or had meant last, with the terms of that time.

    Raises:
        EntityNotFound: The venue or the spelling does not exist; names which.
        NotResident: The reader does not hold the terms of that time.
    """
    listing = current_listing(reader, venue_id, venue_symbol, instant)
    own = terms = _terms_at(reader, listing, instant)
    if own is not None and own.alias_of:
        primaries = primaries_of(reader, listing, own.alias_of, instant)
        primary = as_of.stood_for(listing, primaries, instant)
        terms = None if primary is None else _terms_at(reader, primary, instant)
    return as_of.then(listing, own, terms, instant)


def _terms_at(reader: Reader, listing: VenueSymbol, instant: Instant) -> VenueSymbol | None:
    if as_of.holds(listing, instant):
        return tradeability.terms_at(listing, instant)
    terms = as_of.in_period(reader.terms(listing.listing_id, instant), listing)
    return None if terms is None else tradeability.terms_at(terms, instant)
