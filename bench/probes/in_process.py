"""Lookups that leave no process: a replica's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from bench.probes.timing import LIVE_FOR_S, Key, timed, timed_async
from cqar import Replica
from cqar.words import State

LOOK_S: Final = 0.01


async def replica(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    async with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        await opened.wait_ready()
        # Until the head is confirmed nothing is told twice; while it is timed, the loop is too busy.
        while (await opened.resolve(*keys[0])).freshness.state is not State.LIVE:
            await asyncio.sleep(LOOK_S)
        return await timed_async(opened.resolve, keys, seconds)


def replica_on_thread(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        opened.wait_ready()
        while opened.resolve(*keys[0]).freshness.state is not State.LIVE:
            time.sleep(LOOK_S)
        return timed(opened.resolve, keys, seconds)
