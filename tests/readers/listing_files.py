"""What a file of `../shared/data/venues` is: whose listing, under which request's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

#: Beside the project: third parties' files, read where they lie.
VENUES: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "venues"


class Beside(NamedTuple):
    """A file that is given with a listing, such as a table of fees."""

    file: str
    request: str


class Listing(NamedTuple):
    """A file that holds a venue's listing.

    Attributes:
        file: Relative to data/venues.
        venue_id: Whose listing it is, by product line.
        request: The name that an import gives the file: the end of the request's path.
        beside: Files given with it.
        restored: Gives the venue's own form back, where the source has changed the envelope.
    """

    file: str
    venue_id: str
    request: str
    beside: tuple[Beside, ...] = ()
    restored: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """What an oracle calls it: the file, and the venue where several read the file."""
        return f"{self.file} as {self.venue_id}" if self.is_shared else self.file

    @property
    def is_shared(self) -> bool:
        return self.file in SHARED_FILES


#: They hold listings of several product lines: the oracle's key is "FILE as VENUE".
SHARED_FILES: Final = frozenset(
    {"bybit/v2_symbols_2021-04-17.json", "hyperliquid/fixture_recent_all_perp_metas.json"}
)
