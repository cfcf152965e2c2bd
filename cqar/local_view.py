"""Answers of a published replica at one moment: `with replica.at() as view`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from time import CLOCK_BOOTTIME, clock_gettime, time_ns
from typing import Any, Final, NamedTuple, TypeVar, cast

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol

from cqar import errors
from cqar import from_messages as read
from cqar.asking import RESOLVER, Question
from cqar.hits import LEASE_S
from cqar.local_reading import LocalReading
from cqar.position import Carried, Position
from cqar.results import Freshness, Resolution, Spelling
from cqar.waiting import Answers
from cqar.words import State
from resolver import answers, works
from resolver.freshness import DRIFT, STALE, name_of
from resolver.moment import Lease, lease_of
from resolver.reading import Basis, NotInMemory
from resolver.resolutions import require_spelling
from shared import about, resolution
from shared import local_format as fmt
from shared.errors import CqarError
from shared.instant import Instant
from shared.statuses import to_status

T = TypeVar("T")
PAST: Final = "a local replica holds the present only: ask a resolver what was before"
#: A listing's place begins with its venue.
_AFTER_VENUE: Final = "\0"


class Policy(NamedTuple):
    """When an answer counts as stale, and what then becomes of its verdict; as a resolver's."""

    stale_after_s: float
    stale_verdict: str


class Current(NamedTuple):
    """How current a replica is, as its reader sees it."""

    state: State
    staleness_ms: int | None


def current(now: fmt.Now, boot_id: bytes, stale_after_s: float) -> Current:
    """By this machine's clock: what the resolver confirmed, and how long ago that was."""
    told = State(name_of(cast("pb.SnapshotState.ValueType", now.state)))
    if now.confirmed_ns == fmt.NO_BOUND or now.boot_id != boot_id:
        return Current(State.LAST_GOOD, None)
    ago_ms = clock_gettime(CLOCK_BOOTTIME) * 1000 - now.confirmed_ns / 1e6
    staleness_ms = int(ago_ms * DRIFT) + 1
    if told is State.LIVE and staleness_ms >= stale_after_s * 1000:
        return Current(State.STALE, staleness_ms)
    return Current(told, staleness_ms)


class Answered(NamedTuple):
    """A resolution, and what a reader needs to know for how long it is the answer."""

    result: Resolution
    lease: Lease
    until_ns: int


class LocalView(Answers):
    """All that can be asked of the present; every answer is of the same revision.

    To be used in the thread that opened it, within its block.

    Attributes:
        record: `now` in the replica, of that moment.
    """

    def __init__(
        self,
        reading: LocalReading,
        record: bytes,
        boot_id: bytes,
        policy: Policy,
        carried: Carried,
        timeout_s: float,
    ) -> None:
        super().__init__(timeout_s, carried)
        self.reading = reading
        self.record = record
        self._now = fmt.Now.unpacked(record)
        self._boot_id = boot_id
        self._policy = policy

    @property
    def revision(self) -> Position:
        """Where in the registry's history it is."""
        return Position(self._now.epoch, self._now.revision)

    def current(self) -> Current:
        return current(self._now, self._boot_id, self._policy.stale_after_s)

    def ask(self, question: Question[T], timeout_s: float) -> T:  # noqa: ARG002  (nothing waits)
        if question.service != RESOLVER or question.method not in (*works.WORKS, "GetStatus"):
            raise errors.Unsupported(f"a local replica has no {question.method}: ask a resolver")
        try:
            return question.read(self._answer(question.method, question.request))
        except NotInMemory as error:
            raise errors.Unsupported(PAST) from error
        except CqarError as error:
            raise errors.of_status(to_status(error)) from error

    def _answer(self, method: str, request: Any) -> Any:
        freshness, state = self._freshness(), self.current().state
        if method == "GetStatus":
            return pb.GetStatusResponse(freshness=freshness, version=about.version())
        stale = None
        if state is not State.LIVE and self._policy.stale_verdict != "allow":
            stale = STALE
        now = dt.datetime.now(dt.UTC)
        if method == "CheckOrder":
            is_error = self._policy.stale_verdict == "error"
            work = works.check_order(request, now, stale_is_error=is_error)
        else:
            work = works.WORKS[method](request, now)
        answer = work(Basis(self.reading, freshness, stale))
        self._carried.saw(self.revision)
        return works.told(answer, freshness)

    def _freshness(self) -> pb.Freshness:
        state, staleness_ms = self.current()
        return pb.Freshness(
            epoch=self._now.epoch,
            revision=self._now.revision,
            state=pb.SnapshotState.Value(f"SNAPSHOT_STATE_{state}"),
            staleness_ms=staleness_ms,
        )

    def follow(
        self,
        question: Question[T],  # noqa: ARG002
        timeout_s: float | None,  # noqa: ARG002
    ) -> Generator[T, None, None]:
        raise errors.Unsupported("a local replica tells no changes: watch a resolver")

    def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """All that a venue lists now, of one revision."""
        del timeout_s  # nothing waits
        now = Instant(time_ns())
        found = []
        prefix = f"{venue}{_AFTER_VENUE}"
        for payload in self.reading.all_at("venue_symbol", "spelling", prefix):
            listing = VenueSymbol.FromString(payload)
            if resolution.listed_at(listing, now):
                _, terms = answers.listing_and_terms(self.reading, venue, listing.venue_symbol, now)
                found.append(read.spelling(resolution.as_of_now(listing, terms, now)))
        return found

    def resolve_now(self, venue: str, symbol: str) -> Answered:
        """As `resolve`, with what is needed to give it again.

        Raises:
            NotFound: It means nothing.
        """
        now = Instant(time_ns())
        lease = self.lease()
        request = pb.ResolveRequest(venue_id=venue, venue_symbol=symbol)
        stale = None
        if self.current().state is not State.LIVE and self._policy.stale_verdict != "allow":
            stale = STALE
        try:
            require_spelling(venue, symbol)
            found = answers.resolve(
                Basis(self.reading, pb.Freshness(), stale),
                request.venue_id,
                request.venue_symbol,
                now,
            )
        except NotInMemory as error:
            raise errors.Unsupported(PAST) from error
        except CqarError as error:
            raise errors.of_status(to_status(error)) from error
        self._carried.saw(self.revision)
        result = read.resolution(found, self.told(lease))
        return Answered(result, lease, now.holds_until_ns)

    def lease(self) -> Lease:
        """For how long what is said now may be said again."""
        state, staleness_ms = self.current()
        if state is not State.LIVE or staleness_ms is None:
            return Lease(0.0, staleness_ms or 0)
        return lease_of(staleness_ms, self._policy.stale_after_s, LEASE_S)

    def told(self, lease: Lease) -> Freshness:
        """How current an answer is until its lease ends."""
        state, staleness_ms = self.current()
        bound = lease.told_ms if state is State.LIVE else staleness_ms
        return Freshness(self._now.epoch, self._now.revision, state, bound)
