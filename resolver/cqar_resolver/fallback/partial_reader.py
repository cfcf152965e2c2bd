"""A reader that holds part of a revision and notes which lookups it could not answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cqar_resolver.snapshot.reader import LISTING_TERMS, Reader
from cqar_shared.domain.instant import Instant


class PartialLookup(NamedTuple):
    """One question to a reading: by key where `lookup` is empty."""

    kind: str
    lookup: str
    values: tuple[Any, ...]


class PartialReader:
    """What is known so far of a revision.

    What is not is noted in `wanted` and answered with nothing: an answer counts only if nothing
    was wanting when it was made.

    Args:
        base: Memory at that very revision: only what is not in it is wanted.
    """

    def __init__(self, base: Reader | None = None) -> None:
        self._base = base
        self._known: dict[PartialLookup, list[tuple[str, bytes]]] = {}
        self.wanted: set[PartialLookup] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        if self._base is not None:
            payload = self._base.get(kind, key)
            if payload is not None or not self._base.archived("entity", kind, key):
                return payload
        for _, payload in self._ask(PartialLookup(kind, "", (key,))):
            return payload
        return None

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        if self._base is not None and not self._holds_archived(kind, lookup, *values):
            return self._base.find(kind, lookup, *values)
        return self._ask(PartialLookup(kind, lookup, values))

    def _holds_archived(self, kind: str, lookup: str, *values: Any) -> bool:
        """Whether PostgreSQL may have more of these than memory."""
        if self._base is None or kind != "venue_symbol":
            return False
        if lookup == "symbol":
            return self._base.archived("entity", "symbol", *values)
        return self._base.archived(lookup, *values)

    def archived(self, _: str, *__: str) -> bool:
        """PostgreSQL has all there is."""
        return False

    def terms(self, listing_id: str, at: Instant) -> bytes | None:
        for _, payload in self._ask(PartialLookup(LISTING_TERMS, "at", (listing_id, at.moment))):
            return payload
        return None

    def _ask(self, question: PartialLookup) -> list[tuple[str, bytes]]:
        if question not in self._known:
            self.wanted.add(question)
            return []
        return self._known[question]

    def learn(self, found: Mapping[PartialLookup, list[tuple[str, bytes]]]) -> None:
        """Take the answers to all that was wanted."""
        self._known |= found
        self.wanted.clear()
