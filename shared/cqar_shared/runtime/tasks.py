"""Keeps loops running: a failed loop is logged, counted and started again after a pause."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter

log = logging.getLogger(__name__)

FAILURES: Final = Counter("cqar_task_failures_total", "Failures of supervised loops.", ["task"])
BACKOFF_FIRST_S: Final = 0.1
#: Longest pause: a server that was away is used again within 5 s.
BACKOFF_MAX_S: Final = 2.0
#: A step that ran for this long resets the pause.
WELL_S: Final = 5.0
#: Time for a task to close its connections.
CANCEL_APART_S: Final = 5.0
CANCELS_MAX: Final = 3


def raise_if_cancelled() -> None:
    """End this task if it was cancelled and the cancellation was lost.

    Until Python 3.12, `asyncio.wait_for` drops a cancellation that comes in the same turn of the
    event loop as its result, and nats-py uses it for every wait. A loop around nats-py calls this
    once a turn; otherwise it might never end. Not for a task in which a TaskGroup has failed:
    until 3.13 its cancellation stays counted.

    Raises:
        CancelledError: this task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextmanager
def raising_if_cancelled() -> Iterator[None]:
    """Call `raise_if_cancelled` at the end of the block, also if an error ends it."""
    try:
        yield
    finally:
        raise_if_cancelled()


async def end(*tasks: asyncio.Future[None], apart_s: float | None = None) -> None:
    """Cancel tasks and wait for their end; repeat it, since a cancellation may be lost.

    Args:
        apart_s: Seconds between two cancellations; None means `CANCEL_APART_S`.
    """
    left = set(tasks)
    for _ in range(CANCELS_MAX):
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=apart_s or CANCEL_APART_S)
        if not left:
            return
    log.error("%d tasks do not end: the process ends without them", len(left))


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event and clear it, or until the time is over."""
    raise_if_cancelled()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


async def follow(step: Callable[[], Awaitable[bool]], wake: asyncio.Event, poll_s: float) -> None:
    """Repeat `step` while it returns True, then wait for `wake` or `poll_s`, for ever."""
    with raising_if_cancelled():
        while True:
            while await step():
                raise_if_cancelled()
            await wait_at_most(wake, poll_s)


def begin(loops: Mapping[str, Callable[[], Awaitable[object]]]) -> list[asyncio.Task[None]]:
    """Supervise each named loop in a task of its own; `end` ends them."""
    return [asyncio.create_task(supervise(name, step)) for name, step in loops.items()]


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def supervise(
    name: str,
    step: Callable[[], Awaitable[object]],
    ended_by: type[Exception] | tuple[type[Exception], ...] = (),
    pause_max_s: float = BACKOFF_MAX_S,
) -> None:
    """Run `step` again whenever it ends, with growing pauses while it fails.

    Args:
        ended_by: Errors that end the loop.
        pause_max_s: The longest pause.

    Raises:
        Exception: `step` raised one of `ended_by`.
    """
    failures, delay = FAILURES.labels(name), 0.0
    while True:
        began = time.monotonic()
        try:
            await step()
            delay = 0.0
        except ended_by:
            raise
        except Exception as error:
            failures.inc()
            if time.monotonic() - began > WELL_S:
                delay = 0.0
            delay = min(max(BACKOFF_FIRST_S, delay * 2), pause_max_s)
            text = f"{type(error).__name__}: {error}"
            log.warning("%s failed, again in %.1f s: %s", name, delay, text)
            log.debug("%s", name, exc_info=error)
            await asyncio.sleep(delay)
