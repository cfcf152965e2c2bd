"""Loops that must go on: a failure is logged, counted and waited out, never the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import Counter

log = logging.getLogger(__name__)

FAILURES: Final = Counter("cqar_task_failures_total", "Failures of supervised loops.", ["task"])
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Until the event, which is then cleared, or until the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


async def keep_going(
    name: str,
    step: Callable[[], Awaitable[object]],
    ended_by: type[Exception] | tuple[type[Exception], ...] = (),
) -> None:
    """Run `step` again whenever it ends, backing off while it fails.

    Raises:
        Exception: One of `ended_by`, which is the supervisor's business.
    """
    delay = 0.0
    while True:
        began = time.monotonic()
        try:
            await step()
            delay = 0.0
        except ended_by:
            raise
        except Exception as error:
            FAILURES.labels(name).inc()
            if time.monotonic() - began > BACKOFF_MAX_S:
                delay = 0.0  # it had been well
            delay = min(max(BACKOFF_FIRST_S, delay * 2), BACKOFF_MAX_S)
            text = f"{type(error).__name__}: {error}"
            log.warning("%s failed, again in %.1f s: %s", name, delay, text)
            log.debug("%s", name, exc_info=error)
            await asyncio.sleep(delay)
