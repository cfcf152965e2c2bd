"""A resolver whose PostgreSQL is not the registry's newest: a replica that lags, or an old primary.

What stands for it is a copy of the database that is left behind, and may be moved on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver import metrics
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.freshness import boot_clock_s
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.replication.positions import position_of
from cqar_shared.sql.postgres import make_engine
from cqar_writer.config import WriterConfig
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay, heartbeat_message, reset_message
from tests.conftest import at_database, execute_alone
from tests.support.commits import commit, drain, eventually, head_of, lose_commits_after
from tests.support.entity_builders import NOW, a_venue
from tests.support.follower_setup import Follow, require_equal, resolving, stands_at, writing
from tests.support.integrity_keys import key_file
from tests.support.memory_folder import server_folder
from tests.support.service_processes import migrate
from tests.support.standby_servers import Server, servers_in
from tests.support.tcp_proxy import Link, link_to

LIVE, LAST_GOOD = pb.SNAPSHOT_STATE_LIVE, pb.SNAPSHOT_STATE_LAST_GOOD
WAIT_S = 60
#: What a resolver reads.
TABLES = ("registry_head", "current", "outbox")
#: What starting takes, and a second's tries, at most.
CONNECTIONS, CONNECTIONS_A_S = 10, 3


@asynccontextmanager
async def left_behind(database: str, engine: AsyncEngine) -> AsyncIterator[str]:
    """A copy of a database as it is now (its DSN); nobody else is connected while it is made."""
    await engine.dispose()
    name = database.rsplit("/", 1)[1]
    copy = f"{name}_copy"
    await execute_alone(database, f"CREATE DATABASE {copy} TEMPLATE {name} STRATEGY file_copy")
    yield at_database(database, copy)
    await execute_alone(database, f"DROP DATABASE {copy} WITH (FORCE)")


async def move_on(copy: str, database: str) -> None:
    """Bring the copy to where the database is, in one commit."""
    source, target = await asyncpg.connect(database), await asyncpg.connect(copy)
    async with target.transaction():
        await target.execute("SET session_replication_role = replica")
        for table in TABLES:
            rows = await source.fetch(f"SELECT * FROM {table}")
            await target.execute(f"DELETE FROM {table}")
            await target.copy_records_to_table(
                table, records=[tuple(row) for row in rows], columns=list(rows[0].keys())
            )
    await source.close()
    await target.close()


@asynccontextmanager
async def at_replica(
    servers: EmbeddedServers, replica: str
) -> AsyncIterator[tuple[ReplicaState, Link, ResolverConfig]]:
    """A resolver whose PostgreSQL that is."""
    async with link_to(replica) as (link, url):
        config = ResolverConfig(database_url=url, nats_url=servers.nats, probe_every_s=0.2)
        async with resolving(config) as resolver:
            await eventually(resolver.view.ready.is_set, WAIT_S)
            yield resolver.view, link, config


async def test_a_replica_confirms_nothing_and_the_stream_has_what_it_lacks(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    mutations: Mutations,
    relay: ChangeRelay,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    async with left_behind(database, engine) as replica:
        for name in "bcd":
            await commit(mutations, a_venue(name))
        await drain(relay)
        async with at_replica(servers, replica) as (view, link, _):
            # No writer is there: nobody knows whether that is the newest.
            assert (view.state, view.freshness.staleness_ms) == (LAST_GOOD, None)
            settings = WriterConfig(database_url=database, nats_url=servers.nats)
            async with writing(settings) as writer:
                await eventually(lambda: view.state == LIVE, WAIT_S)
                assert view.snapshot.position.revision >= 4
                for number in range(100):
                    await commit(writer.mutations, a_venue(f"v{number}"))
                head = position_of(await head_of(engine))
                await eventually(lambda: view.snapshot.position == head, WAIT_S)
                await require_equal(view, database)
                await eventually(lambda: view.state == LIVE, WAIT_S)
            assert link.asked <= CONNECTIONS, "it asked the replica for what the stream has"


async def test_what_the_stream_has_not_it_asks_the_replica_for_ever_less_often(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    async with left_behind(database, engine) as replica:
        await commit(mutations, a_venue("b"))
        await drain(relay)
        await js.purge_stream(CHANGES)
        settings = WriterConfig(database_url=database, nats_url=servers.nats)
        async with at_replica(servers, replica) as (view, link, _), writing(settings) as writer:
            began_s = asyncio.get_running_loop().time()
            for number in range(60):
                await commit(writer.mutations, a_venue(f"v{number}"))
                await asyncio.sleep(0.03)
                assert view.state != LIVE
            took_s = asyncio.get_running_loop().time() - began_s
            assert link.asked <= CONNECTIONS + CONNECTIONS_A_S * took_s
            assert stands_at(view, 1, 1)
            await move_on(replica, database)
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, database)


async def test_a_replica_that_is_behind_what_is_served_ends_nothing(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
) -> None:
    """A message has all loaded again, and the replica has less than is held."""
    await commit(mutations, a_venue("a"))
    await drain(relay)
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    async with left_behind(database, engine) as replica:
        await commit(mutations, a_venue("b"))
        await drain(relay)
        async with at_replica(servers, replica) as (view, *_):
            head = await head_of(engine)
            beat = heartbeat_message(head).SerializeToString()
            await js.publish(CHANGES_SUBJECT, beat)
            await eventually(lambda: stands_at(view, 1, 2), WAIT_S)
            before = metrics.REHYDRATES.labels("epoch")._value.get()
            forged = reset_message(head)
            forged.head.chain = b"f" * 32
            for message in (forged.SerializeToString(), beat):
                await js.publish(CHANGES_SUBJECT, message)
            await eventually(
                lambda: metrics.REHYDRATES.labels("epoch")._value.get() > before, WAIT_S
            )
            async with writing(settings) as writer:
                for name in "cd":
                    await commit(writer.mutations, a_venue(name))
                await eventually(lambda: stands_at(view, 1, 4) and view.state == LIVE, WAIT_S)
                await require_equal(view, database)


async def test_with_a_standby_that_lags_a_second_it_is_as_current_as_it_says(
    servers: EmbeddedServers, client: Client
) -> None:
    """A real one, by streaming: what it lacks at each moment comes by the stream."""
    assert client.is_connected
    with server_folder() as folder:
        async with servers_in(folder / "standbys") as made:
            primary = await made.primary()
            await migrate(primary.dsn, "upgrade")
            standby = await made.standby(primary, "lagging", lag_s=1.0)
            settings = WriterConfig(database_url=primary.dsn, nats_url=servers.nats)
            async with writing(settings) as writer:
                await commit(writer.mutations, a_venue("before"))
                await eventually(lambda: has_a_registry(standby), WAIT_S)
                async with at_replica(servers, standby.dsn) as (view, link, _):
                    began_s = boot_clock_s()
                    for number in range(60):
                        revision = await commit(writer.mutations, a_venue(f"v{number}"))
                        committed_s = boot_clock_s()
                        await asyncio.sleep(0.05)
                        missing_ms = (boot_clock_s() - committed_s) * 1000
                        told_ms = view.freshness.staleness_ms
                        if told_ms is not None and view.snapshot.position.revision < revision:
                            assert told_ms >= missing_ms
                    await eventually(lambda: stands_at(view, 1, 61) and view.state == LIVE, WAIT_S)
                    await require_equal(view, primary.dsn)
                    took_s = boot_clock_s() - began_s
                    assert link.asked <= CONNECTIONS + CONNECTIONS_A_S * took_s


async def has_a_registry(standby: Server) -> bool:
    return bool(await standby.value("SELECT revision FROM registry_head"))


# ---------------------------------------------------------------- another history


async def test_a_history_that_lost_what_is_served_and_passed_it_is_followed_in_a_new_epoch(
    database: str,
    engine: AsyncEngine,
    servers: EmbeddedServers,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    view: ReplicaState,
    follow: Follow,
) -> None:
    """The timeline is the same, and numbers alone say that PostgreSQL leads on."""
    for name in "abcd":
        await commit(mutations, a_venue(name))
    await drain(relay)
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    async with follow(0.1):
        assert stands_at(view, 1, 4)
        await lose_commits_after(engine, 2)
        again = Mutations(engine, lambda: NOW)
        for name in "xyz":
            await commit(again, a_venue(name))
        await js.purge_stream(CHANGES)
        async with writing(settings):
            await eventually(lambda: view.snapshot.position.epoch == 2, WAIT_S)
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, database)
            assert view.snapshot.position.revision > 5
            assert view.snapshot.get("venue", "d") is None


async def test_a_restart_compares_what_it_kept_by_chain(
    database: str,
    engine: AsyncEngine,
    servers: EmbeddedServers,
    client: Client,
    mutations: Mutations,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert client.is_connected
    monkeypatch.setattr(
        "cqar_resolver.replication.protocol.NEAR_REVISIONS", 1
    )  # all would be loaded anew
    urls = {"database_url": database, "nats_url": servers.nats}
    file = str(tmp_path / "last-good")
    config = ResolverConfig(**urls, last_good_file=file, integrity_key_file=key_file())
    for name in "abcd":
        await commit(mutations, a_venue(name))
    async with resolving(config) as resolver:
        await eventually(lambda: stands_at(resolver.view, 1, 4), WAIT_S)
    await lose_commits_after(engine, 2)
    for name in "vwxyz":
        await commit(Mutations(engine, lambda: NOW), a_venue(name))
    async with resolving(config) as resolver:
        view = resolver.view
        await eventually(lambda: view.is_complete, WAIT_S)
        assert (stands_at(view, 1, 4), view.state) == (True, LAST_GOOD)
        async with writing(WriterConfig(**urls)):
            await eventually(lambda: view.snapshot.position.epoch == 2, WAIT_S)
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, database)


# ---------------------------------------------------------------- an old primary


async def promoted(engine: AsyncEngine, mutations: Mutations) -> None:
    """Let the database find itself on another timeline, as one that was promoted does."""
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET timeline_id = 0"))
    await commit(mutations, a_venue("promoted"))


def not_used(source: str) -> float:
    return metrics.EARLIER_TERM.labels(source)._value.get()


async def test_an_old_primarys_heads_and_messages_are_not_used(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    client: Client,
    js: JetStreamContext,
    mutations: Mutations,
    view: ReplicaState,
    follow: Follow,
) -> None:
    await commit(mutations, a_venue("a"))
    async with left_behind(database, engine) as old_database:
        await promoted(engine, mutations)
        old = make_engine(old_database, connections_max=2, application="cqar-test")
        settings = WriterConfig(database_url=database, nats_url=servers.nats)
        try:
            async with writing(settings) as writer, follow(0.1):
                await eventually(lambda: view.state == LIVE, WAIT_S)
                epoch, revision, _ = at = view.snapshot.position
                assert epoch == 2
                # It goes on, and begins epochs of its own.
                old_mutations = Mutations(old, lambda: NOW)
                assert await old_mutations.bump_epoch(1, 5, revision + 5)
                before = not_used("stream")
                # Only the stream's own relay keeps it out of there: here it comes all the same.
                message = reset_message(await head_of(old)).SerializeToString()
                await js.publish(CHANGES_SUBJECT, message)
                await jetstream.serve(client, jetstream.HEAD_SUBJECT, HeadReader(old).answer)
                all_subject = jetstream.HEAD_ALL_SUBJECT
                await jetstream.serve(client, all_subject, HeadReader(old).answer, queue="")
                await eventually(lambda: not_used("stream") > before, WAIT_S)
                # Probes that the old one answers are answered by the other, too.
                confirmed_ns = view.freshness.confirmed_ns or 0
                await eventually(
                    lambda: (view.freshness.confirmed_ns or 0) > confirmed_ns + 2e9, WAIT_S
                )
                assert view.snapshot.position != position_of(await head_of(old))
                assert view.snapshot.position[:2] >= at[:2]
                await commit(writer.mutations, a_venue("b"))

                async def is_there() -> bool:
                    # The writer's relay may still begin an epoch beyond what it saw in the stream.
                    head = position_of(await head_of(engine))
                    return view.state == LIVE and view.snapshot.position == head

                await eventually(is_there, WAIT_S)
                assert view.snapshot.get("venue", "b") is not None
        finally:
            await old.dispose()


async def test_an_old_primary_is_not_loaded_from_once_a_writer_told_of_a_later_database(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    mutations: Mutations,
    relay: ChangeRelay,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    async with left_behind(database, engine) as old_database:
        await promoted(engine, mutations)
        before = not_used("postgres")
        settings = WriterConfig(database_url=database, nats_url=servers.nats)
        async with at_replica(servers, old_database) as (view, *_), writing(settings):
            await eventually(lambda: not_used("postgres") > before + 2, WAIT_S)
            assert view.state != LIVE
            assert stands_at(view, 1, 1)
            # Its settings lead to the new one at last.
            await move_on(old_database, database)
            await eventually(lambda: view.state == LIVE, WAIT_S)
            await require_equal(view, database)
