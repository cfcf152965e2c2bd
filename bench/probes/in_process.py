"""Lookups that leave no process: a replica's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from bench.probes.timing import LIVE_FOR_S, Key, timed, timed_async
from cqar import Replica
from cqar.sdk.enums import State

#: Until the head is confirmed nothing is told twice; while lookups are timed, the loop is too busy.
LOOK_S: Final = 0.01
LOOKS_MAX: Final = 1_000
NEVER_LIVE: Final = "the replica was not LIVE within 10 s"


async def replica(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    async with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        await opened.wait_ready()
        for _ in range(LOOKS_MAX):
            if (await opened.resolve(*keys[0])).freshness.state is State.LIVE:
                break
            await asyncio.sleep(LOOK_S)
        else:
            raise SystemExit(NEVER_LIVE)
        return await timed_async(opened.resolve, keys, seconds)


def replica_on_thread(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        opened.wait_ready()
        for _ in range(LOOKS_MAX):
            if opened.resolve(*keys[0]).freshness.state is State.LIVE:
                break
            time.sleep(LOOK_S)
        else:
            raise SystemExit(NEVER_LIVE)
        return timed(opened.resolve, keys, seconds)
