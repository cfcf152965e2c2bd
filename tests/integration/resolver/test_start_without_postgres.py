"""A resolver that starts while PostgreSQL is away: from Redis, from its file, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis.asyncio
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication import protocol
from cqar_resolver.replication.freshness import state_name
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.services.watch_stream import WatchStreams
from cqar_shared.errors import EpochEnded, StartupError
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.redis_store.image_store import MANIFEST_KEY, PURPOSE, ImageStore
from cqar_shared.redis_store.refused_values import REFUSED
from cqar_shared.replication import image
from cqar_shared.trust.seals import Keyring
from cqar_writer.app import utc_now
from cqar_writer.config import WriterConfig
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay, reset_message
from cqar_writer.relays.image_publisher import ImagePublisher
from tests.support.change_set_builders import encoded
from tests.support.change_set_builders import head_of as head_of_state
from tests.support.commits import commit, drain, eventually, head_of, lose_commits_after
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import require_equal, resolving, stands_at, writing
from tests.support.integrity_keys import IMAGES, KEYRING, OTHER_KEY, key_file
from tests.support.tcp_proxy import Link, link_to

HYDRATING, LIVE = pb.SNAPSHOT_STATE_HYDRATING, pb.SNAPSHOT_STATE_LIVE
LAST_GOOD, STALE = pb.SNAPSHOT_STATE_LAST_GOOD, pb.SNAPSHOT_STATE_STALE
WAIT_S = 30
OWN = b"own registry id."


@dataclass
class Place:
    """A resolver's surroundings: PostgreSQL and Redis behind links that can go down.

    Attributes:
        own_database, own_redis: Past the links, for the test and for writers.
    """

    database: Link
    redis: Link
    config: ResolverConfig
    own_database: str
    own_redis: str
    nats: str
    file: Path

    def writer(self) -> WriterConfig:
        urls = {"database_url": self.own_database, "nats_url": self.nats}
        return WriterConfig(**urls, redis_url=self.own_redis, integrity_key_file=key_file())


@pytest.fixture
async def place(
    servers: EmbeddedServers, database: str, client: Client, tmp_path: Path
) -> AsyncIterator[Place]:
    assert client.is_connected
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()
    async with link_to(database) as (to_database, url), link_to(servers.redis) as (to_redis, cache):
        config = ResolverConfig(
            database_url=url,
            nats_url=servers.nats,
            redis_url=cache,
            integrity_key_file=key_file(),
            last_good_file=str(tmp_path / "last-good"),
            last_good_every_s=0.2,
            probe_every_s=0.2,
        )
        yield Place(
            *(to_database, to_redis, config, database, servers.redis, servers.nats),
            Path(config.last_good_file),
        )


@pytest.fixture
async def publish_image(
    place: Place, engine: AsyncEngine, client: Client, relay: ChangeRelay
) -> AsyncIterator[Callable[[], Any]]:
    """Puts an image of the database's head into Redis."""
    store = ImageStore(place.own_redis, KEYRING)

    async def publish() -> None:
        await drain(relay)
        async with redis.asyncio.Redis.from_url(place.own_redis) as raw:
            await raw.delete(MANIFEST_KEY)
        images = ImagePublisher(engine, store, lambda: jetstream.note(client, CHANGES), utc_now)
        assert await images.step()

    yield publish
    await store.close()


async def keep_file(place: Place) -> None:
    """A resolver's life that ends with its state in the file."""
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)


def source(view: ReplicaState) -> tuple[str, str]:
    return view.hydrated_from, state_name(view.state)


async def test_from_redis_and_what_came_since_from_the_stream(
    place: Place, mutations: Mutations, relay: ChangeRelay, publish_image: Callable[[], Any]
) -> None:
    await commit(mutations, a_venue("a"))
    await publish_image()
    await commit(mutations, a_venue("b"))
    await drain(relay)
    place.database.go_down()
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 2), WAIT_S)
        assert source(view) == ("redis", "LAST_GOOD")
        assert view.freshness.staleness_ms is None
        assert view.snapshot.get("venue", "b") is not None
        place.database.come_back()
        async with writing(place.writer()):
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await commit(mutations, a_venue("c"))
            await eventually(lambda: stands_at(view, 1, 3), WAIT_S)
            await require_equal(view, place.own_database)
        assert view.hydrated_from == "redis"


