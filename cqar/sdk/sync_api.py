"""What can be asked, for programs that wait for each answer; `cqar.sdk.async_api` is its twin.

A client and a replica differ in `ask` and `follow` alone. Every method takes `timeout_s`, which
bounds all of it, and raises what `cqar.sdk.errors` names.
"""

from __future__ import annotations

import datetime as dt
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
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


class SyncApi(CallContext, ABC):
    """For programs that wait for each answer."""

    @abstractmethod
    def ask(self, question: Question[T], timeout_s: float) -> T:
        """The answer to any question that `cqar.sdk.questions` can put."""

    @abstractmethod
    def follow(self, question: Question[T], timeout_s: float | None) -> Generator[T, None, None]:
        """The answers to one that has many; without an end where `timeout_s` is None."""

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
            as_of: What it meant then, and the status and steps of that time, as far as known.

        Raises:
            NotFound: It means nothing; one that is delisted is an answer.
            InvalidRequest: `as_of` has not come yet.
            ValueError: `as_of` has no time zone.
        """
        deadline = self._deadline(timeout_s)
        if as_of is None:
            return self.ask(question_codec.resolve(venue, symbol), deadline.left_s)
        return self.ask(question_codec.resolve_past(venue, symbol, as_of), deadline.left_s)

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
    ) -> list[Resolution | Miss] | list[PastResolution | Miss]:
        """Any number of (venue, spelling), answered in their order; each 2,000 of one revision.

        Args:
            as_of: As that of `resolve`.

        Raises:
            InvalidRequest: `as_of` has not come yet.
            ValueError: `as_of` has no time zone.
        """
        deadline = self._deadline(timeout_s)
        if as_of is None:
            return self._ask_all(question_codec.resolve_batches(keys), deadline)
        return self._ask_all(question_codec.resolve_past_batches(keys, as_of), deadline)

    def _ask_all(self, questions: Iterable[Question[list[T]]], deadline: Deadline) -> list[T]:
        return [one for question in questions for one in self.ask(question, deadline.left_s)]

    def venue_symbols(
        self, symbol_id: str, venues: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[Spelling]:
        """The way back: how venues (none named: all) write a symbol now, primary spellings first.

        Raises:
            NotFound: There is no such symbol, or a venue that is named is not there.
        """
        question = question_codec.venue_symbols(symbol_id, venues)
        return self.ask(question, self._deadline(timeout_s).left_s)

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
        """The asset of that id; or that a venue calls so; or of that contract; or of that source.

        Raises:
            NotFound: Nothing is called so, or several things are.
        """
        names = {"asset_id": asset_id, "venue": venue, "code": code, "chain": chain}
        names |= {"address": address, "source": source, "external_id": external_id}
        return self.ask(question_codec.asset(names), self._deadline(timeout_s).left_s)

    def group(self, name: str = "", *, group_id: str = "", timeout_s: float | None = None) -> Group:
        """A group's members with their assets, exact weights and active flags.

        Raises:
            NotFound: There is no such group.
        """
        return self.ask(question_codec.group(name, group_id), self._deadline(timeout_s).left_s)

    def check_order(
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
        """May this order be sent, and as what? With a price, say the side.

        Raises:
            NotFound: The spelling means nothing.
        """
        question = question_codec.check_order((venue, symbol), price, quantity, side, intent)
        return self.ask(question, self._deadline(timeout_s).left_s)

    def status(self, *, timeout_s: float | None = None) -> ResolverStatus:
        """What the resolver holds, and how far behind it may be."""
        return self.ask(question_codec.status(), self._deadline(timeout_s).left_s)

    def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """All that a venue lists now. Pages need not be of one revision.

        Raises:
            NotFound: There is no such venue.
        """
        deadline = self._deadline(timeout_s)
        page = self.ask(question_codec.listed(venue, ""), deadline.left_s)
        found = page.spellings
        while page.following:
            page = self.ask(question_codec.listed(venue, page.following), deadline.left_s)
            found += page.spellings
        return found

    def watch(
        self,
        from_revision: int = 0,
        *,
        epoch: int = 0,
        kinds: Iterable[str] = (),
        venues: Iterable[str] = (),
        timeout_s: float | None = None,
    ) -> Iterator[Update]:
        """Change sets as they become visible, from a revision on, or from now on; without an end.

        Once something came, a connection that is lost is made again, for as long as it takes: what
        follows is what follows what was told, without gap or repetition. While nobody is there,
        nothing comes, no sign of life either.

        Args:
            kinds: Only these; none: all, or with `venues` all that belong to a venue.
            venues: Only what is at these: the venue itself, its listings and its assets. Of kinds
                that belong to no venue only those in `kinds`.

        Raises:
            NotFound: A venue that is named is not there: watch it once it is registered.
            NotKept: So far back nothing is kept: read anew, then watch from there.
            EpochChanged: The history that was watched has ended: read anew.
            NotReady: Nobody is there to begin with.
            TimedOut: `timeout_s` is over.
        """
        cursor = WatchCursor(from_revision, epoch, kinds, venues)
        deadline = None if timeout_s is None else Deadline(timeout_s)
        while True:
            left_s = None if deadline is None else deadline.left_s
            try:
                with closing(self.follow(cursor.question(), left_s)) as updates:
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
            TimedOut: They did not in that time; says why.
        """
        deadline, why = Deadline(timeout_s), ""
        while left_s := deadline.left_s:
            try:
                found = self.status(timeout_s=min(left_s, self._timeout_s))
                if found.is_complete:
                    return found
                why = found.reason
            except (NotReady, TimedOut) as error:
                why = str(error)
            time.sleep(min(POLL_S, deadline.left_s))
        raise TimedOut(f"not ready within {timeout_s:g} s: {why}")
