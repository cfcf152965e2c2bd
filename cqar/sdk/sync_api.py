"""Every call of `Client` and `with Replica(…)`: the surface that waits for each answer.

Each method makes a question (`cqar.sdk.questions`), sends it through the transport, notes the
reply's position and reads its message. `cqar.sdk.async_api` is the same surface, awaited. Every
method takes `timeout_s`, which bounds all of it, and raises what `cqar.sdk.errors` names.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
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
from cqar.sdk.transport import Call, SyncTransport
from cqar.sdk.watch_cursor import WatchCursor

T = TypeVar("T")


class SyncApi(CallContext):
    """Calls that wait for their answer.

    Args:
        timeout_s: Default timeout of each call.
    """

    def __init__(
        self, transport: SyncTransport, session: SessionPosition, timeout_s: float
    ) -> None:
        super().__init__(timeout_s, session)
        self._transport = transport

    def ask(self, question: Question[T], timeout_s: float | None = None) -> T:
        """The answer to any question of `cqar.sdk.questions` that has one answer."""
        call = Call(question, self._or_default_s(timeout_s), self._session.position)
        try:
            reply = self._transport.send(call)
        except CqarError as error:
            self._note_failure(error)
            raise
        self._session.observe(reply.position)
        return question.read(reply.message)

    def follow(self, question: Question[T], timeout_s: float = inf) -> Generator[T]:
        """The answers to a question that has many; until `timeout_s` is over."""
        call = Call(question, timeout_s, self._session.position)
        try:
            with closing(self._transport.stream(call)) as replies:
                for reply in replies:
                    self._session.observe(reply.position)
                    yield question.read(reply.message)
        except CqarError as error:
            self._note_failure(error)
            raise

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
        """What a venue's spelling means, how it trades, and whether it may be traded now.

        Args:
            as_of: What the spelling means at that instant, with the status and the steps of that
                time as far as they are known. To come: what will hold, by what is known now.

        Raises:
            NotFound: The spelling means nothing; a delisted one is an answer.
            ValueError: `as_of` has no time zone.
        """
        return self.ask(questions.resolve(venue, symbol, as_of), timeout_s)

    @overload
    def resolve_batch(
        self, keys: Iterable[Key], *, as_of: None = None, timeout_s: float | None = None
    ) -> list[Resolution | Miss]: ...

    @overload
    def resolve_batch(
        self, keys: Iterable[Key], *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> list[PastResolution | Miss]: ...

    def resolve_batch(
        self,
        keys: Iterable[Key],
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> list[Any]:
        """Resolve any number of (venue, spelling) keys, in their order; each 2,000 of one revision.

        Args:
            as_of: As that of `resolve`.

        Raises:
            ValueError: `as_of` has no time zone.
        """
        deadline = self._deadline(timeout_s)
        batches = questions.resolve_batches(keys, as_of)
        return [answer for batch in batches for answer in self.ask(batch, deadline.left_s)]

    def venue_symbols(
        self, symbol_id: str, venues: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[Spelling]:
        """How venues (none named: all) write a symbol now, primary spellings first.

        Raises:
            NotFound: The symbol, or a venue that is named, does not exist.
        """
        return self.ask(questions.venue_symbols(symbol_id, venues), timeout_s)

    def asset(
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
        """The asset of an id, of a venue's code, of a contract's address, or of a source's id.

        Raises:
            NotFound: No asset has this name, or several have.
        """
        names = {"asset_id": asset_id, "venue": venue, "code": code, "chain": chain}
        names |= {"address": address, "source": source, "external_id": external_id}
        return self.ask(questions.asset(names), timeout_s)

    def convert(
        self,
        position: Holding,
        to: str,
        at: dt.datetime,
        *,
        undated: bool = False,
        timeout_s: float | None = None,
    ) -> Conversion:
        """What a position is after what its asset became by an instant: 1 MKR is 24,000 SKY.

        Args:
            position: (asset's id, quantity); the quantity is below zero of what is owed.
            to: The asset's id that it is wanted in.
            undated: Follow successions of which it is not known when they took effect, too.

        Raises:
            NotFound: One of the assets does not exist.
            NotConvertible: No known successions lead there by then, or one's rate is not known.
            ValueError: `at` has no time zone, or the quantity is no plain number.
        """
        deadline = self._deadline(timeout_s)
        steps = conversion.steps_of(position, to, at, undated=undated)
        asset_id = next(steps)
        while True:
            answer = self.asset(asset_id, timeout_s=deadline.left_s)
            try:
                asset_id = steps.send(answer)
            except StopIteration as done:
                converted: Conversion = done.value
                return converted

    def symbol(
        self,
        symbol_id: str = "",
        *,
        source: str = "",
        external_id: str = "",
        timeout_s: float | None = None,
    ) -> SymbolRef:
        """The symbol of an id, or of a source's id, such as FIGI or ISIN.

        Raises:
            NotFound: No symbol has this name, or several have.
        """
        names = {"symbol_id": symbol_id, "source": source, "external_id": external_id}
        return self.ask(questions.symbol(names), timeout_s)

    def group(self, name: str = "", *, group_id: str = "", timeout_s: float | None = None) -> Group:
        """A group's members with their assets, exact weights and active flags.

        Raises:
            NotFound: The group does not exist.
        """
        return self.ask(questions.group(name, group_id), timeout_s)

    def check_order(
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
        """Check an order and round it to the venue's tick and lot. With a price, say the side.

        Args:
            quantity: In the venue's order unit, as `specs.order_unit` says.
            kind: `limit` or `market`; None: limit if there is a price, else market.
            reference_price: What the venue's price bands are relative to, and what a market order
                is valued at, such as the mark price; None: neither is judged.

        Raises:
            NotFound: The spelling means nothing.
        """
        order = price, quantity, side, intent, kind, reference_price
        question = questions.check_order((venue, symbol), *order)
        return self.ask(question, timeout_s)

    def venue(self, venue_id: str, *, timeout_s: float | None = None) -> VenueRef:
        """A venue: its operator, environment and region.

        Raises:
            NotFound: The venue does not exist.
        """
        return self.ask(questions.venue(venue_id), timeout_s)

    def status(self, *, timeout_s: float | None = None) -> ResolverStatus:
        """What the resolver holds, and how far behind it may be."""
        return self.ask(questions.status(), timeout_s)

    def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """All that a venue lists now. Pages of 1,000 need not be of one revision.

        Raises:
            NotFound: The venue does not exist.
        """
        deadline = self._deadline(timeout_s)
        page = self.ask(questions.listed(venue, ""), deadline.left_s)
        spellings = page.spellings
        while page.next_token:
            page = self.ask(questions.listed(venue, page.next_token), deadline.left_s)
            spellings += page.spellings
        return spellings

    def markets(self, venue: str, *, timeout_s: float | None = None) -> Markets:
        """What a venue lists now, resolved: a table to go through, filter, or turn into a frame.

        Raises:
            NotFound: The venue does not exist.
        """
        deadline = self._deadline(timeout_s)
        keys = questions.keys_of_markets(venue, self.listed(venue, timeout_s=deadline.left_s))
        parts = [self.resolve_batch(part, timeout_s=deadline.left_s) for part in keys]
        return Markets(venue, questions.found_markets(parts))

    def watch(
        self,
        from_revision: int = 0,
        *,
        epoch: int = 0,
        kinds: Iterable[str] = (),
        venues: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> Iterator[Update]:
        """Yield change sets as they become visible, from a revision on, or from now on.

        The stream has no end. Once something was received, a lost connection is made again for as
        long as it takes, and the stream goes on behind the last update, without gap or repetition.
        While no resolver is reachable nothing is received, heartbeats included.

        Args:
            kinds: Only these; none: all, or with `venues` all that belong to a venue.
            venues: Only what is at these: the venue itself, its listings and its assets. Of kinds
                that belong to no venue only those in `kinds`.

        Raises:
            NotFound: A venue that is named does not exist: watch it once it is registered.
            NotKept: The revision is older than what is kept: read anew, then watch from there.
            EpochChanged: The history that was watched has ended: read anew.
            NotReady: No resolver was reachable to begin with.
            TimedOut: `timeout_s` is over.
        """
        cursor = WatchCursor(from_revision, epoch, kinds, venues)
        deadline = Deadline(inf if timeout_s is None else timeout_s)
        while True:
            try:
                with closing(self.follow(cursor.question(), deadline.left_s)) as updates:
                    for update in updates:
                        if cursor.advance(update):
                            yield update
            except NotReady:
                if not cursor.is_begun:
                    raise
            time.sleep(cursor.pause_s())

    def wait_ready(self, timeout_s: float = 60.0) -> ResolverStatus:
        """Return once answers come from memory.

        Raises:
            TimedOut: Memory was not complete within `timeout_s`; the text says why.
        """
        deadline, reason = Deadline(timeout_s), ""
        while left_s := deadline.left_s:
            try:
                status = self.status(timeout_s=min(left_s, self._timeout_s))
                if status.is_complete:
                    return status
                reason = status.reason
            except (NotReady, TimedOut) as error:
                reason = str(error)
            time.sleep(min(POLL_S, deadline.left_s))
        raise TimedOut(f"not ready within {timeout_s:g} s: {reason}")
