"""The change sets that led to what is served, oldest first, within bounds. Pure.

`ReplicaState` adds each change set once. Three readers follow, each at its own pace: watches look
revisions up, and the checkpoint writer and the replica publisher have a cursor each. A reader that
falls behind the log is told so: a watch ends, a cursor is lost and its reader writes everything
anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.indexes import split_values
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_shared.errors import OutOfRange

#: Bounds of the log, whichever is reached first; a change set of one listing is 300 bytes.
CHANGE_SETS_MAX: Final = 10_000
BYTES_MAX: Final = 64 * 1024 * 1024
#: Packed bytes that may wait for the checkpoint: beyond it a new image is cheaper.
CHECKPOINT_BYTES_MAX: Final = 8 * 1024 * 1024
#: Changes that may wait for the published replica: beyond it all of it is written anew.
REPLICA_CHANGES_MAX: Final = 50_000
#: What is counted for a listing that was removed, beside the change set.
REMOVED_LISTING_BYTES: Final = 200
_SPELLINGS: Final = "venue_symbol.spelling"

Part = TypeVar("Part")
#: A change set as a checkpoint stores it, and as a published replica applies it.
Commit = replication_pb2.Commit
Plan = list[PlannedChange]


@dataclass(slots=True)
class AppliedChangeSet:
    """A change set, with what it does not say itself.

    Attributes:
        removed_listings: Listing that it removed -> its venue; without those of no known venue.
        head: The registry's head after it.
        size_bytes: Of the change set and `removed_listings`.
        commit: As it was received; None once the checkpoint has it, or does not want it.
        planned: What it did to the snapshot; None once the replica has it, or does not want it.
    """

    change_set: replication_pb2.ChangeSet
    removed_listings: Mapping[str, str]
    head: replication_pb2.Head
    size_bytes: int
    commit: Commit | None = None
    planned: Plan | None = None


class LogCursor(Generic[Part]):
    """How far one reader of the log is, and what waits for it. A new cursor is lost.

    Args:
        part: The attribute of `AppliedChangeSet` that the reader needs.
        pending_max: Limit of the sum of the costs of what waits.
    """

    def __init__(self, log: ChangeLog, part: str, pending_max: int) -> None:
        self._log = log
        self._part = part
        self._pending_max = pending_max
        #: Revision that waits -> its cost.
        self._costs: dict[int, int] = {}
        self._cost = 0
        self._is_lost = True

    @property
    def is_lost(self) -> bool:
        """Whether the log does not lead on from what the reader has written."""
        return self._is_lost

    @property
    def is_current(self) -> bool:
        """Whether the reader has written everything."""
        return not self._is_lost and not self._costs

    def restart(self) -> None:
        """Continue behind what is served now: the reader writes all of that itself."""
        self.lose()
        self._is_lost = False

    def lose(self) -> None:
        """Note that what the reader wrote does not count: it must write everything anew."""
        for revision in self._costs:
            self._release(revision)
        self._costs.clear()
        self._cost = 0
        self._is_lost = True

    def note(self, revision: int, cost: int) -> None:
        """Let a change set of the log wait for the reader, unless the cursor is lost."""
        if not self._is_lost:
            self._costs[revision] = cost
            self._cost += cost
            if self._cost > self._pending_max:
                self.lose()

    def pending(self) -> list[tuple[replication_pb2.Head, Part]]:
        """List what waits for the reader, in order; it waits until `advance`."""
        entries = map(self._log.at, self._costs)
        return [(entry.head, getattr(entry, self._part)) for entry in entries]

    def advance(self, written: Iterable[tuple[replication_pb2.Head, Any]]) -> None:
        """Note that the reader has written what `pending` gave.

        Where the cursor was lost or restarted meanwhile, that is of no consequence.
        """
        for head, _ in written:
            if head.revision in self._costs and self._log.at(head.revision).head is head:
                self._release(head.revision)
                self._cost -= self._costs.pop(head.revision)

    @property
    def first(self) -> int | None:
        """The oldest revision that waits."""
        return next(iter(self._costs), None)

    def _release(self, revision: int) -> None:
        setattr(self._log.at(revision), self._part, None)


class ChangeLog:
    """Consecutive change sets of one history.

    Attributes:
        checkpoint, replica: Cursors of the checkpoint writer and of the replica publisher.
    """

    def __init__(self) -> None:
        self._applied: dict[int, AppliedChangeSet] = {}
        self._bytes = 0
        self.checkpoint: LogCursor[Commit] = LogCursor(self, "commit", CHECKPOINT_BYTES_MAX)
        self.replica: LogCursor[Plan] = LogCursor(self, "planned", REPLICA_CHANGES_MAX)

    def restart(self, *, is_in_checkpoint: bool = False) -> None:
        """Begin a log: what is served does not follow what was served before.

        Args:
            is_in_checkpoint: What is served was read from the checkpoint, which may be appended to.
        """
        self.replica.lose()
        self.checkpoint.lose()
        if is_in_checkpoint:
            self.checkpoint.restart()
        self._applied.clear()
        self._bytes = 0

    def add(
        self,
        head: replication_pb2.Head,
        commit: Commit,
        change_set: replication_pb2.ChangeSet,
        planned: Plan,
    ) -> None:
        """Add the next revision's change set, which was applied."""
        removed = dict(_removed_listings(planned))
        size = change_set.ByteSize() + len(removed) * REMOVED_LISTING_BYTES
        applied = AppliedChangeSet(change_set, removed, head, size)
        if not self.checkpoint.is_lost:
            applied.commit = commit
        if not self.replica.is_lost:
            applied.planned = planned
        self._applied[head.revision] = applied
        self._bytes += size
        self.checkpoint.note(head.revision, len(commit.change_set))
        self.replica.note(head.revision, len(planned))
        self._trim()

    def _trim(self) -> None:
        """Drop the oldest beyond the bounds; what waits for a cursor has a bound of its own."""
        waiting = {self.checkpoint.first, self.replica.first}
        while len(self._applied) > CHANGE_SETS_MAX or self._bytes > BYTES_MAX:
            oldest = next(iter(self._applied))
            if oldest in waiting:
                return
            self._bytes -= self._applied.pop(oldest).size_bytes

    def at(self, revision: int) -> AppliedChangeSet:
        """Return the change set that led to a revision.

        Raises:
            OutOfRange: The log does not reach back to that revision.
        """
        applied = self._applied.get(revision)
        if applied is None:
            raise OutOfRange(f"revision {revision} is not kept any more: read anew, then watch")
        return applied


def _removed_listings(planned: Iterable[PlannedChange]) -> Iterator[tuple[str, str]]:
    """Yield (listing, venue) of the listings that leave the snapshot, by their index entries."""
    for change in planned:
        if change.payload is None:
            for index, value in change.removed_from:
                if index == _SPELLINGS:
                    yield change.key, split_values(value)[0]
