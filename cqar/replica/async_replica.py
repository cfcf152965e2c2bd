"""A resolver without its servers, in the caller's event loop: what `async with Replica(…)` gives.

Rule: whatever reads the snapshot runs in this loop. There a change set is applied in one step, so
no answer sees half of one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractContextManager, nullcontext
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any, Final, TypeVar, cast, overload

from cqc.resolver.v1.resolver_pb2 import WatchRequest

from cqar.replica.hit_cache import HitCache
from cqar.sdk import errors
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.questions import Question
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import Position, SessionPosition
from cqar_resolver.app import FALLBACK_MARGIN_S, Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.queries.lists import SnapshotListReader
from cqar_shared.errors import EpochEnded, RegistryError, StartupError
from cqar_shared.lists.methods import list_venue_symbols
from cqar_shared.replication.positions import is_reached
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime.tasks import begin, end

T = TypeVar("T")
#: The program itself, which has all parts below memory for its own.
CALLER: Final = "unix:"


class AsyncReplica(AsyncApi):
    """Answers by the very methods that a resolver serves."""

    def __init__(self, config: ResolverConfig, timeout_s: float, session: SessionPosition) -> None:
        super().__init__(timeout_s, session)
        try:
            self._resolver = Resolver(config)
        except StartupError as error:
            raise errors.CqarError(str(error)) from error
        self.view = self._resolver.view
        self.hits = HitCache(self._resolver, session)
        self._entries = self.hits.entries
        self._service, _ = self._resolver.services()
        self._held: AbstractContextManager[Any] = nullcontext()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False

    def start(self) -> None:
        """Begin to load and to follow.

        Raises:
            CqarError: Another process keeps its state in the same file.
        """
        if self._resolver.file is not None:
            try:
                self._held = self._resolver.file.hold()
            except StartupError as error:
                raise errors.CqarError(str(error)) from error
        self._tasks = begin(self._resolver.loops() | {"settling": self._settle})

    async def _settle(self) -> None:
        """Have what loading left looked through now, not while what comes next is answered."""
        await self.view.loaded.wait()
        gc.collect()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """End all of it; what is served is kept in the file, if there is one."""
        self._is_closed = True
        self.hits.entries.clear()
        with self._held:
            await end(*self._tasks)
            await self._resolver.close()

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: None = None, timeout_s: float | None = None
    ) -> Coroutine[Any, Any, Resolution]: ...

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> Coroutine[Any, Any, PastResolution]: ...

    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Coroutine[Any, Any, Resolution | PastResolution]:
        """As `cqar.sdk.sync_api.Answers.resolve`."""
        try:
            hit = self._entries[venue, symbol]
        except KeyError:
            pass
        else:
            if (
                hit.generation is self.view.mark
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
                and as_of is None
            ):
                return hit.awaitable
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        return self._make(venue, symbol, timeout_s)

    async def _make(self, venue: str, symbol: str, timeout_s: float | None) -> Resolution:
        if self._is_closed:
            raise errors.closed_error()
        try:
            found = self.hits.make(venue, symbol) if self._is_there() else None
        except RegistryError as error:
            raise self._failure(error) from error
        return found or await super().resolve(venue, symbol, timeout_s=timeout_s)

    async def ask(self, question: Question[T], timeout_s: float) -> T:
        if self._is_closed:
            raise errors.closed_error()
        try:
            if self._is_there():
                return await self._answer(question)
            return await self._wait_and_answer(question, timeout_s)
        except RegistryError as error:
            raise self._failure(error) from error

    async def _answer(self, question: Question[T]) -> T:
        if question.method == "GetStatus":
            status = self._service.status()
            self._session.observe(Position.in_message(status.freshness))
            return question.read(status)
        if question.method == "ListVenueSymbols":
            return question.read(await self._list(question.request))
        query = self._service.query_of(question.method, question.request)
        result = await self._service.execute(query, CALLER)
        self._session.observe(Position.in_message(result.freshness))
        return question.read(result.get())

    async def _list(self, request: Any) -> Any:
        resolver = self._resolver
        with resolver.executor.pinned() as (memory, freshness):
            self._session.observe(Position.in_message(freshness))
            reader = SnapshotListReader(memory, resolver.list_cache, resolver.now)
            return await list_venue_symbols(reader, request, resolver.now())

    async def _wait_and_answer(self, question: Question[T], timeout_s: float) -> T:
        """In a task of its own, since that a call goes below memory must not outlive it."""

        async def reach_and_answer() -> T:
            least = self._session.position
            if least is not None:
                margin_s = min(FALLBACK_MARGIN_S, timeout_s / 2)
                await self._resolver.executor.reach(*least, timeout_s - margin_s)
            return await self._answer(question)

        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.create_task(reach_and_answer())
        except TimeoutError as error:
            raise errors.TimedOut(f"no answer within {timeout_s:g} s") from error

    def _is_there(self) -> bool:
        """Whether memory answers, and is where the caller wants it to be."""
        view, least = self.view, self._session.position
        if not view.is_complete:
            return False
        return least is None or is_reached(least, *view.snapshot.position[:2])

    async def follow(
        self, question: Question[T], timeout_s: float | None
    ) -> AsyncGenerator[T, None]:
        answers = self._service.watch(cast("WatchRequest", question.request), CALLER)
        loop = asyncio.get_running_loop()
        until_s = None if timeout_s is None else loop.time() + timeout_s
        try:
            while True:
                # Not around the yield: there the caller's own work would be cut off.
                async with asyncio.timeout_at(until_s):
                    answer = await anext(answers)
                self._session.observe(Position.in_message(answer.freshness))
                yield question.read(answer)
        except TimeoutError as error:
            raise errors.TimedOut(f"followed for {timeout_s:g} s") from error
        except RegistryError as error:
            raise self._failure(error) from error
        finally:
            await answers.aclose()

    def _failure(self, error: RegistryError) -> errors.CqarError:
        """As a client would be told."""
        if isinstance(error, EpochEnded):
            self._session.forget()
        return errors.error_of_status(to_status(error))
