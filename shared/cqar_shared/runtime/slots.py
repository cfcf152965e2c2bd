"""A bounded number of places, in all and for each caller. Pure, and of one event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cqar_shared.errors import TooMany


class Places:
    """So much may go on at once, and of one caller so much.

    Args:
        what: What has a place, in the plural, as an error names it.
        most: In all.
        each: Of one caller. Less than `most`: one caller alone cannot take all places.
    """

    def __init__(self, what: str, most: int, each: int) -> None:
        self._what = what
        self._most = most
        self._each = each
        self._taken: Counter[str] = Counter()
        self.taken = 0

    @contextmanager
    def held(self, who: str) -> Iterator[None]:
        """Have a place until the block ends.

        Raises:
            TooMany: This caller has as many as one may have, or all are taken.
        """
        if self._taken[who] >= self._each:
            raise TooMany(
                f"one caller may have {self._each} {self._what} at once: try again when one ends"
            )
        if self.taken >= self._most:
            raise TooMany(f"all {self._most} places for {self._what} are taken: try again")
        self._taken[who] += 1
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
