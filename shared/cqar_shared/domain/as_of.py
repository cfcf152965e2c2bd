"""A listing as it was at an instant of the past, from what is known of its terms then. Pure.

Changes that were announced hold from their instant on, as they do now.

A period says what a spelling meant, by all that is known today; status and steps are those that
were known to hold then, or none. Nothing here says what may be traded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2

from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.tradeability import Listing

_IDENTITY: Final = ("listing_id", "venue_id", "symbol_id", "venue_symbol")
_PERIOD: Final = ("listed_at", "delisted_at", "first_seen_at")


class ListingAsOf(NamedTuple):
    """A listing as of an instant.

    Attributes:
        listing: To be told. Without status and steps where those of that time are not known.
        terms: The listing whose steps applied; of an alias, its primary; None: not known.
    """

    listing: Listing
    terms: Listing | None


def holds(listing: Listing, at: Instant) -> bool:
    """Whether the listing's present terms were those of that instant, too."""
    return listing.HasField("terms_since") and at.reached(listing.terms_since)


def in_period(payload: bytes | None, listing: Listing) -> Listing | None:
    """The terms of a time in the listing's period, as that and its symbol are known today."""
    if payload is None:
        return None
    terms = Listing.FromString(payload)
    # Its symbol may have been merged into another one since.
    terms.symbol_id = listing.symbol_id
    for field in _PERIOD:
        terms.ClearField(field)
        if listing.HasField(field):
            getattr(terms, field).CopyFrom(getattr(listing, field))
    return terms


def stood_for(listing: Listing, spelled: Iterable[Listing], at: Instant) -> Listing | None:
    """Of the periods of the spelling that an alias stood for, the one that it meant then."""
    return tradeability.current_listing(
        (p for p in spelled if p.symbol_id == listing.symbol_id), at
    )


def then(listing: Listing, own: Listing | None, terms: Listing | None, at: Instant) -> ListingAsOf:
    """What is told of a listing.

    Args:
        own: The listing with its terms of that time.
        terms: Those that applied: an alias has none of its own.
    """
    if own is None:
        return ListingAsOf(_bare(listing, at), None)
    if terms is None or terms.alias_of:
        told = Listing()
        told.CopyFrom(own)
        told.ClearField("status")
        told.ClearField("is_active")
        tradeability.announce_end(told, at)
        return ListingAsOf(told, None)
    return ListingAsOf(tradeability.effective_listing(own, terms, at), terms)


def _bare(listing: Listing, at: Instant) -> Listing:
    """Which it is and when, and nothing of its terms."""
    told = Listing(**{name: getattr(listing, name) for name in _IDENTITY})
    for field in _PERIOD:
        if listing.HasField(field):
            getattr(told, field).CopyFrom(getattr(listing, field))
    tradeability.announce_end(told, at)
    return told


def specs(terms: Listing, symbol: symbol_pb2.Symbol) -> resolver_pb2.Specs:
    """The venue's steps of that time; the symbol's own, which have no dates, stand in for none."""
    kinds = symbol_pb2.Symbol(symbol_type=symbol.symbol_type, contract_kind=symbol.contract_kind)
    found = tradeability.specs_of(terms, kinds)
    if found.source != resolver_pb2.SPECS_SOURCE_VENUE:
        found.ClearField("source")
    return found
