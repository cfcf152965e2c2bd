"""How much one actor may change: a stuck client must not keep everybody else from the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from shared.auth import caller
from shared.entities.api_key import Role
from shared.errors import TooMany
from shared.grpc_errors import Context
from shared.wrapping import Wrapping

#: How many seconds' worth may come at once.
BURST_S: Final = 2.0
ACTORS_MAX: Final = 10_000


class Rates:
    """A token bucket for each actor.

    Args:
        per_s: Tokens that come back in a second.
        clock: Seconds, never going back.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, actor: str) -> float:
        """Take a token; returns 0.0, or in how many seconds there will be one."""
        now = self._clock()
        left, at = self._left.get(actor, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        if len(self._left) >= ACTORS_MAX and actor not in self._left:
            # Whoever was quiet for this long has a full bucket anyway.
            self._left = {a: v for a, v in self._left.items() if now - v[1] < BURST_S}
        self._left[actor] = (left - 1, now) if left >= 1 else (left, now)
        return 0.0 if left >= 1 else (1 - left) / self._per_s


class RateInterceptor(Wrapping):
    """Refuses the changes of an actor who asks for too many.

    To be given after auth, and after `ErrorInterceptor`, which tells what is raised here.
    """

    def __init__(self, rates: Rates, role_of: Callable[[str], Role]) -> None:
        self._rates = rates
        self._role_of = role_of

    def unary(self, call: Any, method: str) -> Any:
        if self._role_of(method) is Role.READ:
            return call

        async def limited(request: Any, context: Context) -> Any:
            self._take()
            return await call(request, context)

        return limited

    def _take(self) -> None:
        who = caller.get(None)
        if who is not None and (wait_s := self._rates.take(who.actor)) > 0:
            text = f"{who.actor} changes too much at once: again in {wait_s:.2f} s, or Apply"
            raise TooMany(f"{text} takes 5,000 at a time")
