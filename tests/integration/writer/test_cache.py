"""Redis beside the writer's reads: asked first, never wrong, never needed."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from cqc.services.v1 import asset_registry_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.asset import ASSET, Asset
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound
from cqar_shared.redis_store.cache import CURSOR_KEY, TIMEOUT_S, Cache, Unavailable
from cqar_shared.redis_store.cache_format import Value
from cqar_writer import metrics
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.reads import entity_history
from cqar_writer.reads.cached import CacheMiss, MessageReader
from cqar_writer.reads.sessions import Reads
from cqar_writer.relays.cache_relay import ForeignCache
from tests.support.cache_inspection import Process, cursor_in, process, statements
from tests.support.commits import CAUSE, commit, lose_commits_after
from tests.support.entity_builders import (
    BTC,
    MARKET,
    NOW,
    a_flag,
    a_symbol,
    a_venue,
    an_asset,
    an_id,
)
from tests.support.integrity_keys import FORMAT, KEYRING
from tests.support.writer_server import Client, serving

pb: Any = asset_registry_pb2
LATER = NOW + dt.timedelta(hours=1)
FOR_EVER_S = 10**12


@pytest.fixture
async def store(servers: EmbeddedServers) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.Redis.from_url(servers.redis)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def writer(
    engine: AsyncEngine, servers: EmbeddedServers, store: redis.asyncio.Redis
) -> AsyncIterator[Process]:
    async with process(engine, servers.redis) as made:
        await made.write_through()
        yield made


@pytest.fixture
async def served(
    engine: AsyncEngine, writer: Process, mutations: Mutations
) -> AsyncIterator[Client]:
    await commit(mutations, *MARKET)
    async with serving(engine, LATER, writer.database, writer.cache) as client:
        await writer.write_through()
        yield client


def name_of(asset_id: str = BTC) -> Any:
    async def read(reader: Any) -> str:
        return (await reader.get(ASSET, asset_id)).name

    return read


GETS: dict[str, tuple[dict[str, str], str, int]] = {
    "GetAsset": ({"asset_id": BTC}, f"asset:{BTC}", 60),
    "GetSymbol": ({"symbol_id": a_symbol().symbol_id}, f"symbol:{a_symbol().symbol_id}", 60),
    "GetVenue": ({"venue_id": "binance"}, "venue:binance", 60),
    "GetVenueAsset": (
        {"venue_id": "binance", "asset_id": BTC},
        f"venue_asset:binance:{BTC}",
        15,
    ),
    "GetVenueSymbol": (
        {"venue_id": "binance", "venue_symbol": "BTCUSDT"},
        "venue_symbol:binance:BTCUSDT",
        15,
    ),
    "ListQualityFlags": ({"asset_id": BTC}, f"quality_flags:{BTC}", 5),
}


@pytest.mark.parametrize("name", GETS)
async def test_a_second_read_asks_redis_alone_and_says_the_same(
    name: str,
    served: Client,
    mutations: Mutations,
    writer: Process,
    engine: AsyncEngine,
    store: redis.asyncio.Redis,
) -> None:
    await commit(mutations, a_flag())
    await writer.write_through()
    await store.flushall()
    await writer.write_through()
    request, key, minutes = GETS[name]
    method, asked = getattr(served.registry, name), getattr(pb, f"{name}Request")(**request)
    first = await served.call(method, asked)
    assert minutes * 60 - 5 <= await store.ttl(key) <= minutes * 60
    hits = metrics.CACHE_HITS.labels(key.partition(":")[0])
    before = hits._value.get()
    async with statements(engine) as seen:
        assert await served.call(method, asked) == first
    assert [text for text in seen if "api_keys" not in text and text != "SELECT 1"] == []
    assert hits._value.get() == before + 1


async def test_what_is_committed_is_written_through(
    served: Client, writer: Process, engine: AsyncEngine
) -> None:
    request = pb.UpdateAssetRequest(asset_id=BTC, name="Bitcoin")
    changed = await served.call(served.registry.UpdateAsset, request)
    await writer.write_through()
    assert await writer.from_redis(name_of()) == "Bitcoin"
    delist = pb.DelistVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT")
    await served.call(served.registry.DelistVenueSymbol, delist)
    await writer.write_through()
    spelled = await writer.from_redis(
        lambda reader: reader.find(VENUE_SYMBOL, "spelling", "binance", "BTCUSDT")
    )
    assert [listing.HasField("delisted_at") for listing in spelled] == [True]
    async with engine.connect() as tx:
        entries = [entry async for entry in entity_history.entries_of(tx, ("asset", BTC), None)]
    assert entries[0].change_set.revision == changed.revision


async def test_a_writer_reads_what_it_wrote_before_redis_has_it(served: Client) -> None:
    read = pb.GetAssetRequest(asset_id=BTC)
    for number in range(5):
        request = pb.UpdateAssetRequest(asset_id=BTC, name=f"name {number}")
        await served.call(served.registry.UpdateAsset, request)
        answer = await served.call(served.registry.GetAsset, read)
        assert answer.asset.name == f"name {number}"


async def test_what_was_removed_is_not_found_without_asking_postgresql(
    writer: Process, mutations: Mutations
) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    await writer.mutations.change(Item(kind=ASSET, intent=ChangeIntent.REMOVE, key=BTC), CAUSE)
    await writer.write_through()
    with pytest.raises(EntityNotFound):
        await writer.from_redis(name_of())


async def test_a_slow_reader_never_puts_an_old_value_over_a_new_one(
    writer: Process, mutations: Mutations, store: redis.asyncio.Redis
) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    await store.delete(f"asset:{BTC}")
    cached = writer.reads.cached()
    with pytest.raises(CacheMiss):
        await name_of()(cached)
    async with writer.reads.begin() as reading:
        slow = cached.filling(reading, reading.position)
        assert await name_of()(slow) == "BTC"
        await commit(mutations, an_asset(name="Bitcoin"))
        await writer.write_through()
    await slow.keep()
    assert await writer.from_redis(name_of()) == "Bitcoin"


async def test_what_another_history_says_under_the_same_number_is_not_kept(
    writer: Process, engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("kept"))
    await commit(mutations, a_venue("lost"))
    await writer.write_through()
    await lose_commits_after(engine, 1)
    await commit(mutations, a_venue("other"))

    async def other(reader: MessageReader) -> Any:
        return await reader.get(VENUE, "other")

    assert (await writer.read(other)).venue_id == "other"
    with pytest.raises(CacheMiss):
        await writer.from_redis(other)


async def test_an_answer_of_several_values_is_of_one_revision(
    writer: Process, mutations: Mutations
) -> None:
    await commit(mutations, an_asset(), a_venue())
    await writer.write_through()
    cached = writer.reads.cached()
    await cached.get(ASSET, BTC)
    await commit(mutations, a_venue(name="Binance spot"))
    await writer.write_through()
    with pytest.raises(CacheMiss):
        await cached.get(VENUE, "binance")


async def test_a_cursor_that_is_lost_takes_every_value_with_it(
    writer: Process, mutations: Mutations, store: redis.asyncio.Redis
) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    await store.delete(CURSOR_KEY)
    await commit(mutations, an_asset(name="Bitcoin"))
    await writer.write_through()
    assert await store.exists(f"asset:{BTC}")
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of())
    await store.set(CURSOR_KEY, "nonsense")
    await writer.write_through()
    assert await writer.read(name_of()) == "Bitcoin"
    assert await writer.from_redis(name_of()) == "Bitcoin"


async def test_an_epoch_takes_every_value_with_it(writer: Process, mutations: Mutations) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    assert await mutations.bump_epoch(1, 1, 100)
    await writer.write_through()
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of())
    assert await writer.read(name_of()) == "BTC"
    assert await writer.from_redis(name_of()) == "BTC"


async def test_another_registrys_redis_is_refused(
    writer: Process, mutations: Mutations, store: redis.asyncio.Redis
) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    cursor = await cursor_in(store)
    assert cursor is not None
    other = cursor._replace(registry_id=b"other", stored=b"")
    await store.set(CURSOR_KEY, FORMAT.seal_cursor(other))
    with pytest.raises(ForeignCache, match="database of its own"):
        await writer.relay.step()
    with pytest.raises(CacheMiss):
        await writer.from_redis(name_of())


async def test_a_value_that_somebody_else_wrote_there_is_read_again_and_written_over(
    writer: Process, mutations: Mutations, store: redis.asyncio.Redis
) -> None:
    await commit(mutations, an_asset())
    await writer.write_through()
    cursor = await cursor_in(store)
    assert cursor is not None
    await store.set(
        f"asset:{BTC}", FORMAT.seal(cursor, f"asset:{BTC}", Value(b"\xff\xff\xff", FOR_EVER_S))
    )
    assert await writer.read(name_of()) == "BTC"
    assert await writer.from_redis(name_of()) == "BTC"


async def test_a_large_list_is_not_kept_and_not_believed(
    writer: Process, mutations: Mutations
) -> None:
    def flags(count: int) -> list[Any]:
        reason = "x" * 4_000
        return [a_flag(flag_id=an_id(f"flag {n}"), reason=reason) for n in range(count)]

    async def count(reader: Any) -> int:
        return len(await reader.find(QUALITY_FLAG, "asset", BTC))

    await commit(mutations, an_asset(), *flags(2))
    await writer.write_through()
    assert await writer.read(count) == 2
    await commit(mutations, *flags(80))
    await writer.write_through()
    with pytest.raises(CacheMiss):
        await writer.from_redis(count)
    assert await writer.read(count) == 80
    with pytest.raises(CacheMiss):
        await writer.from_redis(count)


async def test_a_redis_that_is_down_or_silent_is_left_alone(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    await commit(mutations, an_asset())
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for url in (f"redis://127.0.0.1:{port}/0", "unix:///nowhere/redis.sock"):
        cache = Cache(url, KEYRING, timeout_s=TIMEOUT_S)
        before = metrics.CACHE_UNAVAILABLE._value.get()
        async with serving(
            engine, LATER, PrimaryDatabase(NewestPosition(), engine), cache
        ) as client:
            for _ in range(8):
                request = pb.GetAssetRequest(asset_id=BTC)
                assert (await client.call(client.registry.GetAsset, request)).asset.name == "BTC"
        assert cache.breaker.is_open
        assert metrics.CACHE_UNAVAILABLE._value.get() == before + 8
        with pytest.raises(Unavailable, match="breaker"):
            await cache.read([])
        await cache.close()
    server.close()


async def test_whatever_happens_redis_says_what_postgresql_said_at_the_cursor(
    engine: AsyncEngine, servers: EmbeddedServers, store: redis.asyncio.Redis
) -> None:
    """Two writers, slow readers, lost cursors, flushes: no value that counts is ever wrong."""
    chance = random.Random(20_261_124)
    names: dict[int, dict[str, str]] = {}
    assets = [an_id(f"asset {n}") for n in range(4)]
    async with process(engine, servers.redis) as one, process(engine, servers.redis) as two:
        slow: list[Any] = []
        state: dict[str, str] = {}
        for turn in range(250):
            writer = chance.choice((one, two))
            match chance.randrange(8):
                case 0 | 1:
                    asset = Asset(asset_id=chance.choice(assets), symbol="A", name=f"name {turn}")
                    revision = await commit(writer.mutations, _typed(asset))
                    state = {**state, asset.asset_id: asset.name}
                    names[revision] = state
                case 2 | 3:
                    await writer.relay.step()
                case 4:
                    slow += await _begin(writer, chance.choice(assets))
                case 5 if slow:
                    await slow.pop(chance.randrange(len(slow))).keep()
                case 6 if chance.random() < 0.2:
                    await store.flushall()
                case 7 if chance.random() < 0.2:
                    await store.delete(CURSOR_KEY)
            await _require_true(store, assets, names)
    assert len(names) > 30


def _typed(asset: Asset) -> Asset:
    return an_asset("A", asset_id=asset.asset_id, name=asset.name)


async def _begin(writer: Process, asset_id: str) -> list[Any]:
    """A reader that has read PostgreSQL and not yet kept what it read."""
    cached = writer.reads.cached()
    try:
        await name_of(asset_id)(cached)
    except (CacheMiss, EntityNotFound):
        async with writer.reads.begin() as reading:
            keeping = cached.filling(reading, reading.position)
            try:
                await name_of(asset_id)(keeping)
            except EntityNotFound:
                return []
        return [keeping]
    return []


async def _require_true(
    store: redis.asyncio.Redis, assets: list[str], names: dict[int, dict[str, str]]
) -> None:
    cursor = await cursor_in(store)
    if cursor is None:
        return
    for asset_id in assets:
        key = f"asset:{asset_id}"
        payload = FORMAT.open(cursor, key, await store.get(key))
        if payload is not None:
            known = names[cursor.at.revision]
            assert ASSET.message.FromString(payload).name == known[asset_id]


def test_reads_without_redis_miss_at_once(engine: AsyncEngine) -> None:
    async def ask() -> None:
        await Reads(engine).cached().get(ASSET, BTC)

    with pytest.raises(CacheMiss):
        asyncio.run(ask())
