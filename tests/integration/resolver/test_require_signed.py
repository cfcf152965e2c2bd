"""A resolver that asks for signatures takes nothing else, from stream, Redis, file or tables."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis.asyncio
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_pb2
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

import cqar
from cqar.embedded.servers import EmbeddedServers
from cqar_resolver import metrics
from cqar_resolver.app import Resolver
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.freshness import state_name
from cqar_resolver.snapshot.builder import SnapshotBuilder
from cqar_resolver.snapshot.columns import Columns
from cqar_shared.errors import InvalidConfiguration, ServiceNotReady
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.redis_store.image_store import MANIFEST_KEY, ImageStore
from cqar_shared.replication import hash_chain, image, positions
from cqar_writer.app import utc_now
from cqar_writer.config import WriterConfig
from cqar_writer.database.head_signer import Signer
from cqar_writer.mutations import Mutations
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.relays.change_relay import ChangeRelay, commit_message
from cqar_writer.relays.image_publisher import ImagePublisher
from cqar_writer.signing_keys import SigningKeys
from cqar_writer.store import outbox
from tests.support import integrity_keys
from tests.support.commits import commit, drain, eventually, head_of
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import require_equal, resolving, stands_at, writing
from tests.support.integrity_keys import IMAGES, KEYRING
from tests.support.signing_setup import a_signer, key_file, signing, trusted_file
from tests.support.tcp_proxy import Link, link_to

WAIT_S = 30


@dataclass
class Place:
    """A registry that one key signs, and a resolver that trusts that key alone.

    Attributes:
        signs: Commits, signed.
        unsigned: Commits of a writer that has no key.
    """

    config: ResolverConfig
    database: Link
    own_database: str
    redis: str
    nats: str
    signer: Signer
    signs: Mutations
    keys: SigningKeys
    unsigned: Mutations
    engine: AsyncEngine
    js: JetStreamContext
    relay: ChangeRelay
    folder: Path

    @property
    def file(self) -> Path:
        return Path(self.config.last_good_file)

    async def row(self, revision: int) -> tuple[bytes, OutboxRow]:
        async with self.engine.connect() as tx:
            (row,) = await outbox.rows_after(tx, revision - 1, 1)
        return (await head_of(self.engine)).registry_id, row

    async def publish(self, message: replication_pb2.StreamMessage) -> None:
        """As whoever may publish in the stream."""
        await self.js.publish(CHANGES_SUBJECT, message.SerializeToString())


@pytest.fixture
async def place(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    tmp_path: Path,
) -> AsyncIterator[Place]:
    signer = a_signer()
    signs, keys = signing(engine, signer)
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()
    async with link_to(database) as (to_database, url):
        config = ResolverConfig(
            database_url=url,
            nats_url=servers.nats,
            redis_url=servers.redis,
            integrity_key_file=integrity_keys.key_file(),
            last_good_file=str(tmp_path / "last-good"),
            last_good_every_s=0.2,
            probe_every_s=0.2,
            stale_after_s=2.0,
            require_signed=True,
            trusted_keys_file=str(trusted_file(tmp_path / "trusted", signer)),
        )
        yield Place(
            *(config, to_database, database, servers.redis, servers.nats, signer, signs, keys),
            *(mutations, engine, js, ChangeRelay(engine, js, signs.bump_epoch), tmp_path),
        )


def refused(source: str) -> float:
    return metrics.UNSIGNED_REFUSED.labels(source)._value.get()  # type: ignore[no-any-return]


def forged_venue(row: OutboxRow, before: Any) -> OutboxRow:
    """A revision with another venue in it, whose chain, count and set hash all fit."""
    change_set = replication_pb2.ChangeSet(epoch=row.epoch, revision=row.revision)
    venue = venue_pb2.Venue(venue_id="forged", name="Forged").SerializeToString()
    change_set.changes.add(kind="venue", key="forged", entity=venue)
    total = positions.set_hash_from(before.set_hash) + positions.hash_of("venue", "forged", venue)
    row = row._replace(
        payload=positions.pack(change_set.SerializeToString()),
        live_count=before.live_count + 1,
        set_hash=positions.set_hash_bytes(total),
    )
    return row._replace(chain=hash_chain.chain_of(row.prev_chain, row.link))


# ---------------------------------------------------------------- PostgreSQL


async def test_a_signed_registry_is_loaded_followed_and_live(place: Place) -> None:
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    async with resolving(place.config) as resolver, writing(writer_of(place, place.signer)):
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 2), WAIT_S)
        await commit(place.signs, a_venue("b"))
        await eventually(lambda: stands_at(view, 1, 3), WAIT_S)
        await eventually(lambda: state_name(view.state) == "LIVE", WAIT_S)
        await require_equal(view, place.own_database)


def writer_of(place: Place, signer: Signer | None) -> WriterConfig:
    path = "" if signer is None else str(key_file(place.folder / "key.pem", signer._key))
    urls = {"database_url": place.own_database, "nats_url": place.nats}
    return WriterConfig(**urls, signing_key_file=path)


async def test_an_unsigned_registry_is_never_ready_and_says_why(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await commit(place.unsigned, a_venue("a"))
    before = refused("postgres")
    async with resolving(place.config) as resolver:
        await eventually(lambda: refused("postgres") >= before + 2, WAIT_S)
        assert not resolver.view.is_complete
        why = "the first snapshot is loading: refused, since the head at 1:1 is not signed"
        assert resolver.view.reason == why
        report = await resolver.report()
        assert (report.ready, report.components["snapshot"]) == (False, why)
        # PostgreSQL and Redis do not stand in for what is not signed.
        with pytest.raises(ServiceNotReady, match="the head at 1:1 is not signed"):
            await resolver.find_key("0" * 64)
        assert caplog.text.count("postgres: the head at 1:1 is not signed") == 1
        # Once somebody signs it, it is taken.
        assert await place.keys.step()
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        assert resolver.view.hydrated_from == "postgres"


async def test_tables_that_were_rewritten_with_all_hashes_are_not_served(place: Place) -> None:
    """Whoever owns PostgreSQL computes every hash anew, and lacks the key."""
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    _, row = await place.row(2)
    forged = forged_venue(row, (await place.row(1))[1])
    async with place.engine.begin() as tx:
        await tx.execute(
            sa.text("UPDATE current SET key = 'forged', payload = :payload WHERE key = 'a'"),
            {"payload": venue_pb2.Venue(venue_id="forged", name="Forged").SerializeToString()},
        )
        given = {"chain": forged.chain, "set_hash": forged.set_hash}
        await tx.execute(
            sa.text("UPDATE registry_head SET chain = :chain, set_hash = :set_hash"), given
        )
    before = refused("postgres")
    async with resolving(place.config) as resolver:
        why = "signature of the head at 1:2 is not key"
        await eventually(lambda: why in resolver.view.reason, WAIT_S)
        assert not resolver.view.is_complete
    assert refused("postgres") > before
    # The same tables are served by who asks for no signature.
    open_config = msgspec.structs.replace(
        place.config, require_signed=False, trusted_keys_file="", last_good_file=""
    )
    async with resolving(open_config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        assert resolver.view.snapshot.get("venue", "forged")


# ---------------------------------------------------------------- the stream and the outbox


async def test_a_forged_commit_in_the_stream_is_never_applied(place: Place) -> None:
    """Its chain follows, its count and its hash fit: but nobody who is trusted signed it."""
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    await drain(place.relay)
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 2), WAIT_S)
        registry_id, last = await place.row(2)
        stranger, other = a_signer(), place.signer.signature_of(registry_id, last)
        row = forged_venue(
            last._replace(revision=3, prev_chain=last.chain, signature=None, signing_key_id=None),
            last,
        )
        by_stranger = stranger.signature_of(registry_id, row)
        forgeries = (
            row,
            row._replace(signature=by_stranger, signing_key_id=stranger.key_id),
            row._replace(signature=by_stranger, signing_key_id=place.signer.key_id),
            row._replace(signature=other, signing_key_id=place.signer.key_id),
        )
        for number, forged in enumerate(forgeries, 1):
            before = refused("stream")
            await place.publish(commit_message(registry_id, forged))
            await eventually(lambda before=before: refused("stream") > before, WAIT_S)
            assert stands_at(view, 1, 2), number
        assert view.snapshot.get("venue", "forged") is None
        # What belongs there comes from the outbox, and is taken.
        await commit(place.signs, a_venue("b"))

        async def is_told() -> bool:
            await place.publish(commit_message(registry_id, row))
            return stands_at(view, 1, 3)

        await eventually(is_told, WAIT_S)
        await require_equal(view, place.own_database)


async def test_the_same_forged_commit_is_applied_where_no_signature_is_asked_for(
    place: Place,
) -> None:
    """That is what the setting is for."""
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    await drain(place.relay)
    config = msgspec.structs.replace(
        place.config, require_signed=False, trusted_keys_file="", probe_every_s=1.0
    )
    async with resolving(config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        registry_id, last = await place.row(2)
        row = forged_venue(last._replace(revision=3, prev_chain=last.chain), last)
        await place.publish(commit_message(registry_id, row))
        await eventually(lambda: "forged" in resolver.view.snapshot.keys("venue"), WAIT_S)


async def test_what_a_writer_without_a_key_commits_is_not_taken_until_the_head_is_signed(
    place: Place,
) -> None:
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    async with resolving(place.config) as resolver:
        view = resolver.view
        async with writing(writer_of(place, None)):
            await eventually(lambda: state_name(view.state) == "LIVE", WAIT_S)
            before = refused("outbox"), refused("postgres")
            await commit(place.unsigned, a_venue("b"))
            await eventually(lambda: refused("postgres") > before[1], WAIT_S)
            assert refused("outbox") > before[0]
            assert stands_at(view, 1, 2)
            # The writer's heads, which nobody signed, confirm nothing.
            await eventually(lambda: state_name(view.state) == "STALE", WAIT_S)
            assert view.snapshot.get("venue", "a")
        async with writing(writer_of(place, place.signer)):
            await eventually(lambda: stands_at(view, 1, 3), WAIT_S)
            await eventually(lambda: state_name(view.state) == "LIVE", WAIT_S)
            await require_equal(view, place.own_database)


async def test_a_head_that_nobody_signed_confirms_nothing_and_costs_nothing(
    place: Place, client: Client
) -> None:
    """Whoever answers probes in a writer's stead makes nothing current, and nobody start over."""
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    head = (await place.row(2))[1]
    registry_id = (await head_of(place.engine)).registry_id

    async def answer(request: Any) -> None:
        row = head._replace(revision=2**40, chain=b"f" * 32)
        await request.respond(commit_message(registry_id, row).head.SerializeToString())

    subscription = await client.subscribe(jetstream.HEAD_SUBJECT, cb=answer)
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 2), WAIT_S)
        before = refused("probe")
        await eventually(lambda: refused("probe") >= before + 2, WAIT_S)
        # Nor did PostgreSQL: no head of a writer's was taken yet.
        assert (state_name(view.state), view.freshness.staleness_ms) == ("LAST_GOOD", None)
        assert (view.lag, stands_at(view, 1, 2)) == (0, True)
    await subscription.unsubscribe()


