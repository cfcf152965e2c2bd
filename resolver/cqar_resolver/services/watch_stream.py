"""Sends change sets as they are applied, from a revision on, for as long as a client listens.

A watcher holds nothing but its cursor: what it has not been sent yet is in the log that all
watchers share. A watcher that falls behind that log is refused: it never skips a revision unseen.
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
from cqar_shared.domain.kinds import KINDS
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
#: Watchers of one caller: of a key's actor, or without keys of a connection.
WATCHERS_EACH: Final = 90
#: A watcher must begin anew after this time, perhaps at another resolver: before its connection's
#: age would end the watch without a word (`grpc.max_connection_age_grace_ms`).
WATCH_S_MAX: Final = 3_600.0
#: How often freshness alone is sent while nothing changes.
HEARTBEAT_S: Final = 1.0
#: How long to wait for memory to reach where the watcher was; then another resolver is better.
REACH_S: Final = 1.0
NAMES_MAX: Final = 100


class WatchStreams:
    """All watchers of this process."""

    def __init__(self, replica: ReplicaState) -> None:
        self._replica = replica
        self._places = Slots("watches", WATCHERS_MAX, WATCHERS_EACH)

    async def watch(
        self, request: pb.WatchRequest, caller: str = ""
    ) -> AsyncGenerator[pb.WatchResponse]:
        """Yield each change set that has something for the watcher, and a heartbeat each second.

        A heartbeat says that everything up to its revision was sent, or is not for this watcher.
        The first one comes after the past that was asked for.

        Args:
            caller: Who watches; each caller has at most `WATCHERS_EACH` watches.

        Raises:
            Invalid: A filter names a kind or a venue that cannot exist.
            EntityNotFound: A filter names a venue that does not exist.
            ServiceNotReady: Nothing is loaded yet, memory does not get to where the watcher was,
                this process is about to end, or it is time to begin anew where this watch was.
            EpochEnded: The history that was watched has ended: read anew.
            OutOfRange: The log no longer has the revision: read anew.
            TooMany: There are too many watches, or this watcher is too slow.
        """
        require_filters(request)
        kinds, venue_ids = frozenset(request.kinds), frozenset(request.venue_ids)
        with self._place(caller):
            await self._reach(request)
            self._require_venues(venue_ids)
            began, revision = self._replica.snapshot.head, self._replica.snapshot.position.revision
            sent = request.from_revision - 1 if request.from_revision else revision
            if sent < revision:
                self._replica.change_log.at(sent + 1)
            began_s = boot_clock_s()
            beat_s = began_s - HEARTBEAT_S
            while True:
                if boot_clock_s() - began_s >= WATCH_S_MAX:
                    raise ServiceNotReady("this watch is old: watch again, from where it was")
                while (applied := self._next(began, sent)) is not None:
                    sent = applied.change_set.revision
                    visible = select_changes(applied, kinds, venue_ids)
                    if visible.changes:
                        freshness = self._replica.freshness_message()
                        yield pb.WatchResponse(change_set=visible, freshness=freshness)
                        beat_s = boot_clock_s()
                # Counted from the last message: changes that are not for this watcher must not
                # delay a heartbeat. Everything up to the revision that it names was looked at:
                # nothing is awaited in between.
                left_s = beat_s + HEARTBEAT_S - boot_clock_s()
                if left_s > 0:
                    await self._replica.wait_for_revision(left_s)
                else:
                    yield pb.WatchResponse(freshness=self._replica.freshness_message())
                    beat_s = boot_clock_s()

    async def _reach(self, request: pb.WatchRequest) -> None:
        """Wait until memory is where the watcher was, perhaps at another resolver.

        Raises:
            ServiceNotReady: Memory is not there within `REACH_S`; another resolver may be.
            EpochEnded: Memory is in a later epoch.
        """
        epoch = request.epoch or self._replica.snapshot.position.epoch
        await self._replica.reach(epoch, max(request.from_revision, 1) - 1, REACH_S)

    def _require_venues(self, venue_ids: Iterable[str]) -> None:
        """Refuse a venue that does not exist: no change would ever come, without a reason."""
        snapshot = self._replica.snapshot
        for venue_id in sorted(venue_ids):
            if snapshot.get(VENUE.name, venue_id) is None:
                near = did_you_mean(venue_id, sorted(snapshot.keys(VENUE.name)))
                raise unknown(VENUE, venue_id, f"{near} to watch: register it first".lstrip())

    def _next(self, began: replication_pb2.Head, sent: int) -> AppliedChangeSet | None:
        """Return the change set after `sent`; None if that is the newest."""
        if self._replica.is_ending:
            raise ServiceNotReady(
                "this resolver is stopping: watch another, from where this one was"
            )
        now = self._replica.snapshot.head
        if now.registry_id != began.registry_id:
            raise EpochEnded("what was watched was another registry's: read anew")
        if now.epoch != began.epoch:
            raise EpochEnded(f"epoch {began.epoch} has ended, this is {now.epoch}: read anew")
        if now.revision <= sent:
            return None
        try:
            return self._replica.change_log.at(sent + 1)
        except OutOfRange as error:
            raise TooMany(f"this watcher is too slow: {error}") from error

    @contextmanager
    def _place(self, caller: str) -> Iterator[None]:
        with self._places.held(caller):
            metrics.WATCHERS.set(self._places.taken)
            try:
                yield
            finally:
                metrics.WATCHERS.set(self._places.taken - 1)


def require_filters(request: pb.WatchRequest) -> None:
    """Refuse filters that no registry can satisfy.

    Raises:
        Invalid: A kind or a venue cannot exist, or there are too many; names every one.
    """
    violations = [
        FieldViolation(field, "TOO_MANY", f"at most {NAMES_MAX}")
        for field in ("kinds", "venue_ids")
        if len(getattr(request, field)) > NAMES_MAX
    ]
    watchable = sorted(k.name for k in KINDS if k.exported and k.resident)
    for name in request.kinds:
        if name not in watchable:
            message = f"{name[:64]!r} is none of {', '.join(watchable)}"
            violations.append(FieldViolation("kinds", "UNKNOWN", message))
    for venue_id in request.venue_ids:
        violations += rules.check_slug("venue_ids", venue_id)
    if violations:
        raise Invalid(violations)
