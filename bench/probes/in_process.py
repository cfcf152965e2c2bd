"""Lookups that leave no process: a replica's."""

from __future__ import annotations

from collections.abc import Sequence

from bench.probes.timing import LIVE_FOR_S, Key, timed, timed_async
from cqar import Replica


async def replica(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    async with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        await opened.wait_ready()
        return await timed_async(opened.resolve, keys, seconds)


def replica_on_thread(database: str, nats: str, keys: Sequence[Key], seconds: float) -> list[float]:
    with Replica(database, nats, stale_after_s=LIVE_FOR_S) as opened:
        opened.wait_ready()
        return timed(opened.resolve, keys, seconds)
