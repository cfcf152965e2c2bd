"""Answers of a published replica at one moment: `with replica.at() as view`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import CLOCK_BOOTTIME, clock_gettime, time_ns
from typing import Any, Final, NamedTuple, TypeVar, cast

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol

from cqar.local_replica.reader import LocalReading
from cqar.replica.hit_cache import LEASE_S
from cqar.sdk import decoding as read
from cqar.sdk import errors
from cqar.sdk.enums import State
from cqar.sdk.question_codec import RESOLVER, Question
from cqar.sdk.results import Freshness, Resolution, Spelling
from cqar.sdk.session_position import Position, SessionPosition
from cqar.sdk.sync_api import SyncAnswers
from cqar_resolver.queries import requests, resolve_listing
from cqar_resolver.queries.query import QueryContext
from cqar_resolver.queries.resolve_listing import require_spelling
from cqar_resolver.replication.freshness import DRIFT, STALE_REASON, state_name
from cqar_resolver.replication.freshness_lease import Lease, lease_of
from cqar_resolver.snapshot.reader import NotResident
from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.errors import RegistryError
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime import version

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
    told = State(state_name(cast("pb.SnapshotState.ValueType", now.state)))
    if now.confirmed_ns == fmt.NO_BOUND or now.boot_id != boot_id:
        return Current(State.LAST_GOOD, None)
    ago_ms = clock_gettime(CLOCK_BOOTTIME) * 1000 - now.confirmed_ns / 1e6
    staleness_ms = int(ago_ms * DRIFT) + 1
    if told is State.LIVE and staleness_ms >= stale_after_s * 1000:
        return Current(State.STALE, staleness_ms)
    return Current(told, staleness_ms)


class Answered(NamedTuple):
    """A resolution, and the first instant at which it may be another."""

    result: Resolution
    until_ns: int


class LocalView(SyncAnswers):
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
        carried: SessionPosition,
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
        """How current it is by now: looked at once for each answer, which says but one thing."""
        return current(self._now, self._boot_id, self._policy.stale_after_s)

    def ask(self, question: Question[T], timeout_s: float) -> T:  # noqa: ARG002  (nothing waits)
        if question.service != RESOLVER or question.method not in (*requests.WORKS, "GetStatus"):
            raise errors.Unsupported(f"a local replica has no {question.method}: ask a resolver")
        with _as_told():
            return question.read(self._answer(question.method, question.request))

    def _answer(self, method: str, request: Any) -> Any:
        basis = self._basis(self.current())
        if method == "GetStatus":
            return pb.GetStatusResponse(freshness=basis.freshness, version=version.version())
        now = dt.datetime.now(dt.UTC)
        if method == "CheckOrder":
            is_error = self._policy.stale_verdict == "error"
            work = requests.check_order(request, now, stale_is_error=is_error)
        else:
            work = requests.WORKS[method](request, now)
        answer = work(basis)
        self._carried.saw(self.revision)
        return requests.told(answer, basis.freshness)

    def _basis(self, at: Current) -> QueryContext:
        fails_closed = at.state is not State.LIVE and self._policy.stale_verdict != "allow"
        freshness = pb.Freshness(
            epoch=self._now.epoch,
            revision=self._now.revision,
            state=pb.SnapshotState.Value(f"SNAPSHOT_STATE_{at.state}"),
            staleness_ms=at.staleness_ms,
        )
        return QueryContext(self.reading, freshness, STALE_REASON if fails_closed else None)

    def follow(
        self,
        question: Question[T],  # noqa: ARG002
        timeout_s: float | None,  # noqa: ARG002
    ) -> Generator[T, None, None]:
        raise errors.Unsupported("a local replica tells no changes: watch a resolver")

    def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """All that a venue lists now, of one revision.

        Raises:
            NotFound: There is no such venue.
        """
        del timeout_s  # nothing waits
        now = Instant(time_ns())
        found = []
        prefix = f"{venue}{_AFTER_VENUE}"
        with _as_told():
            for payload in self.reading.all_at("venue_symbol", "spelling", prefix):
                listing = VenueSymbol.FromString(payload)
                if tradeability.listed_at(listing, now):
                    terms = resolve_listing.terms_of(self.reading, listing, now)
                    found.append(read.spelling(tradeability.effective_listing(listing, terms, now)))
            if not found:
                resolve_listing.require(self.reading, VENUE, venue)
        return found

    def resolve_now(self, venue: str, symbol: str, at: Current) -> Answered:
        """As `resolve`, with what is needed to give it again.

        Raises:
            NotFound: It means nothing.
        """
        now = Instant(time_ns())
        with _as_told():
            require_spelling(venue, symbol)
            found = resolve_listing.resolve(self._basis(at), venue, symbol, now)
        self._carried.saw(self.revision)
        return Answered(read.resolution(found, self.told(at, self.lease(at))), now.holds_until_ns)

    def lease(self, at: Current) -> Lease:
        """For how long what is said now may be said again."""
        if at.state is not State.LIVE or at.staleness_ms is None:
            return Lease(0.0, at.staleness_ms or 0)
        return lease_of(at.staleness_ms, self._policy.stale_after_s, LEASE_S)

    def told(self, at: Current, lease: Lease) -> Freshness:
        """How current an answer is until its lease ends."""
        bound = lease.reported_ms if at.state is State.LIVE else at.staleness_ms
        return Freshness(self._now.epoch, self._now.revision, at.state, bound)


@contextmanager
def _as_told() -> Iterator[None]:
    """What a resolver would tell its client, as that raises it."""
    try:
        yield
    except NotResident as error:
        raise errors.Unsupported(PAST) from error
    except RegistryError as error:
        raise errors.of_status(to_status(error)) from error