async def test_from_its_file_where_redis_is_away_too(
    place: Place, mutations: Mutations, relay: ChangeRelay
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await keep_file(place)
    await commit(mutations, a_venue("b"))
    await drain(relay)
    place.database.go_down()
    place.redis.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        assert source(resolver.view) == ("file", "LAST_GOOD")


async def test_the_newer_of_redis_and_file(
    place: Place, mutations: Mutations, publish_image: Callable[[], Any]
) -> None:
    await commit(mutations, a_venue("a"))
    await publish_image()
    await commit(mutations, a_venue("b"))
    await keep_file(place)
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert resolver.view.hydrated_from == "file"
    place.database.come_back()
    await commit(mutations, a_venue("c"))
    await publish_image()
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert resolver.view.hydrated_from == "redis"


async def test_an_image_whose_entities_cannot_be_read_gives_way_to_the_file(
    place: Place, mutations: Mutations, publish_image: Callable[[], Any]
) -> None:
    """Its hashes fit: whoever may write to Redis has made it so."""
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    await commit(mutations, a_venue("b"))
    await publish_image()
    async with redis.asyncio.Redis.from_url(place.own_redis) as raw:
        manifest = image.manifest_of(await raw.get(MANIFEST_KEY), IMAGES)
        (chunk,) = image.chunks_of([("venue_symbol", "x", b"\xff\xff")])
        manifest.chunk_hashes[:] = [image.hash_of_chunk(chunk)]
        await raw.set(f"{MANIFEST_KEY}:{manifest.publication}:0", chunk)
        await raw.set(MANIFEST_KEY, image.sealed(manifest, IMAGES))
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert resolver.view.hydrated_from == "file"


async def test_with_neither_it_waits_and_starts_when_postgres_is_back(
    place: Place, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    place.database.go_down()
    place.redis.go_down()
    async with resolving(place.config) as resolver:
        await asyncio.sleep(1)
        assert resolver.view.state == HYDRATING
        assert place.database.asked > 1
        place.database.come_back()
        await eventually(lambda: stands_at(resolver.view, 1, 1), WAIT_S)
        assert source(resolver.view) == ("postgres", "LAST_GOOD")


async def test_a_restart_goes_on_from_its_file(
    place: Place, engine: AsyncEngine, client: Client, mutations: Mutations
) -> None:
    """No writer is there to ask, nothing is in the stream: PostgreSQL says what came since.

    And it is LIVE with the first head that a writer tells.
    """
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    for name in "bc":
        await commit(mutations, a_venue(name))
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 3), WAIT_S)
        assert source(view) == ("file", "LAST_GOOD")
        await require_equal(view, place.own_database)
        await jetstream.serve(client, jetstream.HEAD_SUBJECT, HeadReader(engine).answer)
        await eventually(lambda: view.state == LIVE, WAIT_S)
        assert source(view) == ("file", "LIVE")


async def test_a_restart_appends_to_the_file_that_it_went_on_from(
    place: Place, mutations: Mutations
) -> None:
    """A million listings are not written anew for a restart; but where an end is torn they are."""
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    for revision, (name, is_torn) in enumerate((("b", False), ("c", True)), 2):
        before = place.file.read_bytes()
        if is_torn:
            place.file.write_bytes(before + b"\0")
        await commit(mutations, a_venue(name))
        async with resolving(place.config) as resolver:
            await eventually(lambda at=revision: stands_at(resolver.view, 1, at), WAIT_S)
        whole, file = place.file.read_bytes(), CheckpointFile(place.file, KEYRING)
        assert whole.startswith(before) is not is_torn
        kept = file.read()
        assert kept is not None
        assert is_torn or len(kept.since) == 1
        assert kept.snapshot().get("venue", name) is not None


async def test_a_restart_loads_all_anew_where_its_file_is_far_behind(
    place: Place, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    await commit(mutations, a_venue("b"))
    await commit(mutations, a_venue("c"))
    monkeypatch.setattr(protocol, "NEAR_REVISIONS", 1)
    async with resolving(place.config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 3), WAIT_S)
        assert source(resolver.view) == ("postgres", "LAST_GOOD")


