"""ResolveBatch of 1,000 keys, by h2load, beside a handler that only answers the same bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from bench.asking import RESOLVE_BATCH, answered, resolve_batch
from bench.h2load import Target, installed, load
from bench.hot import HOT, hot
from bench.measured import Sample
from bench.services import running
from bench.setting import Setting
from bench.subject import Field, Subject
from bench.subjects.grpc_resolve import NO_H2LOAD, name_of

CALLERS: Final = (1, 4)


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    if not installed():
        yield Field({}, {"all of it": NO_H2LOAD})
        return
    ground = await setting.ground(setting.scale.middle)
    resolver = await ground.resolver()
    request = resolve_batch(hot(ground.market)).SerializeToString(deterministic=True)
    answer = await answered(resolver.grpc, RESOLVE_BATCH, request)
    path = ground.folder / "batch-answer"
    path.write_bytes(answer)
    async with running("bench.empty", ground.folder, {"answer": str(path)}) as empty:
        at = (("ResolveBatch", resolver, len(answer) // 2), ("empty", empty, len(answer)))
        yield Field(
            {
                name_of(what, "TCP", callers): partial(
                    _measure,
                    Target(served.grpc, RESOLVE_BATCH, request, least),
                    callers,
                    setting.scale.seconds,
                )
                for what, served, least in at
                for callers in CALLERS
            }
        )


async def _measure(target: Target, callers: int, seconds: float) -> Sample:
    found = await load(target, callers, seconds)
    keys_per_s = found.figures["calls_per_s"] * HOT
    return Sample({**found.figures, "keys_per_s": keys_per_s}, found.curve_us)


SUBJECT: Final = Subject("grpc_batch", _open)
