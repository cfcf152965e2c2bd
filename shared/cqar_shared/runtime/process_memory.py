"""How much memory this process has, and how what is free of it goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from cqar_shared.runtime.tasks import raise_if_cancelled

#: glibc's number for it.
M_ARENA_MAX: Final = -8
PLACES_MAX: Final = 2
#: Between two looks at how much is resident.
LOOK_EVERY_S: Final = 20.0
#: A burst is over after so many; what is resident then is in use.
LOOKS_MAX: Final = 15
#: So many times as much as before the burst.
GROWN: Final = 1.05


def memory_bytes() -> int:
    """What this process has resident."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def limit_malloc_arenas() -> None:
    """Have all threads take memory from the same few places, where libc can; before there are any.

    Each of gRPC's threads has a place of its own otherwise, and keeps what the largest request
    that it ever read took there.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, PLACES_MAX)


def trim_memory() -> None:
    """Give what was needed to load, and is no more, back to the system, where libc can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


async def trim_memory_after_bursts() -> None:
    """Give back what a burst of requests needed, until cancelled.

    libc keeps what is freed for whoever asks next, which may be nobody: many answers to many
    callers at once would stay this process's for ever. The work is done aside, and only where
    memory grew. What is still in use can only be given back at a later look.
    """
    before = memory_bytes()
    looks = 0
    while True:
        raise_if_cancelled()
        await asyncio.sleep(LOOK_EVERY_S)
        if not has_grown(before, now := memory_bytes()):
            before, looks = min(before, now), 0
            continue
        await asyncio.to_thread(trim_memory)
        looks += 1
        if looks == LOOKS_MAX:  # it is what the registry needs now
            before, looks = memory_bytes(), 0


def has_grown(before: int, now: int) -> bool:
    """Whether so much more is resident that some of it may be free."""
    return now > before * GROWN
