"""What `with Replica(…)` gives: a resolver on a thread of its own, for programs without asyncio.

Every answer is made in that thread's event loop and handed over, which takes about 100
microseconds; a recent resolution is returned without it (`cqar.replica.hit_cache`). A lock around
the snapshot would save the handover, and break the rule that makes every answer whole.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any, NamedTuple, TypeVar

from cqar.replica.async_replica import AsyncReplica
from cqar.sdk.call_context import signature_of
from cqar.sdk.errors import closed_error
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import SessionPosition
from cqar.sdk.sync_api import SyncApi
from cqar.sdk.transport import Call, Reply
from cqar_resolver.config import ResolverConfig

T = TypeVar("T")


class _Running(NamedTuple):
    replica: AsyncReplica
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event


class ThreadTransport:
    """Runs an `AsyncReplica` on its own thread and hands questions over to it.

    Args:
        make_replica: Called on that thread, in its event loop.
    """

    def __init__(self, make_replica: Callable[[], AsyncReplica]) -> None:
        self._make_replica = make_replica
        self._started: Future[_Running] = Future()
        self._is_stopped = False
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="cqar-replica", daemon=True
        )

    def start(self) -> AsyncReplica:
        """Begin to load and to follow; raises what `InLoopTransport.start` raises."""
        self._thread.start()
        return self._started.result().replica

    def stop(self) -> None:
        running = self._started.result()
        self._is_stopped = True
        running.loop.call_soon_threadsafe(running.stopping.set)
        self._thread.join()

    async def _serve(self) -> None:
        try:
            replica = self._make_replica()
            replica.transport.start()
        except Exception as error:  # noqa: BLE001  (`start` raises it in the caller's thread)
            self._started.set_exception(error)
            return
        stopping = asyncio.Event()
        self._started.set_result(_Running(replica, asyncio.get_running_loop(), stopping))
        await stopping.wait()
        await replica.stop()

    def run(self, work: Callable[[AsyncReplica], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine of the replica on its thread, and wait for the result.

        Raises:
            CqarError: The replica was closed.
        """
        if self._is_stopped:
            raise closed_error()
        running = self._started.result()
        return asyncio.run_coroutine_threadsafe(work(running.replica), running.loop).result()

    def send(self, call: Call) -> Reply:
        return self.run(lambda replica: replica.transport.send(call))

    def stream(self, call: Call) -> Generator[Reply]:
        replica = self._started.result().replica
        replies = replica.transport.stream(call)

        async def next_reply(_: AsyncReplica) -> Reply | None:
            return await anext(replies, None)

        async def close(_: AsyncReplica) -> None:
            await replies.aclose()

        try:
            while (reply := self.run(next_reply)) is not None:
                yield reply
        finally:
            if not self._is_stopped:
                self.run(close)


class ThreadedReplica(SyncApi):
    """Answers from memory, handed over between threads; any number of threads may call it."""

    def __init__(self, config: ResolverConfig, timeout_s: float, session: SessionPosition) -> None:
        self._thread = ThreadTransport(lambda: AsyncReplica(config, timeout_s, session))
        super().__init__(self._thread, session, timeout_s)

    def start(self) -> None:
        """Begin to load and to follow.

        Raises:
            CqarError: Another process keeps its state in the same file.
        """
        replica = self._thread.start()
        self._entries, self._view = replica.hits.entries, replica.view

    def stop(self) -> None:
        """End the thread; the state is saved in the last-good file, if there is one."""
        self._thread.stop()

    @signature_of(SyncApi.resolve)
    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Resolution | PastResolution:
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        try:
            hit = self._entries[venue, symbol]
        except KeyError:
            pass
        else:
            if (
                hit.generation is self._view.generation
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
            ):
                return hit.result
        return self._thread.run(lambda replica: replica.resolve(venue, symbol, timeout_s=timeout_s))
