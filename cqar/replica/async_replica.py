"""A resolver without its servers, in the caller's event loop: what `async with Replica(…)` gives.

Rule: whatever reads the snapshot runs in this loop. There a change set is applied in one step, so
no answer sees half of one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any, TypeVar, cast, overload

from cqar.replica.hit_cache import Hits
from cqar.sdk import errors
from cqar.sdk.async_api import AsyncAnswers
from cqar.sdk.question_codec import REGISTRY, RESOLVER, Question
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import Position, SessionPosition
from cqar_resolver.app import FALLBACK_MARGIN_S, Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import EpochEnded, RegistryError
from cqar_shared.replication.positions import is_reached
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime.tasks import begin, end

T = TypeVar("T")


class InLoop(AsyncAnswers):
    """Answers by the very methods that a resolver serves."""

    def __init__(self, config: ResolverConfig, timeout_s: float, carried: SessionPosition) -> None:
        super().__init__(timeout_s, carried)
        try:
            self._resolver = Resolver(config)
        except SystemExit as error:
            raise errors.CqarError(str(error)) from error
        self.view = self._resolver.view
        self.hits = Hits(self._resolver, carried)
        self._kept = self.hits.kept
        own, reads = self._resolver.services()
        self._services: dict[str, Any] = {RESOLVER: own, REGISTRY: reads}
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
            except SystemExit as error:
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
        self.hits.kept.clear()
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
            hit = self._kept[venue, symbol]
        except KeyError:
            pass
        else:
            if (
                hit.mark is self.view.generation
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
                and as_of is None
            ):
                return hit.ready
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        return self._make(venue, symbol, timeout_s)

    async def _make(self, venue: str, symbol: str, timeout_s: float | None) -> Resolution:
        if self._is_closed:
            raise errors.closed()
        try:
            found = self.hits.make(venue, symbol) if self._is_there() else None
        except RegistryError as error:
            raise self._failure(error) from error
        return found or await super().resolve(venue, symbol, timeout_s=timeout_s)

    async def ask(self, question: Question[T], timeout_s: float) -> T:
        if self._is_closed:
            raise errors.closed()
        try:
            if self._is_there():
                return await self._answer(question)
            return await self._wait_and_answer(question, timeout_s)
        except RegistryError as error:
            raise self._failure(error) from error

    async def _answer(self, question: Question[T]) -> T:
        told = _Told()
        try:
            answer = await self._method(question)(question.request, cast("Context", told))
        finally:
            self._carried.saw(Position.of(told.metadata))
        return question.read(answer)

    async def _wait_and_answer(self, question: Question[T], timeout_s: float) -> T:
        """In a task of its own, since that a call goes below memory must not outlive it."""

        async def reach_and_answer() -> T:
            least = self._carried.position
            if least is not None:
                margin_s = min(FALLBACK_MARGIN_S, timeout_s / 2)
                await self._resolver.tiers.reach(*least, timeout_s - margin_s)
            return await self._answer(question)

        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.create_task(reach_and_answer())
        except TimeoutError as error:
            raise errors.TimedOut(f"no answer within {timeout_s:g} s") from error

    def _is_there(self) -> bool:
        """Whether memory answers, and is where the caller wants it to be."""
        view, least = self.view, self._carried.position
        if not view.is_complete:
            return False
        return least is None or is_reached(least, *view.snapshot.position[:2])

    async def follow(
        self, question: Question[T], timeout_s: float | None
    ) -> AsyncGenerator[T, None]:
        answers = self._method(question)(question.request, cast("Context", _Told()))
        loop = asyncio.get_running_loop()
        until_s = None if timeout_s is None else loop.time() + timeout_s
        try:
            while True:
                # Not around the yield: there the caller's own work would be cut off.
                async with asyncio.timeout_at(until_s):
                    answer = await anext(answers)
                self._carried.saw(Position.in_message(answer.freshness))
                yield question.read(answer)
        except TimeoutError as error:
            raise errors.TimedOut(f"followed for {timeout_s:g} s") from error
        except RegistryError as error:
            raise self._failure(error) from error
        finally:
            await answers.aclose()

    def _method(self, question: Question[Any]) -> Any:
        return getattr(self._services[question.service], question.method)

    def _failure(self, error: RegistryError) -> errors.CqarError:
        """As a client would be told."""
        if isinstance(error, EpochEnded):
            self._carried.forget()
        return errors.of_status(to_status(error))


class _Told:
    """Stands for the call's context, of which answering needs who asks and where to tell more."""

    def __init__(self) -> None:
        self.metadata: Iterable[tuple[str, str]] = ()

    def peer(self) -> str:
        """The program itself, which has all parts below memory for its own."""
        return "unix:"

    def set_trailing_metadata(self, metadata: Iterable[tuple[str, str]]) -> None:
        self.metadata = metadata
