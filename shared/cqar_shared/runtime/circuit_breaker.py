"""Stops asking what does not answer, and tries it again after a while. Pure: the clock is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

FAILURES_MAX: Final = 5
OPEN_S: Final = 1.0


class CircuitBreaker:
    """Open after so many failures in a row; then one asker at a time finds out whether it is well.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES_MAX

    @property
    def is_holding(self) -> bool:
        """Open, and somebody failed within the last pause: false where nobody asks any more."""
        return self.is_open and self._clock() < self._closed_at

    def allows(self) -> bool:
        """Whether to ask now. Whoever asks must say how it went."""
        if not self.is_open:
            return True
        if self._clock() < self._closed_at:
            return False
        self._closed_at = self._clock() + OPEN_S
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self.is_open:
            self._closed_at = self._clock() + OPEN_S
