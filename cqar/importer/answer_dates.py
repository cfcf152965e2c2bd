"""When a venue's answers were taken, by type of product, in the venue's metadata. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import Venue

#: Since when its listing is followed.
LISTINGS_SINCE: Final = "listings_since"
#: The instant of the newest listing.
LISTINGS_AS_OF: Final = "listings_as_of"
#: The instants of listings that were dated by who imported them.
LISTINGS_DATED: Final = "listings_dated"
#: Of these, so many of a type are kept.
DATED_MAX: Final = 1_000

Instants = dict[SymbolTypeCode, dt.datetime]


class AnswerDates:
    """A venue's answers.

    Attributes:
        since: The first one that was imported, of each type.
        as_of: The newest one.
        dated: Those with a date of their own, in their order.
    """

    def __init__(self, venue: Venue) -> None:
        noted = venue.metadata or {}
        self.since = _instants(noted.get(LISTINGS_SINCE))
        self.as_of = _instants(noted.get(LISTINGS_AS_OF))
        recorded = noted.get(LISTINGS_DATED)
        pairs = recorded.items() if isinstance(recorded, dict) else ()
        self.dated = {
            SymbolTypeCode[kind]: [dt.datetime.fromisoformat(text) for text in texts]
            for kind, texts in pairs
        }

    def later(self, at: dt.datetime) -> dict[SymbolTypeCode, list[dt.datetime]]:
        """Known instants of newer answers, by type."""
        found = {}
        for kind in self.as_of:
            known = {self.as_of[kind], *self.dated.get(kind, ())}
            known |= {self.since[kind]} if kind in self.since else set()
            if later := sorted(instant for instant in known if instant > at):
                found[kind] = later
        return found

    def note(self, types: set[SymbolTypeCode], at: dt.datetime, *, is_dated: bool) -> None:
        """Add an answer that holds these types."""
        for kind in types:
            self.since.setdefault(kind, at)
            self.as_of[kind] = max(at, self.as_of.get(kind, at))
            if is_dated:
                known = sorted({*self.dated.get(kind, ()), at})
                self.dated[kind] = known[-DATED_MAX:]

    def metadata(self) -> dict[str, Any]:
        """As the venue's metadata."""
        dated = {
            kind.name: [instant.isoformat() for instant in instants]
            for kind, instants in self.dated.items()
        }
        return {
            LISTINGS_SINCE: {
                kind.name: instant.isoformat() for kind, instant in self.since.items()
            },
            LISTINGS_AS_OF: {
                kind.name: instant.isoformat() for kind, instant in self.as_of.items()
            },
            **({LISTINGS_DATED: dated} if dated else {}),
        }


def _instants(recorded: Any) -> Instants:
    pairs = recorded.items() if isinstance(recorded, dict) else ()
    return {SymbolTypeCode[kind]: dt.datetime.fromisoformat(text) for kind, text in pairs}
