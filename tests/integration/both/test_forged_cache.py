"""Somebody else writes to Redis: no service answers by it, and what PostgreSQL says replaces it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from cqc.services.v1 import asset_registry_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.redis_store.cache import CURSOR_KEY
from cqar_shared.redis_store.refused_values import REFUSED
from cqar_shared.trust.seals import Keyring
from cqar_writer.mutations import Mutations
from cqar_writer.reads.cached import CacheMiss
from tests.support.cache_inspection import Process, cursor_in, process
from tests.support.commits import commit
from tests.support.entity_builders import BTC, USDT, an_asset
from tests.support.integrity_keys import KEY, OTHER_KEY
from tests.support.resolver_client import Ask

pb: Any = asset_registry_pb2
FORGED = "Forged Coin"
VALUE = f"asset:{BTC}"


@pytest.fixture
async def store(servers: EmbeddedServers) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.Redis.from_url(servers.redis)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def writer(
    engine: AsyncEngine, servers: EmbeddedServers, store: redis.asyncio.Redis, mutations: Mutations
) -> AsyncIterator[Process]:
    assert await store.dbsize() == 0
    async with process(engine, servers.redis) as made:
        await made.write_through()
        await commit(mutations, an_asset(), an_asset("USDT"))
        await made.write_through()
        yield made


async def name_of(reader: Any) -> str:
    name: str = (await reader.get(ASSET, BTC)).name
    return name


def refused(source: str) -> float:
    return float(REFUSED.labels(source)._value.get())


async def forge(store: redis.asyncio.Redis) -> None:
    """Another name behind the true value's header."""
    true = await store.get(VALUE)
    payload = await payload_of(true)
    message = ASSET.message.FromString(payload)
    message.name = FORGED
    await store.set(VALUE, true[: -len(payload)] + message.SerializeToString())


async def payload_of(value: bytes) -> bytes:
    """The entity at the end of a value."""
    return value[value.index(b"\n\x24" + BTC.encode()) :]


async def require_replaced(writer: Process, source: str, before: float) -> None:
    """It is not served, it is counted, and what is true is there again."""
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of)
    assert await writer.read(name_of) == "BTC"
    assert refused(source) > before
    assert await writer.from_redis(name_of) == "BTC"


async def test_a_forged_value_is_not_served_and_is_written_over(
    writer: Process, store: redis.asyncio.Redis
) -> None:
    assert await writer.from_redis(name_of) == "BTC"
    before = refused("cache")
    await forge(store)
    await require_replaced(writer, "cache", before)


async def test_a_value_that_was_moved_to_another_key_is_not_served(
    writer: Process, store: redis.asyncio.Redis
) -> None:
    before = refused("cache")
    await store.set(VALUE, await store.get(f"asset:{USDT}"))
    await require_replaced(writer, "cache", before)


async def test_a_forged_cursor_begins_a_new_generation(
    writer: Process, store: redis.asyncio.Redis, mutations: Mutations
) -> None:
    """Moved on by hand, it would make values of before the last commit the newest."""
    was, before = await cursor_in(store), refused("cursor")
    assert was is not None
    await commit(mutations, an_asset(name="Bitcoin"))
    epoch, revision, _ = was.at
    old = await store.get(CURSOR_KEY)
    at, ahead = f":{epoch}:{revision}:".encode(), f":{epoch}:{revision + 1}:".encode()
    assert at in old
    await store.set(CURSOR_KEY, old.replace(at, ahead))
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of)
    assert refused("cursor") > before
    await writer.write_through()
    now = await cursor_in(store)
    assert now is not None
    assert now.generation != was.generation
    assert now.at.revision == revision + 1
    assert await writer.read(name_of) == "Bitcoin"


async def test_a_cursor_that_was_put_back_makes_nothing_old_count(
    writer: Process, store: redis.asyncio.Redis, mutations: Mutations
) -> None:
    old = {key: await store.get(key) for key in (CURSOR_KEY, VALUE)}
    await commit(mutations, an_asset(name="Bitcoin"))
    await writer.write_through()
    for key, value in old.items():
        await store.set(key, value)
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of)
    await writer.write_through()
    assert await writer.read(name_of) == "Bitcoin"
    assert await writer.from_redis(name_of) == "Bitcoin"


async def test_a_value_that_was_put_back_is_not_served_by_the_writer_that_wrote_the_newer_one(
    writer: Process, store: redis.asyncio.Redis, mutations: Mutations
) -> None:
    old = await store.get(VALUE)
    await commit(mutations, an_asset(name="Bitcoin"))
    await writer.write_through()
    await store.set(VALUE, old)
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of)
    assert await writer.read(name_of) == "Bitcoin"
    assert await writer.from_redis(name_of) == "Bitcoin"


async def test_a_rotation_of_the_key_loses_no_value(
    writer: Process, engine: AsyncEngine, servers: EmbeddedServers, mutations: Mutations
) -> None:
    """Known to all below the old one, then above it, then alone."""
    before = refused("cursor"), refused("cache")
    steps = (f"{KEY}\n{OTHER_KEY}", f"{OTHER_KEY}\n{KEY}")
    for number, text in enumerate(steps):
        async with process(engine, servers.redis, Keyring.parse(text)) as restarted:
            await restarted.write_through()  # and hears of the head
            assert await restarted.from_redis(name_of) == ("BTC" if number == 0 else "0")
            await commit(mutations, an_asset(name=f"{number}"))
            await restarted.write_through()
            assert await restarted.from_redis(name_of) == f"{number}"
    async with process(engine, servers.redis, Keyring.parse(OTHER_KEY)) as alone:
        await alone.write_through()
        assert await alone.from_redis(name_of) == "1"
    assert before == (refused("cursor"), refused("cache"))


async def test_a_writer_with_another_key_begins_anew(
    writer: Process, engine: AsyncEngine, servers: EmbeddedServers
) -> None:
    before = refused("cursor")
    async with process(engine, servers.redis, Keyring.parse(OTHER_KEY)) as other:
        with pytest.raises(CacheMiss):
            await other.from_redis(name_of)
        await other.write_through()
        assert await other.read(name_of) == "BTC"
        assert await other.from_redis(name_of) == "BTC"
    assert refused("cursor") > before


async def test_a_resolver_that_is_loading_does_not_answer_by_a_forged_value(
    ask: Ask, engine: AsyncEngine, servers: EmbeddedServers, mutations: Mutations
) -> None:
    await commit(mutations, an_asset())
    async with (
        process(engine, servers.redis) as writer,
        redis.asyncio.Redis.from_url(servers.redis) as store,
        ask(follows=False) as asked,
    ):
        await writer.write_through()
        assert await writer.read(name_of) == "BTC"
        request = pb.GetAssetRequest(asset_id=BTC)
        before = refused("cache")
        await forge(store)
        answer, _ = await asked.answer(asked.registry.GetAsset, request)
        assert answer.asset.name == "BTC"
        assert refused("cache") > before
