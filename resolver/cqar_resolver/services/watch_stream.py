"""Change sets as they are applied, from a revision on, for as long as somebody listens.

A watcher holds nothing but its place: what it has not taken yet lies in the ring that all share.
One that is slower than the ring is long is told so, and never skips a revision unseen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver import metrics
from cqar_resolver.replication.change_filter import select_changes
from cqar_resolver.replication.change_log import AppliedChangeSet
from cqar_resolver.replication.freshness import boot_clock_s
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.domain import rules
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.near_names import did_you_mean
from cqar_shared.errors import (
    EpochEnded,
    FieldViolation,
    Invalid,
    OutOfRange,
    ServiceNotReady,
    TooMany,
)
from cqar_shared.lists.filter_names import unknown
from cqar_shared.runtime.slots import Slots

WATCHERS_MAX: Final = 2_000
#: Of one caller: a key's actor, or without keys a connection.
WATCHERS_EACH: Final = 200
#: Then a watcher is told to begin anew: sooner than a connection's age would end it untold
#: (`grpc.max_connection_age_grace_ms`), and perhaps at another resolver.
WATCH_S_MAX: Final = 3_600.0
#: Freshness alone is told this often where nothing changes.
HEARTBEAT_S: Final = 1.0
#: A resolver that is behind the watcher is waited for; then it is time to ask another one.
REACH_S: Final = 1.0
NAMES_MAX: Final = 100


class WatchStreams:
    def __init__(self, view: ReplicaState) -> None:
        self._view = view
        self._places = Slots("watches", WATCHERS_MAX, WATCHERS_EACH)

    async def watch(
        self, request: pb.WatchRequest, who: str = ""
    ) -> AsyncGenerator[pb.WatchResponse]:
        """Yield each change set that has something for the watcher, and a heartbeat each second.

        A heartbeat says that all up to its revision was told, or is not for this watcher: the first
        comes once the past that was asked for is told, and none is from before it.

        Args:
            who: Whose watch it is; of one caller there may be `WATCHERS_EACH`.

        Raises:
            Invalid: A filter names what cannot be.
            NotFound: A filter names a venue that is not there.
            NotReady: Nothing is loaded yet, memory does not get to where the watcher was, this
                process is about to end, or it is time to begin anew, from where this watch was.
            EpochChanged: The history that was watched has ended: read anew.
            OutOfRange: The revision is not kept any more: read anew.
            TooMany: As many watch as may, or this watcher is too slow.
        """
        require_filters(request)
        kinds, venue_ids = frozenset(request.kinds), frozenset(request.venue_ids)
        with self._place(who):
            await self._reach(request)
            self._require_venues(venue_ids)
            began, revision = self._view.snapshot.head, self._view.snapshot.position.revision
            told = request.from_revision - 1 if request.from_revision else revision
            if told < revision:
                self._view.change_log.at(told + 1)
            began_s = boot_clock_s()
            beat_s = began_s - HEARTBEAT_S
            while True:
                if boot_clock_s() - began_s >= WATCH_S_MAX:
                    raise ServiceNotReady("this watch is old: watch again, from where it was")
                while (applied := self._next(began, told)) is not None:
                    told = applied.change_set.revision
                    found = select_changes(applied, kinds, venue_ids)
                    if found.changes:
                        freshness = self._view.freshness_message()
                        yield pb.WatchResponse(change_set=found, freshness=freshness)
                        beat_s = boot_clock_s()
                # From the last heartbeat on: what is not for this watcher may never pause. All up
                # to the revision that it names was looked through: nothing is awaited in between.
                left_s = beat_s + HEARTBEAT_S - boot_clock_s()
                if left_s > 0:
                    await self._view.wait_for_revision(left_s)
                else:
                    yield pb.WatchResponse(freshness=self._view.freshness_message())
                    beat_s = boot_clock_s()

    async def _reach(self, request: pb.WatchRequest) -> None:
        """Wait until memory is where the watcher was, who may have been told by another resolver.

        Raises:
            NotReady: It is not within `REACH_S`: another resolver may be.
            EpochChanged: It is in a later epoch.
        """
        epoch = request.epoch or self._view.snapshot.position.epoch
        await self._view.reach(epoch, max(request.from_revision, 1) - 1, REACH_S)

    def _require_venues(self, venue_ids: Iterable[str]) -> None:
        """Refuse a venue that is not there: nothing would ever come, and nobody would know why."""
        snapshot = self._view.snapshot
        for venue_id in sorted(venue_ids):
            if snapshot.get(VENUE.name, venue_id) is None:
                near = did_you_mean(venue_id, sorted(snapshot.keys(VENUE.name)))
                raise unknown(VENUE, venue_id, f"{near} to watch: register it first".lstrip())

    def _next(self, began: replication_pb2.Head, told: int) -> AppliedChangeSet | None:
        """The change set after `told`; None if that is what is served."""
        if self._view.is_ending:
            raise ServiceNotReady(
                "this resolver is stopping: watch another, from where this one was"
            )
        now = self._view.snapshot.head
        if now.registry_id != began.registry_id:
            raise EpochEnded("what was watched was another registry's: read anew")
        if now.epoch != began.epoch:
            raise EpochEnded(f"epoch {began.epoch} has ended, this is {now.epoch}: read anew")
        if now.revision <= told:
            return None
        try:
            return self._view.change_log.at(told + 1)
        except OutOfRange as error:
            raise TooMany(f"this watcher is too slow: {error}") from error

    @contextmanager
    def _place(self, who: str) -> Iterator[None]:
        with self._places.held(who):
            metrics.WATCHERS.set(self._places.taken)
            try:
                yield
            finally:
                metrics.WATCHERS.set(self._places.taken - 1)


def require_filters(request: pb.WatchRequest) -> None:
    """Refuse what no watcher can ask for.

    Raises:
        Invalid: Names every such name.
    """
    violations = [
        FieldViolation(field, "TOO_MANY", f"at most {NAMES_MAX}")
        for field in ("kinds", "venue_ids")
        if len(getattr(request, field)) > NAMES_MAX
    ]
    watched = sorted(name for name, kind in KIND_BY_NAME.items() if kind.exported)
    for name in request.kinds:
        if name not in watched:
            message = f"{name[:64]!r} is none of {', '.join(watched)}"
            violations.append(FieldViolation("kinds", "UNKNOWN", message))
    for venue_id in request.venue_ids:
        violations += rules.check_slug("venue_ids", venue_id)
    if violations:
        raise Invalid(violations)
