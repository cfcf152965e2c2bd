"""Time, waiting and concurrency as the follower uses them.

The follower awaits only a `Scheduler` and its other ports. A resolver passes the event loop; the
protocol fuzz passes a simulated scheduler, and advances the follower a step at a time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from cqar_resolver.replication.freshness import boot_clock_s
from cqar_shared.runtime import tasks
from cqar_shared.runtime.event_loop import yielding

T = TypeVar("T")


class Scheduler(Protocol):
    """What the follower asks of whoever runs it."""

    def now_s(self) -> float:
        """Seconds of a clock that never goes back."""

    def uniform(self, low: float, high: float) -> float:
        """A random number between two."""

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Make a block raise TimeoutError after that time."""

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Make a lock that may be entered again and again, by one task at a time."""

    def batches(self, items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
        """Give the items some at a time; others run in between."""

    def raise_if_cancelled(self) -> None:
        """End the task if a cancellation was lost (`cqar_shared.runtime.tasks`)."""

    async def supervise(
        self,
        name: str,
        step: Callable[[], Awaitable[object]],
        ended_by: type[Exception],
        pause_max_s: float,
    ) -> None:
        """Run a step again whenever it ends or fails, until it raises `ended_by`."""

    async def together(self, *work: Coroutine[Any, Any, None]) -> None:
        """Run all at once until one fails; the others are then cancelled.

        Raises:
            Exception: What the first to fail raised.
        """


class EventLoopScheduler:
    """The running event loop."""

    def now_s(self) -> float:
        return boot_clock_s()

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def lock(self) -> AbstractAsyncContextManager[object]:
        return asyncio.Lock()

    def batches(self, items: Iterable[T], size: int) -> AsyncIterator[list[T]]:
        return yielding(items, size)

    def raise_if_cancelled(self) -> None:
        tasks.raise_if_cancelled()

    async def supervise(
        self,
        name: str,
        step: Callable[[], Awaitable[object]],
        ended_by: type[Exception],
        pause_max_s: float,
    ) -> None:
        async def cancellable_step() -> None:
            with tasks.raising_if_cancelled():
                await step()

        await tasks.supervise(name, cancellable_step, ended_by, pause_max_s)

    async def together(self, *work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for each in work:
                    group.create_task(each)
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
