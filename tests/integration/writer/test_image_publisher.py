"""The image in Redis as writers publish it: whole or not at all, never going back."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_shared.redis_store.image_store import MANIFEST_KEY, PURPOSE, ImageStore
from cqar_shared.replication import image
from cqar_shared.trust.seals import Keyring
from cqar_writer.mutations import Mutations
from cqar_writer.protocol.image_schedule import APART, REVISIONS_APART
from cqar_writer.relays import image_publisher
from cqar_writer.relays.image_publisher import ImagePublisher
from tests.support.commits import commit, head_of
from tests.support.entity_builders import NOW, a_venue, an_asset
from tests.support.integrity_keys import IMAGES, KEYRING, OTHER_KEY

OTHERS = Keyring.parse(OTHER_KEY).seals(PURPOSE)


class Publisher:
    """A writer's part of it, with a clock that the test sets."""

    def __init__(self, engine: AsyncEngine, store: ImageStore) -> None:
        self.now = NOW
        self.images = ImagePublisher(
            engine, store, lambda: asyncio.sleep(0, None), lambda: self.now
        )


@pytest.fixture
async def raw(servers: EmbeddedServers) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()
        yield store


@pytest.fixture
async def store(servers: EmbeddedServers, raw: redis.asyncio.Redis) -> AsyncIterator[ImageStore]:
    store = ImageStore(servers.redis, KEYRING)
    assert await raw.dbsize() == 0
    yield store
    await store.close()


async def revision_in(store: ImageStore) -> int:
    stored = await store.manifest()
    assert stored is not None
    return image.manifest_of(stored, IMAGES).head.revision


async def test_a_published_image_is_the_registry_at_its_head(
    engine: AsyncEngine,
    mutations: Mutations,
    store: ImageStore,
    raw: redis.asyncio.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_publisher, "ROWS_AT_ONCE", 3)
    await commit(mutations, a_venue(), *(an_asset(f"A{number}") for number in range(20)))
    assert await Publisher(engine, store).images.step()
    loaded = await BootstrapSources(store, None).newest(None)
    assert loaded is not None
    head = await head_of(engine)
    assert (loaded.source, loaded.snapshot.count) == ("redis", 21)
    assert loaded.snapshot.set_hash == head.set_hash
    # In several chunks, each of which stays.
    assert len(await raw.keys(f"{MANIFEST_KEY}:*")) == 7
    assert {await raw.ttl(key) for key in await raw.keys()} == {-1}


async def test_it_is_published_anew_after_many_revisions_or_ten_minutes_and_when_missing(
    engine: AsyncEngine, mutations: Mutations, store: ImageStore, raw: redis.asyncio.Redis
) -> None:
    publisher = Publisher(engine, store)
    await commit(mutations, a_venue("first"))
    assert await publisher.images.step()
    publisher.now += APART
    assert not await publisher.images.step(), "nothing changed"
    await commit(mutations, a_venue("second"))
    assert await publisher.images.step()
    assert await revision_in(store) == 2
    await commit(mutations, a_venue("third"))
    assert not await publisher.images.step(), "it is young, and little changed"
    await raw.delete(*await raw.keys(f"{MANIFEST_KEY}:*"))
    assert await publisher.images.step(), "its chunks are missing"
    assert await revision_in(store) == 3
    await raw.set(MANIFEST_KEY, b"no manifest")
    assert await publisher.images.step()
    stored = await store.manifest()
    assert stored is not None
    manifest = image.manifest_of(stored, IMAGES)
    await raw.set(MANIFEST_KEY, image.sealed(manifest, OTHERS))
    assert await publisher.images.step(), "it is under another key"
    assert await revision_in(store) == 3
    old = [f"{MANIFEST_KEY}:{manifest.publication}:{n}" for n in range(len(manifest.chunk_hashes))]
    assert all([await raw.ttl(key) > 0 for key in old]), "what is replaced ends, whoever made it"
    assert REVISIONS_APART == 1_000
    assert dt.timedelta(minutes=10) == APART


async def test_who_is_slower_than_another_leaves_his_image_alone(
    engine: AsyncEngine, mutations: Mutations, store: ImageStore, raw: redis.asyncio.Redis
) -> None:
    await commit(mutations, a_venue("first"))
    assert await Publisher(engine, store).images.step()
    stored = await store.manifest()
    assert stored is not None
    manifest = image.manifest_of(stored, IMAGES)
    assert not await store.switch(b"what was there before", manifest)
    assert await store.manifest() == stored
    unfinished = image.manifest_of(stored, IMAGES)
    unfinished.publication = "never written"
    assert not await store.switch(stored, unfinished), "its chunks are not there"
    assert await store.manifest() == stored


async def test_what_was_begun_and_not_finished_ends_by_itself(
    store: ImageStore, raw: redis.asyncio.Redis
) -> None:
    await store.put("abandoned", 0, b"chunk")
    assert 0 < await raw.ttl(f"{MANIFEST_KEY}:abandoned:0") <= 600


async def test_what_cannot_be_finished_leaves_nothing_that_stays(
    store: ImageStore, raw: redis.asyncio.Redis
) -> None:
    head = replication_pb2.Head(registry_id=b"registry", epoch=1, revision=1)
    manifest = replication_pb2.Image(head=head, publication="evicted")
    for number, chunk in enumerate((b"one", b"two", b"three")):
        await store.put(manifest.publication, number, chunk)
        manifest.chunk_hashes.append(image.hash_of_chunk(chunk))
    # A Redis that is full takes what will end by itself.
    await raw.delete(f"{MANIFEST_KEY}:evicted:2")
    assert not await store.switch(None, manifest)
    assert await store.manifest() is None
    left = [await raw.ttl(f"{MANIFEST_KEY}:evicted:{number}") for number in (0, 1)]
    assert min(left) > 0


async def test_only_one_writer_publishes_at_a_time(
    engine: AsyncEngine, mutations: Mutations, store: ImageStore
) -> None:
    await commit(mutations, a_venue("first"))
    done = await asyncio.gather(*(Publisher(engine, store).images.step() for _ in range(4)))
    assert done.count(True) == 1
