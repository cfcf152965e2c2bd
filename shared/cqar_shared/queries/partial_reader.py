"""A reader that is filled step by step, while a query runs over it again and again. Pure.

So one pure query serves memory, which has everything, and a database, which is asked over a
network: the query itself never waits. `cqar_shared.domain.load_rounds` has the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cqar_shared.domain.instant import Instant
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.queries.reader import LISTING_TERMS, Reader

#: A resolution takes some ten steps, each of which may need what the one before has found.
ROUNDS_MAX: Final = 32

#: Of each lookup (key, payload) of the entities found.
Loaded = Mapping[LookupKey, list[tuple[str, bytes]]]


class PartialReader:
    """The part of a revision that was loaded so far.

    A lookup that was not loaded is added to `missing` and answered with nothing. An answer counts
    only if nothing was missing while it was made.

    Args:
        base: Memory at the same revision: only what it lacks is looked up.
    """

    def __init__(self, base: Reader | None = None) -> None:
        self._base = base
        self._loaded: dict[LookupKey, list[tuple[str, bytes]]] = {}
        self.missing: set[LookupKey] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        if self._base is not None:
            payload = self._base.get(kind, key)
            if payload is not None or not self._base.archived("entity", kind, key):
                return payload
        return self._first(LookupKey(kind, "", (key,)))

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[tuple[str, bytes]]:
        if self._base is not None and not self._lacks_some(self._base, kind, lookup, *values):
            return self._base.find(kind, lookup, *values)
        return self._look_up(LookupKey(kind, lookup, values))

    @staticmethod
    def _lacks_some(base: Reader, kind: str, lookup: str, *values: Any) -> bool:
        """Return whether the database may hold archived entities that memory does not."""
        if kind != "venue_symbol":
            return False
        if lookup == "symbol":
            return base.archived("entity", "symbol", *values)
        return base.archived(lookup, *values)

    def archived(self, _: str, *__: str) -> bool:
        """Return False: the database holds archived entities too."""
        return False

    def terms(self, listing_id: str, instant: Instant) -> bytes | None:
        return self._first(LookupKey(LISTING_TERMS, "at", (listing_id, instant.moment)))

    def _first(self, lookup: LookupKey) -> bytes | None:
        return next((payload for _, payload in self._look_up(lookup)), None)

    def _look_up(self, lookup: LookupKey) -> list[tuple[str, bytes]]:
        if lookup not in self._loaded:
            self.missing.add(lookup)
            return []
        return self._loaded[lookup]

    def load(self, loaded: Loaded) -> None:
        """Take in the answers to all missing lookups."""
        self._loaded |= loaded
        self.missing.clear()
