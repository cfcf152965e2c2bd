"""How soon a step that was of no use is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: After the first failure; then twice as long each time, up to the longest.
FIRST_S: Final = 0.1
#: A replica of PostgreSQL lags for a second or two, and a thousand resolvers may wait for it.
LONGEST_S: Final = 2.0
#: The share of a delay that is waited: at random, so that many that failed together do not try
#: again together.
SPREAD: Final = (0.5, 1.0)


class RetryDelay:
    """Grows with each failure, and ends with a success.

    Args:
        clock: Gives seconds that never go back.
        uniform: Gives a random number between two.
    """

    def __init__(
        self, clock: Callable[[], float], uniform: Callable[[float, float], float]
    ) -> None:
        self._clock = clock
        self._uniform = uniform
        self._length_s = 0.0
        self._until_s = clock()

    @property
    def left_s(self) -> float:
        """Seconds still to wait."""
        return max(0.0, self._until_s - self._clock())

    def failed(self) -> None:
        self._length_s = min(max(FIRST_S, 2 * self._length_s), LONGEST_S)
        self._until_s = self._clock() + self._length_s * self._uniform(*SPREAD)

    def succeeded(self) -> None:
        self._length_s, self._until_s = 0.0, self._clock()
