"""Stops calls to a server that does not answer, and retries later. Pure: the clock is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

FAILURES_MAX: Final = 5
OPEN_S: Final = 1.0


class CircuitBreaker:
    """Opens after `FAILURES_MAX` failures in a row; then one caller at a time tries again.

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
        """Whether it is open and a call failed recently; false once nobody calls."""
        return self.is_open and self._clock() < self._closed_at

    def allows(self) -> bool:
        """Whether to call now. The caller must report the result."""
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
