"""Redis's accounts, as make-secrets makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio
from redis.exceptions import NoPermissionError, ResponseError

from cqar_shared.redis_store.cache import CURSOR_KEY, Cache, CacheCursor, Value
from cqar_shared.redis_store.cached_kinds import ENTRIES
from cqar_shared.redis_store.image_store import MANIFEST_KEY, ImageStore
from cqar_shared.replication.positions import LogPosition
from tests.deploy.conftest import Shipped
from tests.support.integrity_keys import KEYRING

PREFIXES = sorted({entry.prefix for entry in ENTRIES.values()})
AT = LogPosition(1, 7, bytes(32))
ADMIN: tuple[tuple[Any, ...], ...] = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("RANDOMKEY",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "default", "on", "nopass"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("MODULE", "LIST"),
    ("MONITOR",),
    ("SUBSCRIBE", "x"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"),
    ("SWAPDB", "0", "1"),
    ("DEL", CURSOR_KEY),
    ("SET", "elsewhere", "x"),
    ("GET", "elsewhere"),
    ("EVAL", "return redis.call('SET', 'elsewhere', 'x')", "0"),
    ("EVAL", "return redis.call('FLUSHALL')", "0"),
)
WRITES: tuple[tuple[Any, ...], ...] = (
    ("SET", CURSOR_KEY, "forged"),
    ("SET", "asset:btc", "forged"),
    ("GETSET", CURSOR_KEY, "forged"),
    ("APPEND", CURSOR_KEY, "x"),
    ("EXPIRE", MANIFEST_KEY, "1"),
    ("PERSIST", MANIFEST_KEY),
    ("RENAME", CURSOR_KEY, MANIFEST_KEY),
    ("EVAL", "return redis.call('SET', KEYS[1], 'forged')", "1", CURSOR_KEY),
    ("EVAL_RO", "return redis.call('GET', KEYS[1])", "1", CURSOR_KEY),
    ("SCRIPT", "LOAD", "return 1"),
)


@asynccontextmanager
async def connected(servers: Shipped, role: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(servers.url(role, "redis")) as client:
        yield client


async def require_refused(
    client: redis.asyncio.Redis, commands: tuple[tuple[Any, ...], ...]
) -> None:
    for command in commands:
        with pytest.raises((NoPermissionError, ResponseError)) as refused:
            await client.execute_command(*command)
        said = str(refused.value)
        assert "permission" in said or "ACL" in said or "No permissions" in said, (command, said)


@pytest.fixture
async def filled(servers: Shipped) -> AsyncIterator[Cache]:
    """What a writer puts there, by its own account."""
    cache = Cache(servers.url("writer", "redis"), KEYRING, timeout_s=5)
    cursor = CacheCursor.fresh(bytes(16), AT)
    await cache.begin(cursor)
    values = {f"{prefix}:x": Value(b"known", 60) for prefix in PREFIXES}
    assert await cache.set(cursor, cursor.moved(AT._replace(revision=8)), values)
    yield cache
    await cache.close()


async def test_a_resolver_reads_every_value_that_a_writer_set(
    servers: Shipped, filled: Cache
) -> None:
    keys = [f"{prefix}:x" for prefix in PREFIXES]
    reader = Cache(servers.url("resolver", "redis"), KEYRING, timeout_s=5)
    cursor, found = await reader.read(keys)
    await reader.close()
    assert cursor is not None
    assert cursor.at.revision == 8
    assert found == [b"known"] * len(keys)
    assert (await filled.read(keys))[1] == found


@pytest.mark.usefixtures("filled")
async def test_a_resolver_cannot_write_and_nobody_administers(servers: Shipped) -> None:
    async with connected(servers, "resolver") as client:
        before = await client.get(CURSOR_KEY)
        await require_refused(client, (*ADMIN, *WRITES))
        assert await client.get(CURSOR_KEY) == before
    async with connected(servers, "writer") as client:
        await require_refused(client, ADMIN)


async def test_an_image_is_published_by_a_writer_and_read_by_a_resolver(servers: Shipped) -> None:
    writer, reader = (
        ImageStore(servers.url(role, "redis"), KEYRING) for role in ("writer", "resolver")
    )
    await writer.put("first", 0, b"chunk")
    assert await reader.manifest() == await writer.manifest()
    await writer.close()
    await reader.close()


async def test_a_stranger_is_not_let_in(servers: Shipped) -> None:
    url = servers.url("resolver", "redis")
    address = url.rpartition("@")[2]
    for wrong in (f"redis://{address}", f"redis://cqar_writer:guess@{address}"):
        async with redis.asyncio.Redis.from_url(wrong) as client:
            with pytest.raises((redis.exceptions.AuthenticationError, ResponseError)):
                await client.ping()
