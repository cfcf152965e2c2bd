"""The snapshot that requests read, swapped whole, and how current it is."""

from __future__ import annotations

import asyncio
import datetime as dt

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.local_replica.queue import ReplicaQueue
from cqar_resolver.replication.change_log import ChangeLog
from cqar_resolver.replication.freshness import STALE_REASON, StalenessBound
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import is_reached


def history_of(head: replication_pb2.Head) -> tuple[bytes, int]:
    """Names what revisions are counted in: a registry's epoch."""
    return head.registry_id, head.epoch


class ReplicaState:
    """The snapshot, if there is one, and how current it is.

    Args:
        fails_closed: Whether verdicts deny what a stale snapshot cannot vouch for.

    Attributes:
        mark: Another object with each move and each doubt: what was answered under it is still so.
            Any thread may compare it, and make it another.
        loaded: There is a snapshot.
        ready: It was once as new as the newest head seen: callers may be sent here.
        moves: What is served and not yet published, where somebody publishes it.
        is_ending: The process is about to end: who would wait here without end goes elsewhere.
    """

    def __init__(self, freshness: StalenessBound, *, fails_closed: bool = True) -> None:
        self.freshness = freshness
        self._fails_closed = fails_closed
        self.hydrated_from = ""
        self.hydrated_at: dt.datetime | None = None
        self.loaded = asyncio.Event()
        self.ready = asyncio.Event()
        self.is_ending = False
        self._asked = False
        self._refusal = ""
        self._is_own = False
        self._moved = asyncio.Event()
        self.recent = ChangeLog()
        self.moves = ReplicaQueue()
        self._snapshot: Snapshot | None = None
        self.invalidate()

    @property
    def snapshot(self) -> Snapshot:
        """What is served.

        Raises:
            NotReady: Nothing yet.
        """
        if self._snapshot is None:
            raise ServiceNotReady(f"this resolver is still loading its first snapshot{self._why}")
        return self._snapshot

    @property
    def is_complete(self) -> bool:
        return self._snapshot is not None

    def note_refusal(self, why: str) -> None:
        """What was there to load is not taken; said until something is."""
        self._refusal = why

    @property
    def loading(self) -> str:
        """That the first snapshot is loading, and what was refused."""
        return f"the first snapshot is loading{self._why}"

    @property
    def _why(self) -> str:
        return f": refused, since {self._refusal}" if self._refusal else ""

    @property
    def is_own(self) -> bool:
        """What is served, or what was before it, is known to be of the registry that is followed.

        Since it was PostgreSQL's, or a writer confirmed it.
        """
        return self._is_own or self.freshness.is_confirmed

    def replace(
        self, snapshot: Snapshot, source: str, at: dt.datetime, *, is_own: bool = False
    ) -> None:
        self._snapshot = snapshot
        self._is_own = self._is_own or is_own
        self._refusal = ""
        self.invalidate()
        self.recent.restart()
        self.moves.replaced()
        self.hydrated_from = source
        self.hydrated_at = at
        self.loaded.set()

    def note_head_request(self) -> None:
        """A writer was asked for the head, whatever came of it."""
        self._asked = True
        self._consider()

    def _consider(self) -> None:
        """Ready once it was as new as every head seen, and a head was looked for; from then on."""
        if self.is_complete and self._asked and not self.lag:
            self.ready.set()

    def announce_revision(self) -> None:
        """The snapshot is at another revision: tell all who wait for one."""
        self.invalidate()
        self.freshness.note_position(self.snapshot.position)
        self.freshness.observe()
        self._consider()
        self._wake()

    def mark_stale(self, why: str) -> None:
        """What is served may be wrong, however recent: say STALE until it is confirmed."""
        self.invalidate()
        self.freshness.mark_stale(why)

    def invalidate(self) -> None:
        """Nothing that was answered is to be given again."""
        self.generation = object()

    def end(self) -> None:
        """Send away who would wait without end; who waits for an answer may finish."""
        self.is_ending = True
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_for_revision(self, seconds: float) -> bool:
        """Wait for the next revision; False if none came in that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def reach(self, epoch: int, revision: int, seconds: float) -> None:
        """Return once the snapshot is at least there.

        Raises:
            NotReady: It was not within that time.
            EpochChanged: The snapshot is of a later epoch.
        """
        try:
            async with asyncio.timeout(seconds):
                while not self._is_at((epoch, revision)):
                    await self._moved.wait()
        except TimeoutError as error:
            message = f"revision {epoch}:{revision} was not reached in {seconds:.1f} s"
            raise ServiceNotReady(message) from error

    def _is_at(self, wanted: tuple[int, int]) -> bool:
        if self._snapshot is None:
            return False
        epoch, revision, _ = self._snapshot.position
        return is_reached(wanted, epoch, revision)

    @property
    def lag(self) -> int:
        """Revisions behind the newest head heard of."""
        if self._snapshot is None:
            return 0
        return max(0, self.freshness.newest_revision - self._snapshot.position.revision)

    @property
    def state(self) -> pb.SnapshotState.ValueType:
        return self.freshness.state if self.is_complete else pb.SNAPSHOT_STATE_HYDRATING

    @property
    def reason(self) -> str:
        """Why the state is what it is, for the log."""
        return self.freshness.reason if self.is_complete else self.loading

    @property
    def stale_reason(self) -> pb.Reason | None:
        """Why verdicts must fail closed now, if they must."""
        live = self.state == pb.SNAPSHOT_STATE_LIVE
        return None if live or not self._fails_closed else STALE_REASON

    def freshness_message(self) -> pb.Freshness:
        if self._snapshot is None:
            return pb.Freshness(state=pb.SNAPSHOT_STATE_HYDRATING)
        epoch, revision, _ = self._snapshot.position
        return pb.Freshness(
            revision=revision,
            epoch=epoch,
            state=self.freshness.state,
            staleness_ms=self.freshness.staleness_ms,
        )
