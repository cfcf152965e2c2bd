"""How current the snapshot is, told to metrics and, whenever the state changes, to the log."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cqar_resolver import metrics
from cqar_resolver.replication.freshness import state_name
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: What time alone changes is seen within this.
LOOK_EVERY_S: Final = 0.1
_EXPECTED: Final = ("HYDRATING", "LIVE")


class StateReporter:
    """Looks when it is told to and ten times a second: no state is too short to be told."""

    def __init__(self, view: ReplicaState) -> None:
        self._view = view
        self._said = "START"
        view.freshness.observe = self.look

    async def run(self) -> None:
        """Look and measure until cancelled."""
        while True:
            raise_if_cancelled()
            self.look()
            measure(self._view)
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Tell the state, if it is another. Costs next to nothing: every change set calls it."""
        view = self._view
        state = state_name(view.state)
        if state == self._said:
            return
        metrics.STATE.state(state)
        at = view.snapshot.position if view.is_complete else "none"
        level = logging.INFO if state in _EXPECTED else logging.WARNING
        log.log(level, "state %s -> %s at revision %s: %s", *(self._said, state, at, view.reason))
        self._said = state


def measure(view: ReplicaState) -> None:
    """Set what operators read off now and then."""
    metrics.LAG.set(view.lag)
    staleness_ms = view.freshness.staleness_ms
    metrics.STALENESS_MS.set(float("inf") if staleness_ms is None else staleness_ms)
    if view.is_complete:
        metrics.REVISION.set(view.snapshot.position.revision)
        metrics.EPOCH.set(view.snapshot.position.epoch)
        for kind, count in view.snapshot.counts.items():
            metrics.ENTITIES.labels(kind).set(count)