async def test_a_file_whose_entities_are_not_of_its_hash_is_found_out(
    place: Place, mutations: Mutations, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole by its checksums, and wrong: as a fault of the memory that it was written from."""
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    file = CheckpointFile(place.file, KEYRING)
    kept = file.read()
    assert kept is not None
    file.begin(kept.head, [("venue", "another", b"")], kept.mark)
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: source(view) == ("postgres", "LAST_GOOD"), WAIT_S)
        await require_equal(view, place.own_database)
    assert "do not have the hash" in caplog.text


async def test_with_redis_away_it_starts_from_postgres_as_ever(
    place: Place, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    place.redis.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 1), WAIT_S)
        assert resolver.view.hydrated_from == "postgres"


async def test_it_is_ready_once_it_has_reached_the_head_that_it_saw(
    place: Place,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    publish_image: Callable[[], Any],
) -> None:
    await commit(mutations, a_venue("a"))
    await publish_image()
    for name in "bcd":
        await commit(mutations, a_venue(name))
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        message = reset_message(await head_of(engine))
        await js.publish(CHANGES_SUBJECT, message.SerializeToString())
        await eventually(lambda: resolver.view.lag == 3, WAIT_S)
        assert not (await resolver.report()).ready
        place.database.come_back()
        await eventually(resolver.view.ready.is_set, WAIT_S)
        assert stands_at(resolver.view, 1, 4)
        assert (await resolver.report()).ready


async def test_without_any_head_to_see_what_is_loaded_is_ready(
    place: Place, mutations: Mutations, publish_image: Callable[[], Any]
) -> None:
    await commit(mutations, a_venue("a"))
    await publish_image()
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(resolver.view.ready.is_set, WAIT_S)
        assert source(resolver.view) == ("redis", "LAST_GOOD")


# ---------------------------------------------------------------- what cannot be believed


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize(
    "spoilt", ["manifest", "chunk", "lost chunk", "another key's manifest", "another chunk"]
)
async def test_an_image_that_is_spoilt_is_not_used(
    spoilt: str, place: Place, mutations: Mutations, publish_image: Callable[[], Any]
) -> None:
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    await commit(mutations, a_venue("b"))
    await publish_image()
    async with redis.asyncio.Redis.from_url(place.own_redis) as store:
        manifest = image.manifest_of(await store.get(MANIFEST_KEY), IMAGES)
        chunk = f"{MANIFEST_KEY}:{manifest.publication}:0"
        key = MANIFEST_KEY if spoilt == "manifest" else chunk
        if spoilt == "lost chunk":
            await store.delete(key)
        elif spoilt == "another key's manifest":
            others = Keyring.parse(OTHER_KEY).seals(PURPOSE)
            await store.set(MANIFEST_KEY, image.sealed(manifest, others))
        elif spoilt == "another chunk":
            (another,) = image.chunks_of([("venue", "a", b""), ("venue", "b", b"")])
            await store.set(chunk, another)
        else:
            value = await store.get(key)
            await store.set(key, flip(value, len(value) // 2))
    before = REFUSED.labels("image")._value.get()
    place.database.go_down()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert source(resolver.view) == ("file", "LAST_GOOD")
        assert resolver.view.snapshot.position.revision == 1
    assert (REFUSED.labels("image")._value.get() > before) is (spoilt != "lost chunk")


async def test_a_file_under_another_key_is_not_used_and_is_written_anew(
    place: Place, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    true = CheckpointFile(place.file, KEYRING).read()
    assert true is not None
    CheckpointFile(place.file, Keyring.parse(OTHER_KEY)).begin(
        true.head, [("venue", "forged", b"")], true.mark
    )
    before = REFUSED.labels("file")._value.get()
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert resolver.view.hydrated_from == "postgres"
        await require_equal(resolver.view, place.own_database)
    assert REFUSED.labels("file")._value.get() > before
    assert CheckpointFile(place.file, KEYRING).read() is not None


async def put_image(place: Place, revision: int) -> None:
    """Puts an image of a registry that is not the database's into Redis."""
    state = encoded(a_venue("elsewhere"))
    head = head_of_state(state, revision)
    manifest = replication_pb2.Image(head=head, publication="elsewhere")
    store = ImageStore(place.own_redis, KEYRING)
    for chunk in image.chunks_of((*ref, payload) for ref, payload in state.items()):
        await store.put(manifest.publication, len(manifest.chunk_hashes), chunk)
        manifest.chunk_hashes.append(image.hash_of_chunk(chunk))
    assert await store.switch(None, manifest)
    await store.close()


async def test_another_registrys_image_leaves_nothing_behind_once_postgres_is_there(
    place: Place, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("own"))
    await put_image(place, revision=20)
    place.database.go_down()
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 20), WAIT_S)
        watched = WatchStreams(view).watch(pb.WatchRequest())
        assert (await anext(watched)).freshness.revision == 20
        place.database.come_back()
        async with writing(place.writer()):
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, place.own_database)
            # What was heard of the other says nothing of how far this one is behind.
            assert view.lag == 0
            with pytest.raises(EpochEnded):
                await anext(watched)


