"""The interface for reading the registry at one revision, wherever it is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from cqar_shared.domain.instant import Instant

#: Pseudo-kind of listings as they were in the past.
LISTING_TERMS: Final = "listing_terms"


class NotResident(Exception):
    """Memory does not hold this: ask the stores below it."""


class Reader(Protocol):
    """The registry at one revision; `cqar_resolver.snapshot.snapshot.Snapshot` is one."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the entity, serialised; None if there is none."""

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        """Iterate over (key, payload) of the entities under these values of a lookup."""

    def archived(self, lookup: str, *values: str) -> bool:
        """Whether something archived may be there that this reader does not hold.

        Args:
            lookup: `entity`, by kind and key, or `spelling`, by venue and spelling.
        """

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """Return a listing as it was at an instant; None if that is unknown.

        Raises:
            NotResident: The reader holds the present only.
        """
