"""Measures this process's memory, and returns unused memory to the system."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from cqar_shared.runtime.tasks import raise_if_cancelled

#: glibc's number of this option.
M_ARENA_MAX: Final = -8
ARENAS_MAX: Final = 2
#: Time between two measurements of resident memory.
LOOK_EVERY_S: Final = 20.0
#: After this many trims the remaining memory counts as in use.
LOOKS_MAX: Final = 15
#: Growth factor from which memory is trimmed.
GROWN: Final = 1.05


def memory_bytes() -> int:
    """Resident memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def limit_malloc_arenas() -> None:
    """Limit malloc to a few arenas, if libc can; call it before threads start.

    Otherwise each of gRPC's threads has an arena of its own, which keeps the memory of the largest
    request that the thread ever read.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, ARENAS_MAX)


def trim_memory() -> None:
    """Return free memory to the system, if libc can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


async def trim_memory_after_bursts(*, collect: bool = False) -> None:
    """Return memory to the system after bursts of requests, until cancelled.

    libc keeps freed memory, so the memory of one burst would stay with this process for ever. The
    work runs in a thread, and only if memory grew; it is repeated, since memory may still be in
    use.

    Args:
        collect: Whether to collect garbage first. Refused requests of many MiB hang on exceptions,
            which are reference cycles; with few calls the collector would reach them minutes later.
            It stops all calls for as long as it looks at what was made since the start.
    """
    before = memory_bytes()
    looks = 0
    while True:
        raise_if_cancelled()
        await asyncio.sleep(LOOK_EVERY_S)
        if not has_grown(before, now := memory_bytes()):
            before, looks = min(before, now), 0
            continue
        if collect:
            gc.collect()
        await asyncio.to_thread(trim_memory)
        looks += 1
        if looks == LOOKS_MAX:  # the registry needs it now
            before, looks = memory_bytes(), 0


def has_grown(before: int, now: int) -> bool:
    """Whether memory grew so much that some of it may be free."""
    return now > before * GROWN
