"""The same on a thread of its own, for programs without asyncio: what `with Replica(…)` gives.

Every answer is made in that thread's event loop and handed over, which takes some 100 microseconds;
a resolution that was asked a moment ago is given again without (`cqar.replica.hit_cache`).
A lock around the snapshot instead would save them, and cost the rule that makes every answer whole.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Coroutine, Generator
from concurrent.futures import Future
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any, NamedTuple, TypeVar, overload

from cqar.replica.async_replica import InLoop
from cqar.sdk.errors import closed
from cqar.sdk.question_codec import Question
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import SessionPosition
from cqar.sdk.sync_api import SyncAnswers
from cqar_resolver.config import ResolverConfig

T = TypeVar("T")


class _Running(NamedTuple):
    replica: InLoop
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event


class OnThread(SyncAnswers):
    """Any number of threads may ask it."""

    def __init__(self, config: ResolverConfig, timeout_s: float, carried: SessionPosition) -> None:
        super().__init__(timeout_s, carried)
        self._config = config
        self._begun: Future[_Running] = Future()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="cqar-replica", daemon=True)

    def start(self) -> None:
        """Begin to load and to follow.

        Raises:
            CqarError: Another process keeps its state in the same file.
        """
        self._thread.start()
        replica = self._begun.result().replica
        self._kept, self._view = replica.hits.kept, replica.view

    def stop(self) -> None:
        """End all of it; what is served is kept in the file, if there is one."""
        running = self._begun.result()
        self._stopped = True
        running.loop.call_soon_threadsafe(running.stopping.set)
        self._thread.join()

    def _running(self) -> _Running:
        if self._stopped:
            raise closed()
        return self._begun.result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            replica = InLoop(self._config, self._timeout_s, self._carried)
            running = _Running(replica, asyncio.get_running_loop(), asyncio.Event())
            replica.start()
        except Exception as error:  # noqa: BLE001  (whoever waits for the start is told)
            self._begun.set_exception(error)
            return
        self._begun.set_result(running)
        await running.stopping.wait()
        await running.replica.stop()

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: None = None, timeout_s: float | None = None
    ) -> Resolution: ...

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> PastResolution: ...

    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Resolution | PastResolution:
        """As `Client.resolve`; where it was asked a moment ago, without the other thread."""
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        try:
            hit = self._kept[venue, symbol]
        except KeyError:
            pass
        else:
            if hit.mark is self._view.generation and clock_gettime(CLOCK_BOOTTIME) < hit.until_s:
                return hit.result
        running = self._running()
        return _in_loop(running, running.replica.resolve(venue, symbol, timeout_s=timeout_s))

    def ask(self, question: Question[T], timeout_s: float) -> T:
        running = self._running()
        return _in_loop(running, running.replica.ask(question, timeout_s))

    def follow(self, question: Question[T], timeout_s: float | None) -> Generator[T, None, None]:
        running = self._running()
        answers = running.replica.follow(question, timeout_s)

        async def following() -> T | None:
            return await anext(answers, None)

        async def close() -> None:
            await answers.aclose()

        try:
            while (answer := _in_loop(running, following())) is not None:
                yield answer
        finally:
            _in_loop(running, close())


def _in_loop(running: _Running, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, running.loop).result()
