"""How soon what was of no use is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from cqar_resolver.replication.freshness import boot_clock_s

#: After the first time; then twice as long each time, up to the longest.
FIRST_S: Final = 0.1
#: A replica lags for a second or two; a thousand resolvers wait for it.
LONGEST_S: Final = 2.0


class RetryDelay:
    """Grows with each failure, and ends with a success.

    Args:
        spread: From (0, 1] at random: of how much of the pause is waited at least, so that many
            that failed at once do not try again at once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = boot_clock_s,
        spread: Callable[[], float] = lambda: random.uniform(0.5, 1.0),
    ) -> None:
        self._clock = clock
        self._spread = spread
        self._length_s = 0.0
        self._until_s = clock()

    @property
    def left_s(self) -> float:
        return max(0.0, self._until_s - self._clock())

    def failed(self) -> None:
        self._length_s = min(max(FIRST_S, 2 * self._length_s), LONGEST_S)
        self._until_s = self._clock() + self._length_s * self._spread()

    def succeeded(self) -> None:
        self._length_s, self._until_s = 0.0, self._clock()
