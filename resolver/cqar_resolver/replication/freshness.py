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
    return time.clock_gettime(time.CLOCK_BOOTTIME)


#: At 1,500 commits/s, the most there are, more than pass while a probe is answered (2 s at most).
PASSED_MAX: Final = 4_096


def state_name(state: pb.SnapshotState.ValueType) -> str:
    """A state in a word, such as LIVE."""
    return pb.SnapshotState.Name(state).removeprefix("SNAPSHOT_STATE_")


#: Of a verdict that fails closed.
STALE_REASON: Final = pb.Reason(
    code="STALE_SNAPSHOT",
    message="this resolver could not confirm lately that it is up to date",
)


class Probe(NamedTuple):
    sent_s: float
    head: LogPosition


class StalenessBound:
    """Keeps the newest confirmed instant and the newest head heard of.

    Args:
        stale_after_s: From this age on the state is STALE.
        clock: Seconds that never go back.

    Attributes:
        stale_after_s: As given.
        observe: Called before and after the state may change by anything but time.
    """

    def __init__(self, stale_after_s: float, clock: Callable[[], float] = boot_clock_s) -> None:
        self.stale_after_s = stale_after_s
        self._clock = clock
        self.observe: Callable[[], None] = _nobody_looks
        self._confirmed_s: float | None = None
        self._was_confirmed = False
        #: Answers whose head is still to be reached: the oldest, and the newest beside it. A
        #: resolver that is always a little behind would confirm nothing with the newest alone.
        self._waiting: list[Probe] = []
        #: Revision -> chain of where the snapshot was: a head is behind it only if it went by.
        self._passed: dict[int, bytes] = {}
        #: Why what is served may be wrong; empty where there is no such doubt.
        self._doubt = ""
        self.newest_revision = 0

    def note_head(self, head: LogPosition) -> None:
        self.newest_revision = max(self.newest_revision, head.revision)

    def note_probe(self, probe: Probe, local: LogPosition) -> None:
        """An answer came. It counts now, or as soon as the snapshot gets there.

        A head that was heard of before and lies beyond this one is forgotten: the registry is not
        there, so it was forged, or its commits were lost.
        """
        there = probe.head[:2]
        self._waiting = [*(one for one in self._waiting[:1] if one.head[:2] <= there), probe]
        self.newest_revision = probe.head.revision
        self.note_position(local)

    def note_position(self, local: LogPosition) -> None:
        """The snapshot moved."""
        self.note_head(local)
        self._passed[local.revision] = local.chain
        if len(self._passed) > PASSED_MAX:
            del self._passed[next(iter(self._passed))]
        waiting, self._waiting = self._waiting, []
        for probe in waiting:
            if local.epoch != probe.head.epoch or local.revision < probe.head.revision:
                self._waiting.append(probe)
            elif self._went_by(probe.head):
                self.confirm(probe.sent_s)
            # Else it went past on another chain, and never gets there.

    def _went_by(self, head: LogPosition) -> bool:
        """Whether a head of this epoch, not beyond the snapshot, is in the snapshot's history.

        It is only if the snapshot was there. What was loaded beyond it may be of another history:
        the PostgreSQL that was read need not be the one that the head was read from. The next
        head is not before what was loaded.
        """
        return self._passed.get(head.revision) == head.chain

    def confirm(self, instant_s: float) -> None:
        """Nothing committed before this instant is missing."""
        self.observe()
        self._confirmed_s = max(self._confirmed_s or 0.0, instant_s)
        self._was_confirmed = True
        self._doubt = ""
        self.observe()

    def mark_stale(self, why: str) -> None:
        """What is served may be wrong, however recent: say STALE until it is confirmed."""
        self.observe()
        self._doubt = why
        self.observe()

    def forget(self) -> None:
        """What was confirmed was about a history that is no more."""
        self._waiting = []
        self._passed = {}
        self.newest_revision = 0

    def unconfirm(self) -> None:
        """What is served now does not lead on from what was served until now.

        It may be of commits that the database lost, and lack others that were confirmed before.
        """
        self.forget()
        self._confirmed_s = None

    @property
    def is_behind(self) -> bool:
        """A probe's head was not reached yet."""
        return bool(self._waiting)

    @property
    def staleness_ms(self) -> int | None:
        if self._confirmed_s is None:
            return None
        return int((self._clock() - self._confirmed_s) * 1000 * DRIFT) + 1

    @property
    def confirmed_ns(self) -> int | None:
        """Of the clock that runs on; nothing committed before is missing. None: not known."""
        return None if self._confirmed_s is None else int(self._confirmed_s * 1e9)

    @property
    def is_confirmed(self) -> bool:
        """What is served, or what was before it, was once confirmed against a registry's head."""
        return self._was_confirmed

    @property
    def state(self) -> pb.SnapshotState.ValueType:
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


def _nobody_looks() -> None:
    pass
