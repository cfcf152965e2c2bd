"""Hints after a miss: what is near to a name that nobody knows. A hint is never an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar_shared.domain.near_names import did_you_mean, without_separators

#: Connects to a server that has the registry, or raises CallFailed.
Connect = Callable[[], Connection]

#: Listings of a venue that are looked at.
LISTINGS_MAX: Final = 20_000
#: Near spellings that are shown.
SHOWN_MAX: Final = 5


def with_near_names(error: CallFailed, connect: Connect) -> CallFailed:
    """Return the error with what is near to the name that was not found, if anything is."""
    hint = "" if "did you mean" in str(error) else _hint(error, connect)
    if not hint:
        return error
    first, *rest = str(error).split("\n")
    return error.reworded("\n".join([f"{first} {hint}", *rest]))


def _hint(error: CallFailed, connect: Connect) -> str:
    venue_id = getattr(error.request, "venue_id", "")
    venue_ids = [venue_id, *getattr(error.request, "venue_ids", ())]
    try:
        if error.reason == "VENUE_NOT_FOUND":
            with connect() as connection:
                known = _venues(connection)
            unknown = next((each for each in venue_ids if each and each not in known), "")
            return did_you_mean(unknown, known)
        if error.reason == "VENUE_SYMBOL_NOT_FOUND":
            spelling = getattr(error.request, "venue_symbol", "")
            if not spelling:
                return ""
            found = list(error.near)
            if not found:
                with connect() as connection:
                    found = sorted(_spelled_otherwise(connection, venue_id, spelling))[:SHOWN_MAX]
            return f"(the venue spells: {', '.join(map(repr, found))})" if found else ""
    except CallFailed:
        # Who cannot be asked gives no hint.
        pass
    return ""


def _venues(connection: Connection) -> list[str]:
    request = pb.ListVenuesRequest()
    found = pagination.entities(connection, connection.registry.ListVenues, request, "venues")
    return [venue.venue_id for venue in found]


def _spelled_otherwise(connection: Connection, venue_id: str, spelling: str) -> Iterator[str]:
    """Spellings of the venue that differ by case and separators alone."""
    request = pb.ListVenueSymbolsRequest(venue_id=venue_id)
    method = connection.registry.ListVenueSymbols
    listings: Iterator[Any] = pagination.entities(connection, method, request, "venue_symbols")
    plain = without_separators(spelling)
    for listing in islice(listings, LISTINGS_MAX):
        if without_separators(listing.venue_symbol) == plain:
            yield listing.venue_symbol
