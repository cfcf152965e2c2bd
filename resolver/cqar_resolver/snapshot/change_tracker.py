"""At which revision what was last changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cqar_resolver.snapshot.snapshot import PlannedChange

#: Things remembered at most; 5 MB. An import of 5,000 listings touches 20,000.
TRACKED_MAX: Final = 50_000
_THINGS: Final = attrgetter("things")


def dependency_key(of: str, name: str) -> int:
    """A short name for an entity, as (kind, key), or for a place, as (index, value)."""
    return hash((of, name))


class ChangeTracker:
    """The newest revision that touched each thing, as far back as is remembered.

    Two things that share a hash count as changed together: an answer is made anew for nothing, and
    never is a wrong one kept.
    """

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        #: Whatever is not remembered may have changed then.
        self._forgotten = 0

    def note(self, revision: int, planned: Iterable[PlannedChange]) -> None:
        """These are what the next revision changes."""
        if len(self._at) > TRACKED_MAX:
            self._at.clear()
            self._forgotten = revision - 1
        self._at.update(dict.fromkeys(chain.from_iterable(map(_THINGS, planned)), revision))

    def newest(self, things: Iterable[int]) -> int:
        """The last revision that may have changed any of them."""
        newest, at = self._forgotten, self._at
        for one in things:
            revision = at.get(one, 0)
            if revision > newest:  # noqa: PLR1730  (max() takes three times as long)
                newest = revision
        return newest
