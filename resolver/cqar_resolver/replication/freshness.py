"""How current the snapshot is, as an upper bound that holds for any wall clock.

A probe asks a writer for the head and notes when it was sent, on a clock that also runs while
the machine sleeps. The answer was read after that instant; once the snapshot is at that head,
nothing committed before the instant is missing from it. So the age of the newest such instant
bounds the staleness, whatever any wall clock says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_shared.replication.positions import LogPosition

#: Two machines' monotonic clocks may run apart; 1 % is ten times what hardware does.
DRIFT: Final = 1.01


def boot_clock_s() -> float:
    """Read the clock that never goes back and also runs while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


#: Positions remembered: at 1,500 commits/s, the most there are, 2.7 s; a probe takes 2 s at most.
PASSED_MAX: Final = 4_096


def state_name(state: pb.SnapshotState.ValueType) -> str:
    """Name a state in one word, such as LIVE."""
    return pb.SnapshotState.Name(state).removeprefix("SNAPSHOT_STATE_")


#: The reason of verdicts that deny while the snapshot is not LIVE.
STALE_REASON: Final = pb.Reason(
    code="STALE_SNAPSHOT",
    message="this resolver could not confirm lately that it is up to date",
)


class Probe(NamedTuple):
    """A writer's head, and when it was asked for."""

    sent_s: float
    head: LogPosition


class StalenessBound:
    """Keeps the newest confirmed instant and the newest known head.

    Args:
        stale_after_s: From this age on the state is STALE.
        clock: Gives seconds that never go back.

    Attributes:
        observe: Called before and after every change of state that is not caused by time.
        newest_revision: The revision of the newest known head.
    """

    def __init__(self, stale_after_s: float, clock: Callable[[], float] = boot_clock_s) -> None:
        self.stale_after_s = stale_after_s
        self._clock = clock
        self.observe: Callable[[], None] = _ignore
        self._confirmed_s: float | None = None
        self._was_confirmed = False
        #: Probes whose head is not reached yet: the oldest and the newest. With the newest alone a
        #: resolver that is always a little behind would never confirm anything.
        self._waiting: list[Probe] = []
        #: Revision -> chain of the positions that the snapshot passed: only they are confirmed.
        self._passed: dict[int, bytes] = {}
        #: Why the snapshot may be wrong; empty if nothing says so.
        self._doubt = ""
        self.newest_revision = 0

    def note_head(self, head: LogPosition) -> None:
        """Note a head that the stream or PostgreSQL stated."""
        self.newest_revision = max(self.newest_revision, head.revision)

    def note_probe(self, probe: Probe, local: LogPosition) -> None:
        """Note an answer: it confirms now, or as soon as the snapshot reaches its head.

        A known head beyond this one is forgotten: the registry is not there, so that head was
        forged, or its commits were lost.
        """
        there = probe.head[:2]
        self._waiting = [*(older for older in self._waiting[:1] if older.head[:2] <= there), probe]
        self.newest_revision = probe.head.revision
        self.note_position(local)

    def note_position(self, local: LogPosition) -> None:
        """Note that the snapshot is at another position."""
        self.note_head(local)
        self._passed[local.revision] = local.chain
        if len(self._passed) > PASSED_MAX:
            del self._passed[next(iter(self._passed))]
        waiting, self._waiting = self._waiting, []
        for probe in waiting:
            if local.epoch != probe.head.epoch or local.revision < probe.head.revision:
                self._waiting.append(probe)
            elif self._passed_by(probe.head):
                self.confirm(probe.sent_s)
            # Else the snapshot passed that revision on another chain, and never reaches the head.

    def _passed_by(self, head: LogPosition) -> bool:
        """Whether a head of this epoch, not beyond the snapshot, is in the snapshot's history.

        Only a position that the snapshot had is known to be. A snapshot that was loaded beyond the
        head may be of another history, since the head need not be from the PostgreSQL that was
        read. The next probe's head is not before what was loaded.
        """
        return self._passed.get(head.revision) == head.chain

    def confirm(self, instant_s: float) -> None:
        """Note that nothing committed before an instant is missing."""
        self.observe()
        self._confirmed_s = max(self._confirmed_s or 0.0, instant_s)
        self._was_confirmed = True
        self._doubt = ""
        self.observe()

    def mark_stale(self, why: str) -> None:
        """Say STALE until a writer confirms the snapshot, however recent it is."""
        self.observe()
        self._doubt = why
        self.observe()

    def forget(self) -> None:
        """Forget probes and positions of a history that has ended."""
        self._waiting = []
        self._passed = {}
        self.newest_revision = 0

    def unconfirm(self) -> None:
        """Forget every confirmation: the snapshot does not follow the one before.

        It may hold commits that the database lost, and lack some that were confirmed before.
        """
        self.forget()
        self._confirmed_s = None

    @property
    def is_behind(self) -> bool:
        """Whether a probe's head is not reached yet."""
        return bool(self._waiting)

    @property
    def staleness_ms(self) -> int | None:
        """Upper bound of the snapshot's age; None if it was never confirmed."""
        if self._confirmed_s is None:
            return None
        return int((self._clock() - self._confirmed_s) * 1000 * DRIFT) + 1

    @property
    def confirmed_ns(self) -> int | None:
        """The instant, by the clock, before which no commit is missing; None if it is unknown."""
        return None if self._confirmed_s is None else int(self._confirmed_s * 1e9)

    @property
    def is_confirmed(self) -> bool:
        """Whether this snapshot, or one before it, was ever confirmed by a writer."""
        return self._was_confirmed

    @property
    def state(self) -> pb.SnapshotState.ValueType:
        """LIVE, STALE, or LAST_GOOD if it was never confirmed."""
        staleness_ms = self.staleness_ms
        if staleness_ms is None:
            return pb.SNAPSHOT_STATE_LAST_GOOD
        if self._doubt or staleness_ms >= self.stale_after_s * 1000:
            return pb.SNAPSHOT_STATE_STALE
        return pb.SNAPSHOT_STATE_LIVE

    @property
    def reason(self) -> str:
        """Why the state is what it is, for the log."""
        staleness_ms = self.staleness_ms
        if staleness_ms is None:
            return "no writer has confirmed it yet"
        if self._doubt:
            return self._doubt
        if self.state == pb.SNAPSHOT_STATE_LIVE:
            return "a writer confirmed the head"
        what = "the head is not reached" if self._waiting else "no writer answers"
        return f"not confirmed for {staleness_ms} ms: {what}"


def _ignore() -> None:
    pass
