"""A published replica at one revision, which answers questions as a resolver does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import CLOCK_BOOTTIME, clock_gettime, time_ns
from typing import Any, Final, NamedTuple, cast

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.venues.v1.venue_symbol_pb2 import VenueSymbol

from cqar.local_replica.reader import LocalReader
from cqar.replica.hit_cache import LEASE_S
from cqar.sdk import decoding, errors
from cqar.sdk.enums import State
from cqar.sdk.results import Freshness, Resolution
from cqar.sdk.session_position import Position
from cqar.sdk.transport import Call, Reply
from cqar_resolver.queries import requests, resolution
from cqar_resolver.queries.orders import CheckOrderQuery
from cqar_resolver.queries.registry import GETS
from cqar_resolver.replication.freshness import DRIFT, STALE_REASON, state_name
from cqar_resolver.replication.freshness_lease import Lease, lease_of
from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.errors import RegistryError
from cqar_shared.queries import entities, listings
from cqar_shared.queries.listings import require_spelling
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.queries.reader import NotResident
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.rpc.status import to_status
from cqar_shared.runtime import version

PAST_TEXT: Final = "a local replica holds the present only: ask a resolver what was before"
#: In an index key, a listing's venue ends with this.
_AFTER_VENUE: Final = "\0"


class StalenessPolicy(NamedTuple):
    """When an answer counts as stale, and what then becomes of its verdict; as a resolver's."""

    stale_after_s: float
    stale_verdict: str


class CurrentFreshness(NamedTuple):
    """How current the replica is at the moment of one answer; `staleness_ms` None: no bound."""

    state: State
    staleness_ms: int | None


class CacheableResolution(NamedTuple):
    """A resolution, and the first instant (Unix time) at which it may be another."""

    result: Resolution
    until_ns: int


class WithoutStreams:
    """Part of a transport that answers single questions only."""

    def stream(self, _: Call, /) -> Generator[Reply]:
        raise errors.Unsupported("a local replica tells no changes: watch a resolver")


class LocalSnapshot(WithoutStreams):
    """A read transaction as a transport. Use it in the thread that opened it, until `close`.

    Attributes:
        record: The packed `now` record that the transaction sees.
    """

    def __init__(
        self,
        tx: Any,
        reader: LocalReader,
        record: bytes,
        boot_id: bytes,
        policy: StalenessPolicy,
    ) -> None:
        self._tx = tx
        self.reader = reader
        self.record = record
        self._now = fmt.Now.unpacked(record)
        self._boot_id = boot_id
        self._policy = policy

    def close(self) -> None:
        self._tx.abort()

    @property
    def position(self) -> Position:
        return Position(self._now.epoch, self._now.revision)

    # ------------------------------------------------------------ freshness

    def current_freshness(self) -> CurrentFreshness:
        """What the resolver confirmed, and how long ago, by this machine's clock.

        Read it once for each answer, so that all of the answer says the same.
        """
        now = self._now
        state = State(state_name(cast("pb.SnapshotState.ValueType", now.state)))
        if now.confirmed_ns == fmt.NO_BOUND or now.boot_id != self._boot_id:
            return CurrentFreshness(State.LAST_GOOD, None)
        age_ms = clock_gettime(CLOCK_BOOTTIME) * 1000 - now.confirmed_ns / 1e6
        staleness_ms = int(age_ms * DRIFT) + 1
        if state is State.LIVE and staleness_ms >= self._policy.stale_after_s * 1000:
            state = State.STALE
        return CurrentFreshness(state, staleness_ms)

    def lease(self, current: CurrentFreshness) -> Lease:
        """How long an answer may be returned again."""
        if current.state is not State.LIVE or current.staleness_ms is None:
            return Lease(0.0, current.staleness_ms or 0)
        return lease_of(current.staleness_ms, self._policy.stale_after_s, LEASE_S)

    def leased_freshness(self, current: CurrentFreshness, lease: Lease) -> Freshness:
        """An answer's freshness, true until its lease ends."""
        staleness_ms = lease.reported_ms if current.state is State.LIVE else current.staleness_ms
        return Freshness(*self.position, current.state, staleness_ms)

    # ------------------------------------------------------------ answers

    def send(self, call: Call) -> Reply:
        question, request = call.question, cast("Any", call.question.request)
        with _sdk_errors():
            match question.method:
                case "GetStatus":
                    return Reply(self._status(), None)
                case "ListVenueSymbols":
                    return Reply(self._listings(request.venue_id), self.position)
                case method if (get := GETS.get(method)) is not None:
                    value = get.query_of(request).run(self._context(self.current_freshness()))
                    return Reply(get.response(value), self.position)
                case method if method in requests.QUERIES:
                    return Reply(self._answer(method, request), self.position)
        raise errors.Unsupported(f"a local replica has no {question.method}: ask a resolver")

    def _status(self) -> pb.GetStatusResponse:
        freshness = self._freshness_message(self.current_freshness())
        return pb.GetStatusResponse(freshness=freshness, version=version.version())

    def _answer(self, method: str, request: Any) -> Any:
        current, now = self.current_freshness(), dt.datetime.now(dt.UTC)
        query: Query[Any]
        if method == "CheckOrder":
            is_error = self._policy.stale_verdict == "error"
            query = CheckOrderQuery.from_request(request, now, stale_is_error=is_error)
        else:
            query = requests.QUERIES[method](request, now)
        message = query.run(self._context(current))
        return requests.set_freshness(message, self._freshness_message(current))

    def _listings(self, venue: str) -> rpb.ListVenueSymbolsResponse:
        """All that a venue lists now, on one page."""
        now, response = Instant(time_ns()), rpb.ListVenueSymbolsResponse()
        for payload in self.reader.find_by_prefix(
            "venue_symbol", "spelling", f"{venue}{_AFTER_VENUE}"
        ):
            listing = VenueSymbol.FromString(payload)
            if tradeability.listed_at(listing, now):
                terms = listings.terms_of(self.reader, listing, now)
                effective = tradeability.effective_listing(listing, terms, now)
                response.venue_symbols.append(effective)
        if not response.venue_symbols:
            entities.require(self.reader, VENUE, venue)
        return response

    def resolve(self, venue: str, symbol: str, current: CurrentFreshness) -> CacheableResolution:
        """Resolve a spelling, with what is needed to return the result again.

        Raises:
            NotFound: The spelling means nothing.
        """
        now = Instant(time_ns())
        with _sdk_errors():
            require_spelling(venue, symbol)
            message = resolution.resolve(self._context(current), venue, symbol, now)
        freshness = self.leased_freshness(current, self.lease(current))
        return CacheableResolution(decoding.resolution(message, freshness), now.holds_until_ns)

    def _context(self, current: CurrentFreshness) -> QueryContext:
        fails_closed = current.state is not State.LIVE and self._policy.stale_verdict != "allow"
        return QueryContext(self.reader, STALE_REASON if fails_closed else None)

    def _freshness_message(self, current: CurrentFreshness) -> pb.Freshness:
        return pb.Freshness(
            epoch=self._now.epoch,
            revision=self._now.revision,
            state=pb.SnapshotState.Value(f"SNAPSHOT_STATE_{current.state}"),
            staleness_ms=current.staleness_ms,
        )


@contextmanager
def _sdk_errors() -> Iterator[None]:
    """Raise the error that a client of a resolver would raise."""
    try:
        yield
    except NotResident as error:
        raise errors.Unsupported(PAST_TEXT) from error
    except RegistryError as error:
        raise errors.error_of_status(to_status(error)) from error
