"""Fifty resolvers start at once, and PostgreSQL does not feel more than a few of them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import redis.asyncio
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.process import Command, kill_session, spawn
from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.replication.postgres import HYDRATE_LOCK
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES
from cqar_shared.redis_store.image_store import ImageStore
from cqar_writer.app import utc_now
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.image_publisher import ImagePublisher
from tests.support.commits import commit, drain, head_of
from tests.support.entity_builders import a_venue, an_asset
from tests.support.integrity_keys import KEYRING, key_file

log = logging.getLogger(__name__)

PROCESSES: Final = 50
FEW: Final = 8
AT_ONCE: Final = 4
WAIT_S: Final = 180
ASSETS: Final = 1_000
_TURNS: Final = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def start_all(
    folder: Path, count: int, **settings: str
) -> tuple[list[dict[str, Any]], list[int]]:
    """What each of the processes told, and how many had a turn at PostgreSQL, again and again."""
    environ = {f"CQAR_RESOLVER_{name.upper()}": value for name, value in settings.items()}
    command = Command(
        name="sidecars",
        argv=(sys.executable, "-m", "tests.chaos.resolver_fleet", str(count)),
        env={**os.environ, "CQAR_CONFIG": "", "CQAR_RESOLVER_LOG_LEVEL": "ERROR", **environ},
    )
    with (folder / "sidecars.log").open("wb") as log:
        pipe = asyncio.subprocess.PIPE
        process = await spawn(command, stdin=pipe, stdout=pipe, stderr=log)
    assert process.stdin
    assert process.stdout
    watching = await asyncpg.connect(settings["database_url"])
    turns: list[int] = []
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            turns.append(await watching.fetchval(_TURNS, HYDRATE_LOCK))

    task = asyncio.create_task(watch())
    try:
        process.stdin.write(b"\n")
        async with asyncio.timeout(WAIT_S):
            told = [json.loads(await process.stdout.readline()) for _ in range(count)]
        process.stdin.close()
        async with asyncio.timeout(WAIT_S):
            await process.wait()
    finally:
        # Not cancelled: a cancellation that comes together with an answer may be lost.
        over.set()
        await asyncio.gather(task, return_exceptions=True)
        await watching.close()
        kill_session(process)
        await process.wait()
    return told, turns


@pytest.fixture
async def settings(
    servers: EmbeddedServers,
    database: str,
    client: Client,
    mutations: Mutations,
    relay: ChangeRelay,
) -> dict[str, str]:
    assert client.is_connected
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()
    await commit(mutations, a_venue())
    await commit(mutations, *(an_asset(f"A{number}") for number in range(ASSETS)))
    await drain(relay)
    return {
        "database_url": database,
        "nats_url": servers.nats,
        "redis_url": servers.redis,
        "integrity_key_file": key_file(),
        "hydrate_concurrency": str(AT_ONCE),
    }


@asynccontextmanager
async def others_loading(database: str, many: int) -> AsyncIterator[None]:
    """Others have so many of the turns, until the block ends."""
    connection = await asyncpg.connect(database)
    try:
        for turn in range(many):
            await connection.execute("SELECT pg_advisory_lock($1, $2)", HYDRATE_LOCK, turn)
        yield
    finally:
        await connection.close()


async def test_without_redis_they_load_from_postgres_in_turn(
    settings: dict[str, str], engine: AsyncEngine, tmp_path: Path
) -> None:
    async with others_loading(settings["database_url"], AT_ONCE - 1):
        told, turns = await start_all(tmp_path, FEW, **{**settings, "redis_url": ""})
    head = await head_of(engine)
    assert {one["set_hash"] for one in told} == {head.set_hash.hex()}
    assert Counter(one["source"] for one in told) == {"postgres": FEW}
    assert max(turns) == AT_ONCE


async def test_fifty_at_once_load_from_redis_but_for_a_few(
    settings: dict[str, str], engine: AsyncEngine, client: Client, tmp_path: Path
) -> None:
    store = ImageStore(settings["redis_url"], KEYRING)
    assert await ImagePublisher(
        engine, store, lambda: jetstream.note(client, CHANGES), utc_now
    ).step()
    await store.close()
    async with others_loading(settings["database_url"], AT_ONCE - 1):
        told, turns = await start_all(tmp_path, PROCESSES, **settings)
    head = await head_of(engine)
    assert {one["set_hash"] for one in told} == {head.set_hash.hex()}
    sources = Counter(one["source"] for one in told)
    assert set(sources) <= {"postgres", "redis"}
    assert sources["redis"] > 0
    assert max(turns) <= AT_ONCE
    log.info("%d processes: %s, the last after %.1f s", PROCESSES, sources, told[-1]["seconds"])
