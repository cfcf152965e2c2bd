"""How much memory this process has, and how what is free of it goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared.tasks import heed_cancellation

#: Between two looks at how much is resident.
LOOK_EVERY_S: Final = 20.0
#: So many times as much as at the look before.
GROWN: Final = 1.05


def memory_bytes() -> int:
    """What this process has resident."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def give_back() -> None:
    """Give what was needed to load, and is no more, back to the system, where libc can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


async def give_back_at_times() -> None:
    """Give back what a burst of requests needed, until cancelled.

    libc keeps what is freed for whoever asks next, which may be nobody: many answers to many
    callers at once would stay this process's for ever. The work is done aside, and only where
    memory grew.
    """
    least = memory_bytes()
    while True:
        heed_cancellation()
        await asyncio.sleep(LOOK_EVERY_S)
        if has_grown(least, memory_bytes()):
            await asyncio.to_thread(give_back)
        least = memory_bytes()


def has_grown(before: int, now: int) -> bool:
    """Whether so much more is resident that some of it may be free."""
    return now > before * GROWN