async def test_another_registrys_file_gives_way_to_the_image_of_the_one_that_is_followed(
    place: Place, mutations: Mutations, engine: AsyncEngine, publish_image: Callable[[], Any]
) -> None:
    await commit(mutations, a_venue("foreign"))
    await keep_file(place)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET registry_id = :own"), {"own": OWN})
    await commit(mutations, a_venue("own"))
    await publish_image()
    place.database.go_down()
    async with writing(place.writer()), resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: view.is_complete and view.snapshot.head.registry_id == OWN, WAIT_S)
        assert view.hydrated_from == "redis"
        await eventually(lambda: view.state == LIVE, WAIT_S)


async def test_a_truncated_and_a_flipped_file_is_not_used_for_more_than_it_proves(
    place: Place, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    whole = place.file.read_bytes()
    place.database.go_down()
    place.redis.go_down()
    for spoilt in (whole[: len(whole) // 2], flip(whole, len(whole) - 3), b""):
        place.file.write_bytes(spoilt)
        async with resolving(place.config) as resolver:
            await asyncio.sleep(0.5)
            assert resolver.view.state == HYDRATING


async def test_a_file_from_the_future_ends_in_a_new_epoch_and_never_goes_back(
    place: Place, engine: AsyncEngine, mutations: Mutations
) -> None:
    """The database is restored to before what was served: a revision is never served anew."""
    for name in "abc":
        await commit(mutations, a_venue(name))
    await keep_file(place)
    await lose_commits_after(engine, 1)
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: view.is_complete, WAIT_S)
        assert view.snapshot.position[:2] == (1, 3)
        assert view.state != LIVE
        seen = [view.snapshot.position[:2]]
        async with writing(place.writer()):
            await eventually(lambda: view.snapshot.position.epoch == 2, WAIT_S)
            seen.append(view.snapshot.position[:2])
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, place.own_database)
        assert seen == [(1, 3), (2, 4)]
        assert view.snapshot.get("venue", "c") is None


# ---------------------------------------------------------------- what does not fit


async def test_an_image_and_a_file_that_do_not_fit_are_not_loaded_either(
    place: Place,
    mutations: Mutations,
    publish_image: Callable[[], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await commit(mutations, a_venue("a"))
    await keep_file(place)
    await commit(mutations, a_venue("b"))
    await publish_image()
    place.database.go_down()
    small = msgspec.structs.replace(place.config, memory_limit_mib=1)
    async with resolving(small) as resolver:
        for said in ("what redis holds is not used: 2", "what file holds is not used: 1"):
            await eventually(lambda said=said: said in caplog.text, WAIT_S)
        assert "memory_limit_mib is 1" in caplog.text
        assert resolver.view.state == HYDRATING


# ---------------------------------------------------------------- the file


async def test_the_file_follows_what_is_served_and_is_whole_after_a_kill(
    place: Place, engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    async with writing(place.writer()), resolving(place.config) as resolver:
        file = CheckpointFile(place.file, KEYRING)

        def kept() -> int:
            found = file.read()
            return found.head.revision if found is not None else 0

        for name in "bcdef":
            await commit(mutations, a_venue(name))
            head = await head_of(engine)
            await eventually(lambda at=head.revision: kept() == at, WAIT_S)
        found = file.read()
        assert found is not None
        assert len(found.since) >= 4, "a whole image was written for each change"
        assert found.snapshot().set_hash == resolver.view.snapshot.set_hash
        assert found.mark is not None
        # As SIGKILL leaves it: the lock is the process's, the file is what was written last.
        assert place.file.stat().st_mode & 0o777 == 0o600


def test_a_file_is_one_resolvers(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "last-good", KEYRING)
    with file.hold(), pytest.raises(StartupError, match="another resolver"):
        file.hold()
    file.hold().close()