# ---------------------------------------------------------------- Redis


@pytest.fixture
async def publish_image(place: Place, client: Client) -> AsyncIterator[Callable[[], Any]]:
    """Puts an image of the database's head into Redis."""
    store = ImageStore(place.redis, KEYRING)

    async def publish() -> None:
        await drain(place.relay)
        async with redis.asyncio.Redis.from_url(place.redis) as raw:
            await raw.delete(MANIFEST_KEY)
        images = ImagePublisher(
            place.engine, store, lambda: jetstream.note(client, CHANGES), utc_now
        )
        assert await images.step()

    yield publish
    await store.close()


async def forge_image(place: Place, *, and_head: bool) -> None:
    """Put another venue into the image, with the hashes of its chunk, and maybe of its head."""
    async with redis.asyncio.Redis.from_url(place.redis) as raw:
        manifest = image.manifest_of(await raw.get(MANIFEST_KEY), IMAGES)
        key = f"{MANIFEST_KEY}:{manifest.publication}:0"
        entities = list(image.entities_of(manifest, [await raw.get(key)]))
        venue = venue_pb2.Venue(venue_id="a", name="Forged").SerializeToString()
        entities = [(k, n, venue if k == "venue" else p) for k, n, p in entities]
        (chunk,) = image.chunks_of(entities)
        manifest.chunk_hashes[0] = image.hash_of_chunk(chunk)
        if and_head:
            total = sum(positions.hash_of(*entity) for entity in entities)
            manifest.head.set_hash = positions.set_hash_bytes(total)
        await raw.set(key, chunk)
        await raw.set(MANIFEST_KEY, image.sealed(manifest, IMAGES))


