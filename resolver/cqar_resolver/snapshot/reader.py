"""How the registry is read at one revision, wherever it is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from cqar_shared.domain.instant import Instant

#: In place of a kind: listings as they were.
LISTING_TERMS: Final = "listing_terms"


class NotResident(Exception):
    """Memory knows that it does not hold this: what stands below it is to be asked."""


class Reader(Protocol):
    """The registry at one revision; `cqar_resolver.snapshot.snapshot.Snapshot` is one."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The entity, serialised; None if there is none."""

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        """(key, payload) of the entities filed under these values."""

    def archived(self, lookup: str, *values: str) -> bool:
        """Whether something that was archived may be there, and this reading does not hold it.

        Args:
            lookup: `entity`, by kind and key, or `spelling`, by venue and spelling.
        """

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        """A listing as it was from an instant or before on; None if nobody knows.

        Raises:
            NotInMemory: The reading has the present only.
        """
