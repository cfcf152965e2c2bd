"""The questions of `cqar.sdk.sync_api`, for programs that await each answer."""

from __future__ import annotations

import asyncio
import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import TypeVar, overload

from cqar.sdk import questions as question_codec
from cqar.sdk.call_context import POLL_S, CallContext
from cqar.sdk.changes import Update
from cqar.sdk.deadline import Deadline
from cqar.sdk.decimal_input import Exact
from cqar.sdk.enums import Intent, Side
from cqar.sdk.errors import NotReady, TimedOut
from cqar.sdk.questions import Key, Question
from cqar.sdk.results import (
    AssetAnswer,
    Group,
    Miss,
    OrderCheck,
    PastResolution,
    Resolution,
    ResolverStatus,
    Spelling,
)
from cqar.sdk.watch_cursor import WatchCursor

T = TypeVar("T")


class AsyncApi(CallContext, ABC):
    """For programs that await each answer."""

    @abstractmethod
    async def ask(self, question: Question[T], timeout_s: float) -> T:
        """As `cqar.sdk.sync_api.Answers.ask`."""

    @abstractmethod
    def follow(self, question: Question[T], timeout_s: float | None) -> AsyncGenerator[T, None]:
        """As `cqar.sdk.sync_api.Answers.follow`."""

    @overload
    async def resolve(
        self, venue: str, symbol: str, *, as_of: None = None, timeout_s: float | None = None
    ) -> Resolution: ...

    @overload
    async def resolve(
        self, venue: str, symbol: str, *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> PastResolution: ...

    async def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Resolution | PastResolution:
        """As `cqar.sdk.sync_api.Answers.resolve`."""
        deadline = self._deadline(timeout_s)
        if as_of is None:
            return await self.ask(question_codec.resolve(venue, symbol), deadline.left_s)
        return await self.ask(question_codec.resolve_past(venue, symbol, as_of), deadline.left_s)

    @overload
    async def resolve_batch(
        self, keys: Iterable[Key], *, as_of: None = None, timeout_s: float | None = None
    ) -> list[Resolution | Miss]: ...

    @overload
    async def resolve_batch(
        self, keys: Iterable[Key], *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> list[PastResolution | Miss]: ...

    async def resolve_batch(
        self,
        keys: Iterable[Key],
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> list[Resolution | Miss] | list[PastResolution | Miss]:
        """As `cqar.sdk.sync_api.Answers.resolve_batch`."""
        deadline = self._deadline(timeout_s)
        if as_of is None:
            return await self._ask_all(question_codec.resolve_batches(keys), deadline)
        return await self._ask_all(question_codec.resolve_past_batches(keys, as_of), deadline)

    async def _ask_all(self, questions: Iterable[Question[list[T]]], deadline: Deadline) -> list[T]:
        return [one for question in questions for one in await self.ask(question, deadline.left_s)]

    async def venue_symbols(
        self, symbol_id: str, venues: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[Spelling]:
        """As `cqar.sdk.sync_api.Answers.venue_symbols`."""
        question = question_codec.venue_symbols(symbol_id, venues)
        return await self.ask(question, self._deadline(timeout_s).left_s)

    async def asset(
        self,
        asset_id: str = "",
        *,
        venue: str = "",
        code: str = "",
        chain: str = "",
        address: str = "",
        source: str = "",
        external_id: str = "",
        timeout_s: float | None = None,
    ) -> AssetAnswer:
        """As `cqar.sdk.sync_api.Answers.asset`."""
        names = {"asset_id": asset_id, "venue": venue, "code": code, "chain": chain}
        names |= {"address": address, "source": source, "external_id": external_id}
        return await self.ask(question_codec.asset(names), self._deadline(timeout_s).left_s)

    async def group(
        self, name: str = "", *, group_id: str = "", timeout_s: float | None = None
    ) -> Group:
        """As `cqar.sdk.sync_api.Answers.group`."""
        return await self.ask(
            question_codec.group(name, group_id), self._deadline(timeout_s).left_s
        )

    async def check_order(
        self,
        venue: str,
        symbol: str,
        *,
        price: Exact | None = None,
        quantity: Exact | None = None,
        side: Side | str | None = None,
        intent: Intent | str = Intent.OPEN,
        timeout_s: float | None = None,
    ) -> OrderCheck:
        """As `cqar.sdk.sync_api.Answers.check_order`."""
        question = question_codec.check_order((venue, symbol), price, quantity, side, intent)
        return await self.ask(question, self._deadline(timeout_s).left_s)

    async def status(self, *, timeout_s: float | None = None) -> ResolverStatus:
        """As `cqar.sdk.sync_api.Answers.status`."""
        return await self.ask(question_codec.status(), self._deadline(timeout_s).left_s)

    async def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """As `cqar.sdk.sync_api.Answers.listed`."""
        deadline = self._deadline(timeout_s)
        page = await self.ask(question_codec.listed(venue, ""), deadline.left_s)
        found = page.spellings
        while page.following:
            page = await self.ask(question_codec.listed(venue, page.following), deadline.left_s)
            found += page.spellings
        return found

    async def watch(
        self,
        from_revision: int = 0,
        *,
        epoch: int = 0,
        kinds: Iterable[str] = (),
        venues: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> AsyncIterator[Update]:
        """As `cqar.sdk.sync_api.Answers.watch`."""
        cursor = WatchCursor(from_revision, epoch, kinds, venues)
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while True:
            left_s = None if deadline is None else deadline.left_s
            try:
                async with aclosing(self.follow(cursor.question(), left_s)) as updates:
                    async for update in updates:
                        if cursor.advance(update):
                            yield update
            except NotReady:
                if not cursor.is_begun:
                    raise
            await asyncio.sleep(cursor.pause_s())

    async def wait_ready(self, timeout_s: float = 60.0) -> ResolverStatus:
        """As `cqar.sdk.sync_api.Answers.wait_ready`."""
        deadline, why = Deadline(timeout_s), ""
        while left_s := deadline.left_s:
            try:
                found = await self.status(timeout_s=min(left_s, self._timeout_s))
                if found.is_complete:
                    return found
                why = found.reason
            except (NotReady, TimedOut) as error:
                why = str(error)
            await asyncio.sleep(min(POLL_S, deadline.left_s))
        raise TimedOut(f"not ready within {timeout_s:g} s: {why}")
