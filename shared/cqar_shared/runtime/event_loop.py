"""Long work on an event loop that has others to serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Final, TypeVar

#: Items between two looks at the clock, where one takes some microseconds.
AT_ONCE: Final = 64
#: Others wait so long at most, and then have as long for themselves: a lookup takes several turns
#: of the event loop, and would wait so long at each.
BUSY_S: Final = 0.001
REST_S: Final = 0.001

T = TypeVar("T")


async def yielding(items: Iterable[T], at_once: int = AT_ONCE) -> AsyncIterator[list[T]]:
    """The items, some at a time; others are answered in between."""
    left, began_s = iter(items), time.perf_counter()
    while some := list(islice(left, at_once)):
        yield some
        if time.perf_counter() - began_s > BUSY_S:
            await asyncio.sleep(REST_S)
            began_s = time.perf_counter()
