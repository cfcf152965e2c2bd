"""Answers as of an instant of the past, from one reading of the registry. Pure."""

from __future__ import annotations

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as registry_pb

from cqar_resolver.queries import resolve_listing
from cqar_resolver.queries.query import QueryContext
from cqar_resolver.snapshot.reader import Reader
from cqar_shared.domain import as_of, tradeability
from cqar_shared.domain.as_of import ListingAsOf
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.tradeability import Listing


def listing_then(reading: Reader, venue_id: str, spelling: str, at: Instant) -> ListingAsOf:
    """What a spelling meant at an instant, or had meant last, with the terms of that time.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    listing = resolve_listing.present_listing(reading, venue_id, spelling, at)
    own = terms = _terms(reading, listing, at)
    if own is not None and own.alias_of:
        spelled = resolve_listing.primaries_of(reading, listing, own.alias_of, at)
        primary = as_of.stood_for(listing, spelled, at)
        terms = None if primary is None else _terms(reading, primary, at)
    return as_of.then(listing, own, terms, at)


def _terms(reading: Reader, listing: Listing, at: Instant) -> Listing | None:
    if as_of.holds(listing, at):
        return listing
    return as_of.in_period(reading.terms(listing.listing_id, at), listing)


def resolve(basis: QueryContext, venue_id: str, spelling: str, at: Instant) -> pb.Resolution:
    """All that is known of a spelling at an instant, without a verdict.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    reading = basis.reading
    then = listing_then(reading, venue_id, spelling, at)
    symbol = resolve_listing.require(reading, SYMBOL, then.listing.symbol_id)
    return pb.Resolution(
        status=resolve_listing.status_of(then.listing, at),
        venue_symbol=then.listing,
        symbol=symbol,
        base_asset=resolve_listing.asset(reading, symbol.base_asset_id),
        quote_asset=resolve_listing.asset(reading, symbol.quote_asset_id),
        settlement_asset=resolve_listing.asset(reading, symbol.settlement_asset_id),
        specs=None if then.terms is None else as_of.specs(then.terms, symbol),
    )


def venue_symbol(
    basis: QueryContext, venue_id: str, spelling: str, at: Instant
) -> registry_pb.GetVenueSymbolResponse:
    """What a spelling meant at an instant, and its symbol.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    then = listing_then(basis.reading, venue_id, spelling, at)
    symbol = resolve_listing.require(basis.reading, SYMBOL, then.listing.symbol_id)
    if then.terms is not None:
        symbol = tradeability.fill_steps(symbol, then.terms)
    return registry_pb.GetVenueSymbolResponse(venue_symbol=then.listing, symbol=symbol)
