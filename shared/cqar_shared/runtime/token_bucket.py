"""How much one caller may ask for in a second. Pure: the clock is given."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

#: How many seconds' worth may come at once.
BURST_S: Final = 2.0
CALLERS_MAX: Final = 10_000


class Rates:
    """A token bucket for each caller.

    Args:
        per_s: Tokens that come back in a second.
        clock: Seconds, never going back.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._clock = clock
        #: Caller -> tokens left and when; who asked last comes last.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, cost: float = 1.0) -> float:
        """Take tokens; returns 0.0, or in how many seconds there will be enough.

        Args:
            cost: What is more than a full bucket costs a full bucket.
        """
        now = self._clock()
        # min() takes longer than all the rest.
        if cost > self._most:  # noqa: PLR1730
            cost = self._most
        held = self._left.get(who)
        if held is None:
            if len(self._left) >= CALLERS_MAX:
                # Whoever was quiet for longest: has a full bucket, if not so many came just now.
                self._left.popitem(last=False)
            left = self._most
        else:
            left = held[0] + (now - held[1]) * self._per_s
            if left > self._most:  # noqa: PLR1730
                left = self._most
            self._left.move_to_end(who)
        if left >= cost:
            self._left[who] = (left - cost, now)
            return 0.0
        self._left[who] = (left, now)
        return (cost - left) / self._per_s
