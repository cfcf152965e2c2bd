"""One span of time for several calls."""

from __future__ import annotations

import time


class Deadline:
    """So many seconds from now."""

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """At least 0: a call with nothing left ends at once, by its own deadline."""
        return max(0.0, self._at_s - time.monotonic())
