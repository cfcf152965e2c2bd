"""Keeps the event loop responsive: long work yields or runs in a thread, and GC runs seldom."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, ParamSpec, TypeVar

#: Items between two looks at the clock; an item takes some microseconds.
CHUNK_ITEMS: Final = 64
#: Longest time on the loop without a pause, and the pause. A lookup takes several turns of the
#: event loop and would wait this long at each.
BUSY_S: Final = 0.001
REST_S: Final = 0.001
#: Work on more items than this runs in a thread; an item takes some 50 us.
INLINE_ITEMS_MAX: Final = 20
#: Allocations between two collections of the youngest generation, instead of 700. A large Apply
#: makes 40,000 objects and loading a million entities makes millions, none of which is garbage
#: before the end. A collection takes a millisecond at most.
GC_THRESHOLD: Final = 5_000

T = TypeVar("T")
P = ParamSpec("P")


async def yielding(items: Iterable[T], chunk_items: int = CHUNK_ITEMS) -> AsyncIterator[list[T]]:
    """Yield the items in chunks, and let other tasks run in between."""
    left, began_s = iter(items), time.perf_counter()
    while chunk := list(islice(left, chunk_items)):
        yield chunk
        if time.perf_counter() - began_s > BUSY_S:
            await asyncio.sleep(REST_S)
            began_s = time.perf_counter()


def is_long(items: Sequence[Any]) -> bool:
    """Whether work on these items should run in a thread: they are many, or one has parts.

    A group has up to 2,000 members, and rules look at each.
    """
    return len(items) > INLINE_ITEMS_MAX or any(item.kind.child_tables for item in items)


async def run_off_loop(is_long: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work`, in a thread if it `is_long`."""
    if is_long:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


def tune_gc() -> None:
    """Raise the GC threshold of a service's process: services create few reference cycles."""
    gc.set_threshold(GC_THRESHOLD)
