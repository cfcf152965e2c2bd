"""A lookup from another process of the same pod: what a local replica would have to beat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import lmdb
import msgspec
import redis.asyncio

import cqar
from bench.asking import resolutions
from bench.children import measured
from bench.ground import Ground
from bench.hot import hot
from bench.measured import Sample, spread
from bench.probes.other_process import place_of
from bench.services import running
from bench.setting import Setting
from bench.subject import Field, Measure, Subject
from cqar_resolver.config import ResolverConfig

MAP_BYTES: Final = 64 * 1024 * 1024
LOCAL: Final = "LocalReplica"
PATH_SETTING: Final = "replica_path"


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground = await setting.ground(setting.scale.middle)
    resolver = await ground.resolver()
    keys = hot(ground.market)
    found = await resolutions(resolver.grpc, keys)
    values = [one.SerializeToString() for one in found]
    path = ground.folder / "lmdb"
    _store(path, keys, values)
    async with redis.asyncio.Redis.from_url(ground.redis) as store:
        socket = str((await store.config_get("unixsocket"))["unixsocket"])
        stored = {place_of(*key): value for key, value in zip(keys, values, strict=True)}
        await store.mset(stored)

        def measure(function: str, **arguments: Any) -> Measure:
            seconds = setting.scale.seconds
            return partial(_measure, function, keys=keys, seconds=seconds, **arguments)

        contestants = {
            "Client, Unix socket": measure("client", target=f"unix:{resolver.socket}"),
            "Redis GET, Unix socket": measure("redis_get", socket=socket),
            "LMDB get": measure("lmdb_get", path=str(path)),
            "LMDB get, parsed": measure("lmdb_parse", path=str(path)),
        }
        why = why_not_local()
        if why:
            yield Field(contestants, {LOCAL: why})
        else:
            async with _published(ground) as published:
                local = partial(_measure_local, keys, published, setting.scale.seconds)
                yield Field({**contestants, LOCAL: local})
        await store.delete(*stored)


def why_not_local() -> str:
    """Why this release has no local replica to measure; empty where it has."""
    names = {field.name for field in msgspec.structs.fields(ResolverConfig)}
    if hasattr(cqar, LOCAL) and PATH_SETTING in names:
        return ""
    return f"this release has no cqar.{LOCAL}"


def _store(path: Path, keys: list[list[str]], values: list[bytes]) -> None:
    with (
        lmdb.open(str(path), map_size=MAP_BYTES) as environment,
        environment.begin(write=True) as t,
    ):
        for key, value in zip(keys, values, strict=True):
            t.put(place_of(*key), value)


async def _measure(function: str, **arguments: Any) -> Sample:
    return spread(await measured(f"other_process:{function}", **arguments))


@asynccontextmanager
async def _published(ground: Ground) -> AsyncIterator[Path]:
    """A resolver that publishes what it serves; where it does."""
    path = ground.folder / "replica"
    folder = ground.folder / "publishing"
    folder.mkdir(exist_ok=True)
    async with running("resolver", folder, {**ground.settings, PATH_SETTING: str(path)}):
        yield path


async def _measure_local(keys: list[list[str]], path: Path, seconds: float) -> Sample:
    found = await measured(
        "other_process:local_replica", path=str(path), keys=keys, seconds=seconds
    )
    return spread(found["latencies_us"], private_bytes=found["private_bytes"])


SUBJECT: Final = Subject("other_process", _open)
