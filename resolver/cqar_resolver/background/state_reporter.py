"""Reports how current the snapshot is: in metrics, and in the log when the state changes."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cqar_resolver import metrics
from cqar_resolver.replication.freshness import state_name
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Changes that only time causes are seen within this.
LOOK_EVERY_S: Final = 0.1
_EXPECTED: Final = ("HYDRATING", "LIVE")


class StateReporter:
    """Reports at every change of freshness and ten times a second: no state is too short."""

    def __init__(self, view: ReplicaState) -> None:
        self._view = view
        self._reported = "START"
        view.freshness.observe = self.look

    async def run(self) -> None:
        """Report and measure until cancelled."""
        while True:
            raise_if_cancelled()
            self.look()
            measure(self._view)
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Report the state if it changed; it is cheap, since every change set calls it."""
        view = self._view
        state = state_name(view.state)
        if state == self._reported:
            return
        metrics.STATE.state(state)
        position = view.snapshot.position if view.is_complete else "none"
        level = logging.INFO if state in _EXPECTED else logging.WARNING
        log.log(
            level,
            "state %s -> %s at revision %s: %s",
            *(self._reported, state, position, view.reason),
        )
        self._reported = state


def measure(view: ReplicaState) -> None:
    """Set the gauges that need no event."""
    metrics.LAG.set(view.lag)
    staleness_ms = view.freshness.staleness_ms
    metrics.STALENESS_MS.set(float("inf") if staleness_ms is None else staleness_ms)
    if view.is_complete:
        metrics.REVISION.set(view.snapshot.position.revision)
        metrics.EPOCH.set(view.snapshot.position.epoch)
        for kind, count in view.snapshot.counts.items():
            metrics.ENTITIES.labels(kind).set(count)
