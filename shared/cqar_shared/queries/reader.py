"""How queries read the registry at one revision, wherever it is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from cqar_shared.domain.instant import Instant

#: Stands for a kind where a `LookupKey` asks for a listing as it was at an instant.
LISTING_TERMS: Final = "listing_terms"


class NotResident(Exception):
    """Memory knows that it does not hold this: PostgreSQL must be asked."""


class Reader(Protocol):
    """The registry at one revision, such as a resolver's snapshot."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the serialised entity; None if there is none."""

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        """Return (key, payload) of each entity that has these values in the lookup's index."""

    def archived(self, lookup: str, *values: str) -> bool:
        """Return whether an archived entity may exist that this reader does not hold.

        Args:
            lookup: `entity`, by kind and key, or `spelling`, by venue and spelling.
        """

    def terms(self, listing_id: str, instant: Instant) -> bytes | None:
        """Return a listing as it was at an instant; None if nobody knows.

        Raises:
            NotResident: The reader holds the present only.
        """
