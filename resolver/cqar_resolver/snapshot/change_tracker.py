"""The revision at which each entity and index entry last changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter
from typing import Final

from cqar_resolver.snapshot.planned_change import PlannedChange

#: Dependency keys remembered at most; 5 MB. An import of 5,000 listings touches 20,000.
TRACKED_MAX: Final = 50_000
_TOUCHED: Final = attrgetter("touched")


def dependency_key(of: str, name: str) -> int:
    """Hash an entity (kind, key) or an index entry (index, value) to a short key."""
    return hash((of, name))


class ChangeTracker:
    """The newest revision that touched each dependency key, as far back as is remembered.

    Two keys that share a hash count as changed together: an answer is recomputed needlessly, and a
    wrong one is never kept.
    """

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        #: A key that is not remembered may have changed at this revision.
        self._forgotten = 0

    def note(self, revision: int, planned: Iterable[PlannedChange]) -> None:
        """Note the changes of the next revision."""
        if len(self._at) > TRACKED_MAX:
            self._at.clear()
            self._forgotten = revision - 1
        self._at.update(dict.fromkeys(chain.from_iterable(map(_TOUCHED, planned)), revision))

    def newest(self, keys: Iterable[int]) -> int:
        """The last revision that may have changed any of them."""
        newest, at = self._forgotten, self._at
        for key in keys:
            revision = at.get(key, 0)
            if revision > newest:  # noqa: PLR1730  (max() takes three times as long)
                newest = revision
        return newest
