"""Every call of `AsyncClient` and `async with Replica(…)`: `cqar.sdk.sync_api`, awaited."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from math import inf
from typing import Any, TypeVar, overload

from cqar.sdk import conversion, questions
from cqar.sdk.call_context import POLL_S, CallContext, Deadline
from cqar.sdk.changes import Update
from cqar.sdk.conversion import Conversion, Holding
from cqar.sdk.decimal_input import Exact
from cqar.sdk.enums import Intent, OrderKind, Side
from cqar.sdk.errors import CqarError, NotReady, TimedOut
from cqar.sdk.market_table import Markets
from cqar.sdk.products import SymbolRef, VenueRef
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
from cqar.sdk.session_position import SessionPosition
from cqar.sdk.transport import AsyncTransport, Call
from cqar.sdk.watch_cursor import WatchCursor

T = TypeVar("T")


class AsyncApi(CallContext):
    """Calls that are awaited.

    Args:
        timeout_s: Default timeout of each call.
    """

    def __init__(
        self, transport: AsyncTransport, session: SessionPosition, timeout_s: float
    ) -> None:
        super().__init__(timeout_s, session)
        self._transport = transport

    async def ask(self, question: Question[T], timeout_s: float | None = None) -> T:
        """As `cqar.sdk.sync_api.SyncApi.ask`."""
        call = Call(question, self._or_default_s(timeout_s), self._session.position)
        try:
            reply = await self._transport.send(call)
        except CqarError as error:
            self._note_failure(error)
            raise
        self._session.observe(reply.position)
        return question.read(reply.message)

    async def follow(self, question: Question[T], timeout_s: float = inf) -> AsyncGenerator[T]:
        """As `cqar.sdk.sync_api.SyncApi.follow`."""
        call = Call(question, timeout_s, self._session.position)
        try:
            async with aclosing(self._transport.stream(call)) as replies:
                async for reply in replies:
                    self._session.observe(reply.position)
                    yield question.read(reply.message)
        except CqarError as error:
            self._note_failure(error)
            raise

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
        """As `cqar.sdk.sync_api.SyncApi.resolve`."""
        return await self.ask(questions.resolve(venue, symbol, as_of), timeout_s)

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
    ) -> list[Any]:
        """As `cqar.sdk.sync_api.SyncApi.resolve_batch`."""
        deadline = self._deadline(timeout_s)
        batches = questions.resolve_batches(keys, as_of)
        return [answer for batch in batches for answer in await self.ask(batch, deadline.left_s)]

    async def venue_symbols(
        self, symbol_id: str, venues: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[Spelling]:
        """As `cqar.sdk.sync_api.SyncApi.venue_symbols`."""
        return await self.ask(questions.venue_symbols(symbol_id, venues), timeout_s)

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
        """As `cqar.sdk.sync_api.SyncApi.asset`."""
        names = {"asset_id": asset_id, "venue": venue, "code": code, "chain": chain}
        names |= {"address": address, "source": source, "external_id": external_id}
        return await self.ask(questions.asset(names), timeout_s)

    async def convert(
        self,
        position: Holding,
        to: str,
        at: dt.datetime,
        *,
        undated: bool = False,
        timeout_s: float | None = None,
    ) -> Conversion:
        """As `cqar.sdk.sync_api.SyncApi.convert`."""
        deadline = self._deadline(timeout_s)
        steps = conversion.steps_of(position, to, at, undated=undated)
        asset_id = next(steps)
        while True:
            answer = await self.asset(asset_id, timeout_s=deadline.left_s)
            try:
                asset_id = steps.send(answer)
            except StopIteration as done:
                converted: Conversion = done.value
                return converted

    async def symbol(
        self,
        symbol_id: str = "",
        *,
        source: str = "",
        external_id: str = "",
        timeout_s: float | None = None,
    ) -> SymbolRef:
        """As `cqar.sdk.sync_api.SyncApi.symbol`."""
        names = {"symbol_id": symbol_id, "source": source, "external_id": external_id}
        return await self.ask(questions.symbol(names), timeout_s)

    async def group(
        self, name: str = "", *, group_id: str = "", timeout_s: float | None = None
    ) -> Group:
        """As `cqar.sdk.sync_api.SyncApi.group`."""
        return await self.ask(questions.group(name, group_id), timeout_s)

    async def check_order(
        self,
        venue: str,
        symbol: str,
        *,
        price: Exact | None = None,
        quantity: Exact | None = None,
        side: Side | str | None = None,
        intent: Intent | str = Intent.OPEN,
        kind: OrderKind | str | None = None,
        reference_price: Exact | None = None,
        timeout_s: float | None = None,
    ) -> OrderCheck:
        """As `cqar.sdk.sync_api.SyncApi.check_order`."""
        order = price, quantity, side, intent, kind, reference_price
        question = questions.check_order((venue, symbol), *order)
        return await self.ask(question, timeout_s)

    async def venue(self, venue_id: str, *, timeout_s: float | None = None) -> VenueRef:
        """As `cqar.sdk.sync_api.SyncApi.venue`."""
        return await self.ask(questions.venue(venue_id), timeout_s)

    async def status(self, *, timeout_s: float | None = None) -> ResolverStatus:
        """As `cqar.sdk.sync_api.SyncApi.status`."""
        return await self.ask(questions.status(), timeout_s)

    async def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """As `cqar.sdk.sync_api.SyncApi.listed`."""
        deadline = self._deadline(timeout_s)
        page = await self.ask(questions.listed(venue, ""), deadline.left_s)
        spellings = page.spellings
        while page.next_token:
            page = await self.ask(questions.listed(venue, page.next_token), deadline.left_s)
            spellings += page.spellings
        return spellings

    async def markets(self, venue: str, *, timeout_s: float | None = None) -> Markets:
        """As `cqar.sdk.sync_api.SyncApi.markets`."""
        deadline = self._deadline(timeout_s)
        listed = await self.listed(venue, timeout_s=deadline.left_s)
        parts = [
            await self.resolve_batch(part, timeout_s=deadline.left_s)
            for part in questions.keys_of_markets(venue, listed)
        ]
        return Markets(venue, questions.found_markets(parts))

    async def watch(
        self,
        from_revision: int = 0,
        *,
        epoch: int = 0,
        kinds: Iterable[str] = (),
        venues: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> AsyncIterator[Update]:
        """As `cqar.sdk.sync_api.SyncApi.watch`."""
        cursor = WatchCursor(from_revision, epoch, kinds, venues)
        deadline = Deadline(inf if timeout_s is None else timeout_s)
        while True:
            try:
                async with aclosing(self.follow(cursor.question(), deadline.left_s)) as updates:
                    async for update in updates:
                        if cursor.advance(update):
                            yield update
            except NotReady:
                if not cursor.is_begun:
                    raise
            await asyncio.sleep(cursor.pause_s())

    async def wait_ready(self, timeout_s: float = 60.0) -> ResolverStatus:
        """As `cqar.sdk.sync_api.SyncApi.wait_ready`."""
        deadline, reason = Deadline(timeout_s), ""
        while left_s := deadline.left_s:
            try:
                status = await self.status(timeout_s=min(left_s, self._timeout_s))
                if status.is_complete:
                    return status
                reason = status.reason
            except (NotReady, TimedOut) as error:
                reason = str(error)
            await asyncio.sleep(min(POLL_S, deadline.left_s))
        raise TimedOut(f"not ready within {timeout_s:g} s: {reason}")
