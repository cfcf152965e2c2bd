"""Lookups at a fixed rate, each due at its instant whatever became of those before it.

A latency counts from when the lookup was due, not from when it could be sent: so every lookup that
fell into a pause shows it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import uvloop
from cqc.resolver.v1 import resolver_pb2 as pb

from bench.child import report_ready
from bench.h2load import RESOLVE, TIMEOUT_S, resolve_request
from bench.probes.lookups import STALE_AFTER_S, Key
from cqar import Replica

#: Looks a key up, and returns the answer's revision.
Lookup = Callable[[Key], Awaitable[int]]


def in_process(database: str, nats: str, keys: Sequence[Key], **limits: Any) -> dict[str, Any]:
    """Ask a replica, in the event loop that also applies changes."""

    async def run() -> dict[str, Any]:
        async with Replica(database, nats, stale_after_s=STALE_AFTER_S) as replica:
            await replica.wait_ready()

            async def look_up(key: Key) -> int:
                return (await replica.resolve(key[0], key[1])).freshness.revision or 0

            return await _measure(look_up, keys, **limits)

    return uvloop.run(run())


def over_grpc(address: str, keys: Sequence[Key], **limits: Any) -> dict[str, Any]:
    """Ask a resolver, from this process."""

    async def run() -> dict[str, Any]:
        async with grpc.aio.insecure_channel(address) as channel:
            call: Any = channel.unary_unary(RESOLVE)

            async def look_up(key: Key) -> int:
                answer = await call(resolve_request(*key), timeout=TIMEOUT_S)
                return pb.ResolveResponse.FromString(answer).resolution.freshness.revision

            return await _measure(look_up, keys, **limits)

    return uvloop.run(run())


async def _measure(
    look_up: Lookup, keys: Sequence[Key], *, per_s: float, seconds: float, until_revision: int
) -> dict[str, Any]:
    """Look up until a revision is answered, but for so many seconds at most.

    Args:
        until_revision: 0 for the whole time.

    Returns:
        `due_s`, when each lookup was due on the monotonic clock; `latencies_us`; and `reached_s`,
        when the revision was first answered (0.0 if never).
    """
    due, latencies_us, reached_s = list[float](), list[float](), 0.0

    async def look_up_once(key: Key, due_s: float) -> None:
        nonlocal reached_s
        revision = await look_up(key)
        now_s = time.monotonic()
        due.append(due_s)
        latencies_us.append((now_s - due_s) * 1e6)
        if not reached_s and 0 < until_revision <= revision:
            reached_s = now_s

    for key in keys:
        await look_up(key)
    report_ready()
    start_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, key in enumerate(itertools.cycle(keys)):
            due_s = start_s + number / per_s
            if reached_s or due_s > start_s + seconds:
                break
            # Also when late: so that whatever else the loop has to do comes in between.
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            group.create_task(look_up_once(key, due_s))
    return {"due_s": due, "latencies_us": latencies_us, "reached_s": reached_s}