async def test_an_image_is_taken_if_it_is_signed_and_not_if_it_is_forged(
    place: Place, publish_image: Callable[[], Any]
) -> None:
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    await publish_image()
    config = msgspec.structs.replace(place.config, last_good_file="")
    place.database.go_down()
    async with resolving(config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        assert resolver.view.hydrated_from == "redis"
    for and_head in (False, True):
        await forge_image(place, and_head=and_head)
        before = refused("redis")
        async with resolving(config) as resolver:
            await eventually(lambda: place.database.asked > 3, WAIT_S)
            await asyncio.sleep(1)
            assert not resolver.view.is_complete
        # Where the head is as it was, the content does not have its hash.
        assert (refused("redis") > before) is and_head
    place.database.come_back()


# ---------------------------------------------------------------- the file


async def keep_file(place: Place) -> None:
    async with resolving(place.config) as resolver:
        await eventually(lambda: resolver.view.is_complete, WAIT_S)


def forge_file(place: Place, how: str) -> None:
    """Another venue in the file: under the old head, or one with its hash; or no signature."""
    file = CheckpointFile(place.file, KEYRING)
    found = file.read()
    assert found is not None
    entities, head = list(found.snapshot().iter_entities()), found.head
    venue = venue_pb2.Venue(venue_id="a", name="Forged").SerializeToString()
    forged = [(k, n, venue if k == "venue" else p) for k, n, p in entities]
    if how == "head":
        total = sum(positions.hash_of(*entity) for entity in forged)
        head.set_hash = positions.set_hash_bytes(total)
    elif how == "unsigned":
        head.ClearField("signature")
    file.begin(head, forged if how != "unsigned" else entities, found.mark)


@pytest.mark.parametrize("how", ["content", "head", "unsigned"])
async def test_a_forged_file_is_never_served(how: str, place: Place) -> None:
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    await keep_file(place)
    place.database.go_down()
    config = msgspec.structs.replace(place.config, redis_url="")
    async with resolving(config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        assert resolver.view.hydrated_from == "file"
    forge_file(place, how)
    before, asked = refused("file"), place.database.asked
    async with resolving(config) as resolver:
        await eventually(lambda: place.database.asked > asked + 2, WAIT_S)
        assert not resolver.view.is_complete
        place.database.come_back()
        await eventually(lambda: stands_at(resolver.view, 1, 2), WAIT_S)
        assert resolver.view.hydrated_from == "postgres"
        assert resolver.view.snapshot.get("venue", "a") != b"forged"
        await require_equal(resolver.view, place.own_database)
    assert (refused("file") > before) is (how != "content")


async def test_indexes_of_a_file_are_made_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set hash covers entities. What a file says that they are found under, nothing covers."""
    await place.keys.step()
    await commit(place.signs, a_venue("a"))
    await keep_file(place)
    take = SnapshotBuilder.add_columns

    def take_with_a_wrong_index(self: SnapshotBuilder, columns: Columns) -> None:
        take(self, columns)
        self.index["venue_symbol.spelling"] = {"binance\0BTCUSDT": "another"}

    monkeypatch.setattr(SnapshotBuilder, "add_columns", take_with_a_wrong_index)
    asks_nothing = msgspec.structs.replace(place.config, require_signed=False, trusted_keys_file="")
    for config, found in ((place.config, ()), (asks_nothing, ("another",))):
        async with resolving(config) as resolver:
            await eventually(lambda view=resolver.view: stands_at(view, 1, 2), WAIT_S)
            assert resolver.view.hydrated_from == "file"
            snapshot = resolver.view.snapshot
            assert snapshot.keys_at("venue_symbol.spelling", "binance\0BTCUSDT") == found


# ---------------------------------------------------------------- rotation


async def test_a_resolver_goes_on_with_the_next_key_and_refuses_the_retired_one(
    place: Place,
) -> None:
    await place.keys.step()
    second = a_signer()
    new, new_keys = signing(place.engine, second)
    async with resolving(place.config) as resolver:
        view = resolver.view
        await eventually(lambda: stands_at(view, 1, 1), WAIT_S)
        await place.keys.endorse(second.public_key)
        await commit(new, a_venue("a"))
        await drain(place.relay)
        await eventually(lambda: stands_at(view, 1, 3), WAIT_S)
        await new_keys.retire(place.signer.key_id)
        await commit(new, a_venue("b"))
        await drain(place.relay)
        await eventually(lambda: stands_at(view, 1, 5), WAIT_S)
        # The retired key was stolen: what it signs from now on counts nowhere.
        registry_id, last = await place.row(5)
        row = forged_venue(last._replace(revision=6, prev_chain=last.chain), last)
        signature = place.signer.signature_of(registry_id, row)
        row = row._replace(signature=signature, signing_key_id=place.signer.key_id)
        before = refused("stream")
        await place.publish(commit_message(registry_id, row))
        await eventually(lambda: refused("stream") > before, WAIT_S)
        assert stands_at(view, 1, 5)
    # The first key leads to the second for who begins now, too, from PostgreSQL and from the file.
    for config in (place.config, msgspec.structs.replace(place.config, last_good_file="")):
        async with resolving(config) as resolver:
            await eventually(lambda: resolver.view.is_complete, WAIT_S)
            assert stands_at(resolver.view, 1, 5)


# ---------------------------------------------------------------- settings and the SDK


async def test_a_replica_in_a_program_may_ask_for_signatures(place: Place) -> None:
    here = (place.own_database, place.nats)
    trusted = place.config.trusted_keys_file
    await commit(place.unsigned, a_venue("a"))
    async with cqar.Replica(*here, require_signed=True, trusted_keys_file=trusted) as replica:
        await eventually(lambda: bool(replica.view._refusal), WAIT_S)
        with pytest.raises(cqar.NotReady, match="refused, since the head at 1:1 is not signed"):
            await replica.resolve("binance", "BTCUSDT")
        await place.keys.step()
        await eventually(lambda: stands_at(replica.view, 1, 2), WAIT_S)
        with pytest.raises(cqar.NotFound):
            await replica.resolve("binance", "BTCUSDT")


def test_settings_that_ask_for_signatures_and_name_no_keys_are_refused(tmp_path: Path) -> None:
    here = ("postgresql://h/db", "nats://h")
    with pytest.raises(ValueError, match="require_signed needs trusted_keys_file"):
        cqar.Replica(*here, require_signed=True)
    missing = str(tmp_path / "none")
    with pytest.raises(ValueError, match="trusted_keys_file: .*No such file"):
        cqar.Replica(*here, require_signed=True, trusted_keys_file=missing)
    config = ResolverConfig(
        database_url=here[0], nats_url=here[1], require_signed=True, trusted_keys_file=missing
    )
    with pytest.raises(InvalidConfiguration, match="configuration: trusted_keys_file"):
        Resolver(config)


def test_a_resolver_that_asks_for_no_signatures_does_not_load_what_checks_them() -> None:
    script = (
        "import sys\n"
        "from cqar_resolver.app import Resolver\n"
        "from cqar_resolver.config import ResolverConfig\n"
        "Resolver(ResolverConfig(database_url='postgresql://h/d', nats_url='nats://h'))\n"
        "print('cryptography.hazmat.primitives.asymmetric.ed25519' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout == "False\n"
