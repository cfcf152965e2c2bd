"""Latencies of lookups: in this process, and of what another process holds."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import lmdb
import redis
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from cqar.sdk.enums import State

Key = Sequence[str]
#: Calls between two looks at the clock, which costs as much as a lookup in a dict.
CALLS_PER_TIMING: Final = 50
LATENCIES_MAX: Final = 200_000
#: Where nothing is written no writer confirms the head: answers count as current all the same.
STALE_AFTER_S: Final = 3600.0
READY_S: Final = 300.0
LIVE_POLL_S: Final = 0.01


def stored_key(venue_id: str, spelling: str) -> bytes:
    """A value's key in Redis and LMDB."""
    return f"{venue_id}\0{spelling}".encode()


def measure_latencies(
    call: Callable[[str, str], Any], keys: Sequence[Key], seconds: float, batch: int
) -> list[float]:
    """Microseconds a call, each averaged over `batch` calls, after one round of all keys."""
    for key in keys:
        assert call(*key), key
    endless, latencies_us = itertools.cycle(keys), list[float]()
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        asked = list(itertools.islice(endless, batch))
        start_ns = time.perf_counter_ns()
        for venue_id, spelling in asked:
            call(venue_id, spelling)
        latencies_us.append((time.perf_counter_ns() - start_ns) / batch / 1000)
    return latencies_us[:LATENCIES_MAX]


async def measure_awaited(
    call: Callable[[str, str], Awaitable[Any]], keys: Sequence[Key], seconds: float
) -> list[float]:
    """The same of calls that are awaited."""
    for key in keys:
        await call(*key)
    endless, latencies_us = itertools.cycle(keys), list[float]()
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        asked = list(itertools.islice(endless, CALLS_PER_TIMING))
        start_ns = time.perf_counter_ns()
        for venue_id, spelling in asked:
            await call(venue_id, spelling)
        latencies_us.append((time.perf_counter_ns() - start_ns) / CALLS_PER_TIMING / 1000)
    return latencies_us[:LATENCIES_MAX]


# ---------------------------------------------------------------- in this process


async def replica(
    database: str, nats: str, keys: Sequence[Key], seconds: float, *, live: bool
) -> dict[str, Any]:
    """Lookups in a replica, and how long the garbage collector stopped everything meanwhile.

    Args:
        live: Whether a writer confirms the head; until it has, no answer is cached.
    """
    pauses_us, start_s = [0.0], 0.0

    def note_pause(phase: str, _: dict[str, int]) -> None:
        nonlocal start_s
        if phase == "start":
            start_s = time.perf_counter()
        else:
            pauses_us.append((time.perf_counter() - start_s) * 1e6)

    async with cqar.Replica(database, nats, stale_after_s=STALE_AFTER_S) as opened:
        await opened.wait_ready(READY_S)
        async with asyncio.timeout(READY_S):
            # While lookups are timed, the loop is too busy for the confirmation.
            while live:
                live = (await opened.resolve(*keys[0])).freshness.state is not State.LIVE
                await asyncio.sleep(LIVE_POLL_S)
        full_us = _full_collection_us()
        # As a resolver does once it has loaded.
        gc.freeze()
        gc.callbacks.append(note_pause)
        latencies_us = await measure_awaited(opened.resolve, keys, seconds)
        gc.callbacks.remove(note_pause)
        return {
            "latencies_us": latencies_us,
            "gc_longest_us": max(pauses_us),
            "gc_full_us": full_us,
            "gc_full_frozen_us": _full_collection_us(),
        }


def _full_collection_us() -> float:
    """The second pass's time: the first leaves nothing to free."""
    gc.collect()
    start_s = time.perf_counter()
    gc.collect()
    return (time.perf_counter() - start_s) * 1e6


def ccxt_safe_market(keys: Sequence[Key], seconds: float) -> list[float]:
    """ccxt, of one exchange that has all the spellings."""
    import ccxt  # noqa: PLC0415  (it is large, and no other probe needs it)

    exchange: Any = ccxt.Exchange()
    given = {"base": "B", "quote": "Q", "baseId": "B", "quoteId": "Q", "spot": True, "type": "spot"}
    template = {**exchange.safe_market_structure(), **given}
    exchange.set_markets([{**template, "id": name, "symbol": name} for _, name in keys])

    def safe_market(_: str, spelling: str) -> Any:
        return exchange.safe_market(spelling)

    return measure_latencies(safe_market, keys, seconds, CALLS_PER_TIMING)


def plain_dict(keys: Sequence[Key], seconds: float) -> list[float]:
    table = {(venue_id, spelling): object() for venue_id, spelling in keys}

    def resolve(venue_id: str, spelling: str) -> object:
        return table[venue_id, spelling]

    return measure_latencies(resolve, keys, seconds, CALLS_PER_TIMING)


# ---------------------------------------------------------------- of what another process holds


def redis_get(socket: str, keys: Sequence[Key], seconds: float) -> list[float]:
    with redis.Redis(unix_socket_path=socket) as store:
        return measure_latencies(lambda *key: store.get(stored_key(*key)), keys, seconds, batch=1)


def lmdb_get(path: str, keys: Sequence[Key], seconds: float, *, parsed: bool) -> list[float]:
    """A value's bytes, or its message: each in a transaction of its own, so as new as can be."""
    with lmdb.open(path, readonly=True, lock=True) as environment:

        def get(venue_id: str, spelling: str) -> Any:
            with environment.begin() as view:
                value: Any = view.get(stored_key(venue_id, spelling))
                return pb.Resolution.FromString(value) if parsed else value

        return measure_latencies(get, keys, seconds, CALLS_PER_TIMING)


def local_replica(path: str, keys: Sequence[Key], seconds: float) -> dict[str, Any]:
    """Latencies, and the memory that the reader shares with nobody."""
    before = _private_bytes()
    with cqar.LocalReplica(path) as opened:
        for key in keys:
            opened.resolve(*key)
        added_bytes = _private_bytes() - before
        latencies_us = measure_latencies(opened.resolve, keys, seconds, CALLS_PER_TIMING)
    return {"latencies_us": latencies_us, "private_bytes": added_bytes}


def _private_bytes() -> int:
    """Anonymous resident memory; pages of the replica's file are the kernel's cache."""
    rollup = Path(f"/proc/{os.getpid()}/smaps_rollup").read_text(encoding="ascii")
    return sum(map(int, re.findall(r"^Anonymous:\s+(\d+) kB", rollup, re.MULTILINE))) * 1024
