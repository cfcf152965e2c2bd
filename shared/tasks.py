"""Loops that must go on: a failure is logged, counted and waited out, never the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from prometheus_client import Counter

log = logging.getLogger(__name__)

FAILURES: Final = Counter("cqar_task_failures_total", "Failures of supervised loops.", ["task"])
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
END_MAX_S: Final = 5.0


def require_wanted() -> None:
    """End a loop whose cancellation was lost.

    Python 3.11's `wait_for`, which nats-py waits by, returns its result where the cancellation
    comes in the same moment. A loop that publishes when it is told to end would never end.
    Not for a task that holds a TaskGroup: in 3.11 a group that fails leaves its task cancelled.

    Raises:
        CancelledError: This task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end, for a bounded time: the process is to end as well."""
    for task in tasks:
        task.cancel()
    _, left = await asyncio.wait(tasks, timeout=END_MAX_S)
    for task in left:
        log.error("%s did not end within %g s", task.get_name(), END_MAX_S)


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Until the event, which is then cleared, or until the time is over."""
    require_wanted()
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
