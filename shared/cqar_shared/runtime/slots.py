"""A bounded number of places, in all and for each caller. Pure; for one event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cqar_shared.errors import TooMany


class Slots:
    """Limits how many callers, and how many calls of one caller, are served at once.

    Args:
        what: What a place is for, in the plural, as errors name it.
        limit: Places in all.
        each: Places of one caller. If it is less than `limit`, one caller cannot take all places.
    """

    def __init__(self, what: str, limit: int, each: int) -> None:
        self._what = what
        self._limit = limit
        self._each = each
        self._taken: Counter[str] = Counter()
        self.taken = 0

    @contextmanager
    def held(self, who: str) -> Iterator[None]:
        """Hold a place until the block ends.

        Raises:
            TooMany: the caller has `each` places already, or all places are taken.
        """
        if self._taken[who] >= self._each:
            raise TooMany(
                f"one caller may have {self._each} {self._what} at once: try again when one ends"
            )
        if self.taken >= self._limit:
            raise TooMany(f"all {self._limit} places for {self._what} are taken: try again")
        self._taken[who] += 1
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
