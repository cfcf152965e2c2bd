"""Lookups at a fixed rate: each is due at its instant, whatever became of those before it.

A latency counts from when the lookup was due, not from when it could be sent: so a pause is seen
by all lookups that fell into it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import uvloop
from cqc.resolver.v1 import resolver_pb2 as pb

from bench.asking import RESOLVE, TIMEOUT_S, resolve
from bench.children import say_ready
from bench.probes.timing import LIVE_FOR_S, Key
from cqar import Replica

#: Lookups that wait for their answers at most; more than a minute's pause is none.
WAITING_MAX: Final = 20_000

#: Looks something up, and tells the revision that was answered.
Look = Callable[[Key], Awaitable[int]]


class Lookups:
    """What became of them.

    Attributes:
        due_s: When each was due, on the machine's monotonic clock.
        took_us: How long after it was answered.
        reached_s: When the revision that was waited for was first answered; 0.0: not yet.
    """

    def __init__(self, look: Look, until_revision: int) -> None:
        self._look = look
        self._until_revision = until_revision
        self.due_s: list[float] = []
        self.took_us: list[float] = []
        self.reached_s = 0.0

    async def one(self, key: Key, due_s: float) -> None:
        revision = await self._look(key)
        now_s = time.monotonic()
        self.due_s.append(due_s)
        self.took_us.append((now_s - due_s) * 1e6)
        if not self.reached_s and 0 < self._until_revision <= revision:
            self.reached_s = now_s

    def found(self) -> dict[str, Any]:
        return {"due_s": self.due_s, "took_us": self.took_us, "reached_s": self.reached_s}


def in_process(database: str, nats: str, keys: Sequence[Key], **how: Any) -> dict[str, Any]:
    """A replica's, in the event loop that also applies what changes."""

    async def run() -> dict[str, Any]:
        async with Replica(database, nats, stale_after_s=LIVE_FOR_S) as replica:
            await replica.wait_ready()

            async def look(key: Key) -> int:
                found = await replica.resolve(key[0], key[1])
                return found.freshness.revision or 0

            # One after the other: a lookup in process is over before the next is due.
            return await _at_rate(look, keys, side_by_side=False, **how)

    return uvloop.run(run())


def over_grpc(address: str, keys: Sequence[Key], **how: Any) -> dict[str, Any]:
    """A resolver's, from this process."""

    async def run() -> dict[str, Any]:
        async with grpc.aio.insecure_channel(address) as channel:
            call: Any = channel.unary_unary(RESOLVE)

            async def look(key: Key) -> int:
                answer = await call(resolve(key).SerializeToString(), timeout=TIMEOUT_S)
                return pb.ResolveResponse.FromString(answer).resolution.freshness.revision

            return await _at_rate(look, keys, side_by_side=True, **how)

    return uvloop.run(run())


async def _at_rate(
    look: Look,
    keys: Sequence[Key],
    *,
    side_by_side: bool,
    per_s: float,
    seconds: float,
    until_revision: int,
) -> dict[str, Any]:
    """Look up until a revision is answered, or for so long where it is 0.

    Args:
        seconds: At most.
    """
    lookups = Lookups(look, until_revision)
    for key in keys:
        await look(key)
    say_ready()
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        waiting: set[asyncio.Task[None]] = set()
        for number, key in enumerate(itertools.cycle(keys)):
            due_s = began_s + number / per_s
            if lookups.reached_s or due_s > began_s + seconds:
                break
            # Also when late: whatever else the loop has to do comes in between.
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if not side_by_side:
                await lookups.one(key, due_s)
                continue
            assert len(waiting) < WAITING_MAX
            task = group.create_task(lookups.one(key, due_s))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
    return lookups.found()
