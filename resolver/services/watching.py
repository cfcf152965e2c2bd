"""Change sets as they are applied, from a revision on, for as long as somebody listens.

A watcher holds nothing but its place: what it has not taken yet lies in the ring that all share.
One that is slower than the ring is long is told so, and never skips a revision unseen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from resolver import metrics
from resolver.freshness import boot_clock_s
from resolver.recent import chosen
from resolver.view import View
from shared import rules
from shared.entities import KIND_BY_NAME
from shared.errors import EpochChanged, Invalid, NotReady, OutOfRange, TooMany, Violation

WATCHERS_MAX: Final = 2_000
#: Freshness alone is told this often where nothing changes.
HEARTBEAT_S: Final = 1.0
NAMES_MAX: Final = 100


class Watching:
    def __init__(self, view: View) -> None:
        self._view = view
        self._watchers = 0

    async def watch(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        """Yield each change set that has something for the watcher, and a heartbeat each second.

        Raises:
            Invalid: A filter names what cannot be.
            NotReady: Nothing is loaded yet, or this process is about to end.
            EpochChanged: The history that was watched has ended: read anew.
            OutOfRange: The revision is not kept any more: read anew.
            TooMany: As many watch as may, or this watcher is too slow.
        """
        require_filters(request)
        kinds, venue_ids = frozenset(request.kinds), frozenset(request.venue_ids)
        began, (epoch, revision, _) = self._view.snapshot.head, self._view.snapshot.position
        if request.epoch and request.epoch != epoch:
            raise EpochChanged(f"epoch {request.epoch} is not this one, {epoch}: read anew")
        told = request.from_revision - 1 if request.from_revision else revision
        if told < revision:
            self._view.recent.at(told + 1)
        with self._place():
            yield pb.WatchResponse(freshness=self._view.freshness_message())
            beat_s = boot_clock_s()
            while True:
                while (change_set := self._next(began, told)) is not None:
                    told = change_set.revision
                    found = chosen(change_set, kinds, venue_ids)
                    if found.changes:
                        freshness = self._view.freshness_message()
                        yield pb.WatchResponse(change_set=found, freshness=freshness)
                        beat_s = boot_clock_s()
                # From the last heartbeat on: what is not for this watcher may never pause. All up
                # to the revision that it names was looked through: nothing is awaited in between.
                left_s = beat_s + HEARTBEAT_S - boot_clock_s()
                if left_s > 0:
                    await self._view.moves_within(left_s)
                else:
                    yield pb.WatchResponse(freshness=self._view.freshness_message())
                    beat_s = boot_clock_s()

    def _next(self, began: replication_pb2.Head, told: int) -> replication_pb2.ChangeSet | None:
        """The change set after `told`; None if that is what is served."""
        if self._view.is_ending:
            raise NotReady("this resolver is stopping: watch another, from where this one was")
        now = self._view.snapshot.head
        if now.registry_id != began.registry_id:
            raise EpochChanged("what was watched was another registry's: read anew")
        if now.epoch != began.epoch:
            raise EpochChanged(f"epoch {began.epoch} has ended, this is {now.epoch}: read anew")
        if now.revision <= told:
            return None
        try:
            return self._view.recent.at(told + 1)
        except OutOfRange as error:
            raise TooMany(f"this watcher is too slow: {error}") from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._watchers >= WATCHERS_MAX:
            raise TooMany(f"{WATCHERS_MAX} watch here already: ask another resolver")
        self._watchers += 1
        metrics.WATCHERS.set(self._watchers)
        try:
            yield
        finally:
            self._watchers -= 1
            metrics.WATCHERS.set(self._watchers)


def require_filters(request: pb.WatchRequest) -> None:
    """Refuse what no watcher can ask for.

    Raises:
        Invalid: Names every such name.
    """
    violations = [
        Violation(field, "TOO_MANY", f"at most {NAMES_MAX}")
        for field in ("kinds", "venue_ids")
        if len(getattr(request, field)) > NAMES_MAX
    ]
    watched = sorted(name for name, kind in KIND_BY_NAME.items() if kind.exported)
    for name in request.kinds:
        if name not in watched:
            message = f"{name[:64]!r} is none of {', '.join(watched)}"
            violations.append(Violation("kinds", "UNKNOWN", message))
    for venue_id in request.venue_ids:
        violations += rules.check_slug("venue_ids", venue_id)
    if violations:
        raise Invalid(violations)
