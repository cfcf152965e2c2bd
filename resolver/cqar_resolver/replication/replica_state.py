"""The snapshot that requests read, replaced as a whole, and how current it is."""

from __future__ import annotations

import asyncio
import datetime as dt

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.replication.change_log import ChangeLog, Plan
from cqar_resolver.replication.freshness import STALE_REASON, StalenessBound
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import is_reached


def history_of(head: replication_pb2.Head) -> tuple[bytes, int]:
    """Name the history that a head's revision counts in: (registry id, epoch)."""
    return head.registry_id, head.epoch


class ReplicaState:
    """The snapshot, once there is one, and how current it is.

    Args:
        fails_closed: Whether verdicts deny while the snapshot is not LIVE.

    Attributes:
        generation: Replaced whenever the snapshot or its freshness changes; cached answers are
            valid while it is the same object. Any thread may compare and replace it.
        change_log: The change sets applied since the snapshot was loaded.
        loaded: Set once there is a snapshot.
        ready: Set once the snapshot was as new as the newest known head: calls may be routed here.
        is_ending: The process is about to end; long waits and watches must end.
    """

    def __init__(self, freshness: StalenessBound, *, fails_closed: bool = True) -> None:
        self.freshness = freshness
        self._fails_closed = fails_closed
        self.hydrated_from = ""
        self.hydrated_at: dt.datetime | None = None
        self.loaded = asyncio.Event()
        self.ready = asyncio.Event()
        self.is_ending = False
        self._was_head_requested = False
        self._refusal = ""
        self._is_own = False
        self._changed = asyncio.Event()
        self.change_log = ChangeLog()
        self._snapshot: Snapshot | None = None
        self.invalidate()

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that is served.

        Raises:
            ServiceNotReady: No snapshot is loaded yet.
        """
        if self._snapshot is None:
            raise ServiceNotReady(f"this resolver is still loading its first snapshot{self._why}")
        return self._snapshot

    @property
    def is_complete(self) -> bool:
        """Whether there is a snapshot."""
        return self._snapshot is not None

    def note_refusal(self, why: str) -> None:
        """Say in `loading` why what could be loaded was refused, until something is loaded."""
        self._refusal = why

    @property
    def loading(self) -> str:
        """Text for a resolver without a snapshot, with what was refused."""
        return f"the first snapshot is loading{self._why}"

    @property
    def _why(self) -> str:
        return f": refused, since {self._refusal}" if self._refusal else ""

    @property
    def is_own(self) -> bool:
        """Whether the snapshot is known to be of the registry that is followed.

        It is if it, or one before it, came from PostgreSQL or was confirmed by a writer.
        """
        return self._is_own or self.freshness.is_confirmed

    def replace(
        self,
        snapshot: Snapshot,
        source: str,
        instant: dt.datetime,
        *,
        is_own: bool = False,
        is_in_checkpoint: bool = False,
    ) -> None:
        """Serve another snapshot; `announce_revision` is to follow.

        Args:
            source: `postgres`, `redis` or `file`.
            is_own: Whether the snapshot is known to be of the registry that is followed.
            is_in_checkpoint: Whether the checkpoint holds it and may be appended to.
        """
        self._snapshot = snapshot
        self._is_own = self._is_own or is_own
        self._refusal = ""
        self.invalidate()
        self.change_log.restart(is_in_checkpoint=is_in_checkpoint)
        self.hydrated_from = source
        self.hydrated_at = instant
        self.loaded.set()

    def note_applied(
        self,
        head: replication_pb2.Head,
        commit: replication_pb2.Commit,
        change_set: replication_pb2.ChangeSet,
        planned: Plan,
    ) -> None:
        """Log a change set that the snapshot has applied, and announce its revision."""
        self.change_log.add(head, commit, change_set, planned)
        self.announce_revision()

    def note_head_request(self) -> None:
        """Note that a writer was asked for the head, with or without an answer."""
        self._was_head_requested = True
        self._set_ready()

    def _set_ready(self) -> None:
        """Become ready, for good, once a head was looked for and every known one is reached."""
        if self.is_complete and self._was_head_requested and not self.lag:
            self.ready.set()

    def announce_revision(self) -> None:
        """Tell everybody who waits that the snapshot is at another revision."""
        self.invalidate()
        self.freshness.note_position(self.snapshot.position)
        self.freshness.observe()
        self._set_ready()
        self._wake()

    def mark_stale(self, why: str) -> None:
        """Say STALE until a writer confirms the snapshot, however recent it is."""
        self.invalidate()
        self.freshness.mark_stale(why)

    def invalidate(self) -> None:
        """Make every cached answer invalid."""
        self.generation = object()

    def end(self) -> None:
        """End watches and waits for a revision; running calls may finish."""
        self.is_ending = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_revision(self, seconds: float) -> bool:
        """Wait for the next revision; False if none came in that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def reach(self, epoch: int, revision: int, seconds: float) -> None:
        """Wait until the snapshot is at least at a revision.

        Raises:
            ServiceNotReady: the snapshot did not reach the position within that time.
            EpochEnded: the snapshot is of a later epoch.
        """
        try:
            async with asyncio.timeout(seconds):
                while not self._is_at((epoch, revision)):
                    await self._changed.wait()
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
        """Revisions behind the newest known head."""
        if self._snapshot is None:
            return 0
        return max(0, self.freshness.newest_revision - self._snapshot.position.revision)

    @property
    def state(self) -> pb.SnapshotState.ValueType:
        """The state that answers state."""
        return self.freshness.state if self.is_complete else pb.SNAPSHOT_STATE_HYDRATING

    @property
    def reason(self) -> str:
        """Why the state is what it is, for the log."""
        return self.freshness.reason if self.is_complete else self.loading

    @property
    def stale_reason(self) -> pb.Reason | None:
        """The reason for which verdicts must deny now; None if they need not."""
        live = self.state == pb.SNAPSHOT_STATE_LIVE
        return None if live or not self._fails_closed else STALE_REASON

    def freshness_message(self) -> pb.Freshness:
        """The freshness that answers state."""
        if self._snapshot is None:
            return pb.Freshness(state=pb.SNAPSHOT_STATE_HYDRATING)
        epoch, revision, _ = self._snapshot.position
        return pb.Freshness(
            revision=revision,
            epoch=epoch,
            state=self.freshness.state,
            staleness_ms=self.freshness.staleness_ms,
        )
