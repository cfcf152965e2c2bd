"""Resolve over gRPC, by h2load, beside a handler that does nothing but answer the same bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from bench import fronts
from bench.asking import RESOLVE, answered, resolve
from bench.ground import Ground
from bench.h2load import Target, installed, load
from bench.hot import hot
from bench.services import running
from bench.setting import Setting
from bench.subject import Field, Measure, Subject

CALLERS: Final = (1, 8, 32)
NO_H2LOAD: Final = "h2load is not installed (apt-get install nghttp2-client)"


def name_of(what: str, where: str, callers: int) -> str:
    return f"{what}, {where}, {callers} callers" if callers > 1 else f"{what}, {where}, 1 caller"


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    if not installed():
        yield Field({}, {"all of it": NO_H2LOAD})
        return
    ground = await setting.ground(setting.scale.middle)
    request = resolve(hot(ground.market)[0]).SerializeToString(deterministic=True)
    async with AsyncExitStack() as stack:
        targets = await _targets(ground, request, stack)
        absent = await _add_native(targets, ground, request, stack)
        contestants: dict[str, Measure] = {}
        for (what, where), target in targets.items():
            for callers in CALLERS:
                measure = partial(load, target, callers, setting.scale.seconds)
                contestants[name_of(what, where, callers)] = measure
        yield Field(contestants, absent)


async def _targets(
    ground: Ground, request: bytes, stack: AsyncExitStack
) -> dict[tuple[str, str], Target]:
    """(what, where) -> how it is reached."""
    resolver = await ground.resolver()
    answer = await answered(resolver.grpc, RESOLVE, request)
    path = ground.folder / "answer"
    path.write_bytes(answer)
    empty = await stack.enter_async_context(
        running("bench.empty", ground.folder, {"answer": str(path)})
    )
    return {
        (what, where): Target(address, RESOLVE, request, least)
        # A resolver's answer may say less of its freshness another time.
        for what, at, least in (("Resolve", resolver, len(answer) // 2), ("empty", empty, 1))
        for where, address in (("TCP", at.grpc), ("Unix", f"unix:{at.socket}"))
    }


async def _add_native(
    targets: dict[tuple[str, str], Target],
    ground: Ground,
    request: bytes,
    stack: AsyncExitStack,
) -> dict[str, str]:
    if why := fronts.why_not(fronts.NATIVE):
        return {"Resolve, native": why}
    folder = ground.folder / "native"
    folder.mkdir(exist_ok=True)
    settings = {**ground.settings, **fronts.settings_of(fronts.NATIVE)}
    native = await stack.enter_async_context(running("resolver", folder, settings))
    answer = await answered(native.grpc, RESOLVE, request)
    targets["Resolve", "native TCP"] = Target(native.grpc, RESOLVE, request, len(answer) // 2)
    return {}


SUBJECT: Final = Subject("grpc_resolve", _open)
