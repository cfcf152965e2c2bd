"""Answers questions by a whole resolver within the caller's event loop, without its servers.

Rule: whatever reads the snapshot runs in this loop. A change set is applied there in one step, so
no answer sees half of one.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, cast

from cqc.resolver.v1.resolver_pb2 import WatchRequest

from cqar.sdk import errors
from cqar.sdk.questions import Question
from cqar.sdk.session_position import Position
from cqar.sdk.transport import Call, Reply
from cqar_resolver.app import FALLBACK_MARGIN_S, Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.queries.lists import SnapshotListReader
from cqar_resolver.queries.query import QueryResult
from cqar_resolver.queries.registry import GETS
from cqar_shared.errors import RegistryError, StartupError
from cqar_shared.lists.methods import list_venue_symbols
from cqar_shared.replication.positions import is_reached
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime.tasks import begin, end

#: The caller's name below memory, where the program itself may use every slot.
CALLER: Final = "unix:"


class InLoopTransport:
    """A resolver that loads and follows the registry, and whose queries are executed directly."""

    def __init__(self, config: ResolverConfig) -> None:
        try:
            self.resolver = Resolver(config)
        except StartupError as error:
            raise errors.CqarError(str(error)) from error
        self._view = self.resolver.view
        self._service, _ = self.resolver.services()
        self._file_lock: AbstractContextManager[Any] = nullcontext()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False

    def start(self) -> None:
        """Begin to load and to follow.

        Raises:
            CqarError: Another process keeps its state in the same file.
        """
        if self.resolver.file is not None:
            try:
                self._file_lock = self.resolver.file.hold()
            except StartupError as error:
                raise errors.CqarError(str(error)) from error
        self._tasks = begin(self.resolver.loops() | {"collecting": self._collect_once})

    async def _collect_once(self) -> None:
        """Collect the garbage of loading right after it, not during a later answer."""
        await self._view.loaded.wait()
        gc.collect()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """End every loop; the state is saved in the last-good file, if there is one."""
        self._is_closed = True
        with self._file_lock:
            await end(*self._tasks)
            await self.resolver.close()

    def is_current(self, min_position: Position | None) -> bool:
        """Whether memory is complete and has reached `min_position`.

        Raises:
            EpochEnded: Memory is of a later epoch than `min_position`.
        """
        if self._is_closed or not self._view.is_complete:
            return False
        return min_position is None or is_reached(min_position, *self._view.snapshot.position[:2])

    async def send(self, call: Call) -> Reply:
        self._require_open()
        try:
            if self.is_current(call.min_position):
                return await self._answer(call.question)
            return await self._wait_and_answer(call)
        except RegistryError as error:
            raise errors.error_of_status(to_status(error)) from error

    async def _answer(self, question: Question[Any]) -> Reply:
        request: Any = question.request
        if question.method == "GetStatus":
            status = self._service.status()
            return Reply(status, Position.in_message(status.freshness))
        if question.method == "ListVenueSymbols":
            with self.resolver.executor.pinned() as (memory, freshness):
                reader = SnapshotListReader(memory, self.resolver.list_cache, self.resolver.now)
                page = await list_venue_symbols(reader, request, self.resolver.now())
                return Reply(page, Position.in_message(freshness))
        result: QueryResult[Any]
        get = GETS.get(question.method)
        if get is not None:
            result = await self.resolver.executor.execute(get.query_of(request), CALLER)
        else:
            query = self._service.query_of(question.method, request)
            result = await self._service.execute(query, CALLER)
        position = Position.in_message(result.freshness)
        if isinstance(result.value, RegistryError):
            failure = errors.error_of_status(to_status(result.value))
            failure.position = position
            raise failure from result.value
        value = result.value if get is None else get.response(result.value)
        return Reply(value, position)

    async def _wait_and_answer(self, call: Call) -> Reply:
        """Answer once memory has reached a position, or, shortly before the timeout, below memory.

        It runs in a task of its own: that a call goes below memory is noted in its context.
        """

        async def reach_and_answer() -> Reply:
            if call.min_position is not None:
                margin_s = min(FALLBACK_MARGIN_S, call.timeout_s / 2)
                await self.resolver.executor.reach(*call.min_position, call.timeout_s - margin_s)
            return await self._answer(call.question)

        try:
            async with asyncio.timeout(call.timeout_s):
                return await asyncio.create_task(reach_and_answer())
        except TimeoutError as error:
            raise errors.TimedOut(f"no answer within {call.timeout_s:g} s") from error

    async def stream(self, call: Call) -> AsyncGenerator[Reply]:
        self._require_open()
        messages = self._service.watch(cast("WatchRequest", call.question.request), CALLER)
        until_s = asyncio.get_running_loop().time() + call.timeout_s
        try:
            while True:
                # The yield stays outside: a timeout there would interrupt the caller's own work.
                async with asyncio.timeout_at(until_s):
                    message = await anext(messages)
                yield Reply(message, Position.in_message(message.freshness))
        except TimeoutError as error:
            raise errors.TimedOut(f"followed for {call.timeout_s:g} s") from error
        except RegistryError as error:
            raise errors.error_of_status(to_status(error)) from error
        finally:
            await messages.aclose()

    def _require_open(self) -> None:
        if self._is_closed:
            raise errors.closed_error()
