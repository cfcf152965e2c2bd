"""Limits how much one caller may ask for in a second. Pure: the clock is an argument."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

#: Seconds' worth of tokens that a full bucket holds.
BURST_S: Final = 2.0
CALLERS_MAX: Final = 10_000


class TokenBuckets:
    """A token bucket for each caller.

    Args:
        per_s: Tokens added in a second.
        clock: Seconds, never going back.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s * BURST_S)
        self._clock = clock
        #: Caller -> (tokens left, at which time); the last caller comes last.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, cost: float = 1.0) -> float:
        """Take tokens; return 0.0, or the seconds until there are enough.

        Args:
            cost: Tokens; more than a full bucket counts as a full bucket.
        """
        now = self._clock()
        # min() takes longer than all the rest.
        if cost > self._burst:  # noqa: PLR1730
            cost = self._burst
        held = self._left.get(who)
        if held is None:
            if len(self._left) >= CALLERS_MAX:
                # Forget the caller that was quiet for longest: its bucket is probably full.
                self._left.popitem(last=False)
            left = self._burst
        else:
            left = held[0] + (now - held[1]) * self._per_s
            if left > self._burst:  # noqa: PLR1730
                left = self._burst
            self._left.move_to_end(who)
        if left >= cost:
            self._left[who] = (left - cost, now)
            return 0.0
        self._left[who] = (left, now)
        return (cost - left) / self._per_s
