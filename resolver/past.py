"""Answers as of an instant of the past, from one reading of the registry. Pure."""

from __future__ import annotations

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as registry_pb

from resolver import answers
from resolver.reading import Basis, Reading
from shared import as_of, resolution
from shared.as_of import Then
from shared.entities.symbol import SYMBOL
from shared.instant import Instant
from shared.resolution import Listing


def listing_then(reading: Reading, venue_id: str, spelling: str, at: Instant) -> Then:
    """What a spelling meant at an instant, or had meant last, with the terms of that time.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    listing = answers.present_listing(reading, venue_id, spelling, at)
    own = terms = _terms(reading, listing, at)
    if own is not None and own.alias_of:
        spelled = answers.primaries_of(reading, listing, own.alias_of, at)
        primary = as_of.stood_for(listing, spelled, at)
        terms = None if primary is None else _terms(reading, primary, at)
    return as_of.then(listing, own, terms, at)


def _terms(reading: Reading, listing: Listing, at: Instant) -> Listing | None:
    if as_of.holds(listing, at):
        return listing
    return as_of.in_period(reading.terms(listing.listing_id, at), listing)


def resolve(basis: Basis, venue_id: str, spelling: str, at: Instant) -> pb.Resolution:
    """All that is known of a spelling at an instant, without a verdict.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    reading = basis.reading
    then = listing_then(reading, venue_id, spelling, at)
    symbol = answers.require(reading, SYMBOL, then.listing.symbol_id)
    return pb.Resolution(
        status=answers.status_of(then.listing, at),
        venue_symbol=then.listing,
        symbol=symbol,
        base_asset=answers.asset(reading, symbol.base_asset_id),
        quote_asset=answers.asset(reading, symbol.quote_asset_id),
        settlement_asset=answers.asset(reading, symbol.settlement_asset_id),
        specs=None if then.terms is None else as_of.specs(then.terms, symbol),
    )


def venue_symbol(
    basis: Basis, venue_id: str, spelling: str, at: Instant
) -> registry_pb.GetVenueSymbolResponse:
    """What a spelling meant at an instant, and its symbol.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: The terms of that time are not in this reading.
    """
    then = listing_then(basis.reading, venue_id, spelling, at)
    symbol = answers.require(basis.reading, SYMBOL, then.listing.symbol_id)
    if then.terms is not None:
        symbol = resolution.fill_steps(symbol, then.terms)
    return registry_pb.GetVenueSymbolResponse(venue_symbol=then.listing, symbol=symbol)
