"""How long a lookup waits while very many changes apply, beside the same with nothing to apply."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from bench.children import started
from bench.ground import Ground
from bench.hot import hot
from bench.measured import Sample, Unmeasured, spread
from bench.registry import burst
from bench.registry.filling import head_of
from bench.setting import Setting
from bench.subject import Field, Subject

#: Well below what one process can answer, so that what is seen is a pause and not a queue.
LOOKUPS_PER_S: Final = 250.0
LANDS_WITHIN_S: Final = 120.0
KEYS: Final = 200

#: Function of `bench.probes.pausing` -> its arguments.
Asked = Callable[[Ground], Awaitable[dict[str, Any]]]


class NotLanded(Unmeasured):
    """The changes were not seen in time."""


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground, size = await setting.ground(setting.scale.middle), setting.scale.burst
    ways: dict[str, tuple[str, Asked]] = {
        "in process": ("pausing:in_process", _in_process),
        "over gRPC": ("pausing:over_grpc", _over_grpc),
    }
    field = Field({})
    for name, (probe, asked) in ways.items():
        quiet = partial(_quiet, ground, probe, asked, setting.scale.seconds * 2)
        field.contestants[f"{name}, quiet"] = quiet
        changing = partial(_changing, ground, probe, asked, size)
        field.contestants[f"{name}, changes apply"] = changing
    yield field


async def _in_process(ground: Ground) -> dict[str, Any]:
    """Nobody else applies the same on the same two cores."""
    await ground.without_resolver()
    await ground.writer()
    return {"database": ground.database, "nats": ground.nats, "per_s": LOOKUPS_PER_S}


async def _over_grpc(ground: Ground) -> dict[str, Any]:
    resolver = await ground.resolver()
    return {"address": resolver.grpc, "per_s": LOOKUPS_PER_S}


async def _quiet(ground: Ground, probe: str, asked: Asked, seconds: float) -> Sample:
    arguments = await asked(ground)
    keys = hot(ground.market, KEYS)
    async with started(probe, keys=keys, seconds=seconds, until_revision=0, **arguments) as child:
        await child.until_ready()
        found = await child.result()
    return spread(found["took_us"])


async def _changing(ground: Ground, probe: str, asked: Asked, size: int) -> Sample:
    """Of the lookups that were due from the commit on, until all of it was seen.

    Raises:
        NotLanded: It was not, in time.
    """
    arguments = await asked(ground)
    batches = await burst.prepared(ground.database, size)
    until = (await head_of(ground.database)).revision + len(batches)
    how = {"seconds": LANDS_WITHIN_S, "until_revision": until, **arguments}
    async with started(probe, keys=hot(ground.market, KEYS), **how) as child:
        await child.until_ready()
        await burst.commit(ground.database, batches, ground.at)
        committed_s = time.monotonic()
        found = await child.result()
    if not found["reached_s"]:
        raise NotLanded(f"{size} changes were not seen within {LANDS_WITHIN_S:g} s")
    pairs = zip(found["due_s"], found["took_us"], strict=True)
    took = [us for due_s, us in pairs if committed_s <= due_s <= found["reached_s"]]
    return spread(took, applied_s=found["reached_s"] - committed_s, lookups=len(took))


SUBJECT: Final = Subject("pausing", _open, rounds_max=2)
