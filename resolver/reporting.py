"""How current the snapshot is, told to metrics and, whenever the state changes, to the log."""

from __future__ import annotations

import asyncio
import logging

from cqc.resolver.v1 import resolver_pb2 as pb

from resolver import metrics
from resolver.view import View
from shared.tasks import heed_cancellation

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1


async def report_state(view: View) -> None:
    """Look ten times a second, until cancelled."""
    said = ""
    while True:
        heed_cancellation()
        state = pb.SnapshotState.Name(view.state).removeprefix("SNAPSHOT_STATE_")
        metrics.STATE.state(state)
        metrics.LAG.set(view.lag)
        staleness_ms = view.freshness.staleness_ms
        metrics.STALENESS_MS.set(float("inf") if staleness_ms is None else staleness_ms)
        if state != said:
            position = view.snapshot.position if view.is_complete else "none"
            log.log(
                logging.INFO if state in ("LIVE", "HYDRATING") else logging.WARNING,
                "state %s -> %s at revision %s: %s",
                *(said or "START", state, position, view.reason),
            )
            said = state
        await asyncio.sleep(LOOK_EVERY_S)
