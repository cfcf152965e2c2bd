"""What a registry of some size costs the process that holds it."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

from bench.probes.timing import LIVE_FOR_S, Key, timed_async
from cqar import Replica

READY_S = 300.0


class Pauses:
    """How long the garbage collector stopped everything, each time that it ran."""

    def __init__(self) -> None:
        self.took_us: list[float] = []
        self._began_s = 0.0

    def __enter__(self) -> list[float]:
        gc.callbacks.append(self._note)
        return self.took_us

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        now_s = time.perf_counter()
        if phase == "start":
            self._began_s = now_s
        else:
            self.took_us.append((now_s - self._began_s) * 1e6)


async def lookups(database: str, nats: str, keys: Sequence[Key], seconds: float) -> dict[str, Any]:
    """Lookups in process, and what the garbage collector did meanwhile and would do in full."""
    async with Replica(database, nats, stale_after_s=LIVE_FOR_S) as replica:
        await replica.wait_ready(READY_S)
        full_us = _full_us()
        # As a resolver does once it has loaded.
        gc.freeze()
        with Pauses() as pauses_us:
            latencies_us = await timed_async(replica.resolve, keys, seconds)
        return {
            "latencies_us": latencies_us,
            "gc_longest_us": max(pauses_us, default=0.0),
            "gc_full_us": full_us,
            "gc_full_frozen_us": _full_us(),
        }


def _full_us() -> float:
    """The second time, when the first has left nothing to do."""
    gc.collect()
    began = time.perf_counter()
    gc.collect()
    return (time.perf_counter() - began) * 1e6
