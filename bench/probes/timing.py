"""Times what takes less than a look at the clock: some calls at once, over and over."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

#: Calls between two looks at the clock, which costs as much as a lookup in a dict.
AT_ONCE: Final = 50
#: Latencies that are kept at most.
KEPT_MAX: Final = 200_000

Key = Sequence[str]
#: Where nothing is written no writer confirms the head: answers count as current all the same.
LIVE_FOR_S: Final = 3600.0


def timed(
    call: Callable[[str, str], Any], keys: Sequence[Key], seconds: float, at_once: int = AT_ONCE
) -> list[float]:
    """Microseconds a call, of each `at_once` calls, after one round of all keys."""
    for venue_id, spelling in keys:
        call(venue_id, spelling)
    some, found = itertools.cycle(keys), list[float]()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        now = list(itertools.islice(some, at_once))
        began = time.perf_counter_ns()
        for venue_id, spelling in now:
            call(venue_id, spelling)
        took_us = (time.perf_counter_ns() - began) / at_once / 1000
        if len(found) < KEPT_MAX:
            found.append(took_us)
    return found


async def timed_async(
    call: Callable[[str, str], Awaitable[Any]],
    keys: Sequence[Key],
    seconds: float,
    at_once: int = AT_ONCE,
) -> list[float]:
    """The same of what is awaited."""
    for venue_id, spelling in keys:
        await call(venue_id, spelling)
    some, found = itertools.cycle(keys), list[float]()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        now = list(itertools.islice(some, at_once))
        began = time.perf_counter_ns()
        for venue_id, spelling in now:
            await call(venue_id, spelling)
        took_us = (time.perf_counter_ns() - began) / at_once / 1000
        if len(found) < KEPT_MAX:
            found.append(took_us)
    return found
