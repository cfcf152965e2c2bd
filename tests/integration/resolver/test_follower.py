"""A resolver's follower against a real PostgreSQL, a real JetStream and a real writer's relay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.background.state_reporter import StateReporter, measure
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.messaging import jetstream, streams
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT, EVENTS
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.runtime.tasks import supervise
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay, commit_message, reset_message
from cqar_writer.relays.publisher import CommitSignal, Publisher
from cqar_writer.store import head_rows, outbox
from tests.support.commits import (
    commit,
    drain,
    eventually,
    head_of,
    lose_commits_after,
    running,
)
from tests.support.entity_builders import NOW, a_chain, a_venue, an_asset
from tests.support.follower_setup import NEVER_S, Follow, require_equal, stands_at

LIVE, STALE = pb.SNAPSHOT_STATE_LIVE, pb.SNAPSHOT_STATE_STALE


@pytest.fixture
def publish(
    database: str, engine: AsyncEngine, servers: EmbeddedServers, client: Client
) -> Callable[[CommitSignal], AbstractAsyncContextManager[asyncio.Future[None]]]:
    """A writer's publisher, for as long as the block lasts."""
    assert client.is_connected

    def publishing(wake: CommitSignal) -> AbstractAsyncContextManager[asyncio.Future[None]]:
        publisher = Publisher(
            engine,
            Mutations(engine, lambda: NOW, wake.committed),
            wake,
            HeadReader(engine),
            database_url=database,
            nats_url=servers.nats,
            poll_s=0.05,
        )
        return running(supervise("publisher", publisher.run))

    return publishing


Publish = Callable[[CommitSignal], AbstractAsyncContextManager[asyncio.Future[None]]]


# ---------------------------------------------------------------- loading


async def test_what_is_loaded_while_writers_run_is_of_one_revision(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("first"))
    done = asyncio.Event()

    async def write() -> None:
        for number in range(40):
            await commit(mutations, a_venue(f"v{number}"), a_chain(chain_id=f"c{number}"))
        done.set()

    async def load() -> list[Snapshot]:
        loaded = []
        while not done.is_set():
            # Count and hash are checked as it is made; here, that chain and rows belong together.
            loaded.append(await RegistryDatabase(database).hydrate())
        return loaded

    _, loaded = await asyncio.gather(write(), load())
    assert len(loaded) > 1
    async with engine.connect() as tx:
        rows = {row.revision: row for row in await outbox.rows_after(tx, 0, 100)}
    for snapshot in loaded:
        row = rows[snapshot.position.revision]
        assert snapshot.position == LogPosition(row.epoch, row.revision, row.chain)
        assert snapshot.set_hash == row.set_hash
        assert snapshot.count == 1 + 2 * (row.revision - 1)


async def test_the_outbox_is_read_in_one_view_with_its_head(
    database: str, mutations: Mutations
) -> None:
    for name in "abc":
        await commit(mutations, a_venue(name))
    look, rows = await RegistryDatabase(database).rows_after(1)
    head = look.head
    assert [row.head.revision for row in rows] == [2, 3]
    assert rows[0].commit.prev_chain != rows[1].commit.prev_chain == rows[0].head.chain
    assert (rows[1].head.chain, rows[1].head.set_hash) == (head.chain, head.set_hash)
    assert look.row == LogPosition(1, 1, rows[0].commit.prev_chain)


# ---------------------------------------------------------------- following


async def test_a_commit_becomes_visible_and_so_does_a_removal(
    database: str, view: ReplicaState, engine: AsyncEngine, follow: Follow, publish: Publish
) -> None:
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    await commit(mutations, a_venue("before"))
    async with publish(wake), follow(0.1):
        assert view.snapshot.get("venue", "before") is not None
        await commit(mutations, a_venue("after"), an_asset())
        await eventually(lambda: stands_at(view, 1, 2))
        assert view.snapshot.get("venue", "after") is not None
        await eventually(lambda: view.freshness.state == LIVE)
        for number in range(20):
            await commit(mutations, a_venue("after", name=f"Name {number}"))
        await eventually(lambda: stands_at(view, 1, 22))
        await require_equal(view, database)
        assert view.lag == 0


async def test_a_gap_in_the_stream_is_caught_up_from_the_outbox(
    database: str,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    follow: Follow,
) -> None:
    await drain(relay)
    async with follow(NEVER_S):
        for name in "abcde":
            await commit(mutations, a_venue(name))
        async with engine.connect() as tx:
            head, rows = await head_rows.read_head(tx), await outbox.rows_after(tx, 0, 10)
        # 1 and 2 never come; 4 comes twice, and 3 after it.
        for row in (rows[2], rows[3], rows[3], rows[2], rows[4]):
            await js.publish(
                CHANGES_SUBJECT, commit_message(head.registry_id, row).SerializeToString()
            )
        await eventually(lambda: stands_at(view, 1, 5))
        await require_equal(view, database)


async def test_a_reset_of_the_same_history_is_caught_up_without_loading_all_again(
    database: str,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    follow: Follow,
) -> None:
    await drain(relay)
    async with follow(NEVER_S):
        loaded = view.snapshot
        await commit(mutations, a_venue("a"))
        message = reset_message(await head_of(engine))
        await js.publish(CHANGES_SUBJECT, message.SerializeToString())
        await eventually(lambda: stands_at(view, 1, 1))
        assert view.snapshot is loaded
        await require_equal(view, database)


async def test_a_new_epoch_brings_a_new_snapshot(
    database: str, view: ReplicaState, engine: AsyncEngine, follow: Follow, publish: Publish
) -> None:
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    await commit(mutations, a_venue("a"))
    async with publish(wake), follow(0.1):
        loaded = view.snapshot
        assert await mutations.bump_epoch(1, 1, 1)
        await eventually(lambda: stands_at(view, 2, 2))
        assert view.snapshot is not loaded
        await commit(mutations, a_venue("b"))
        await eventually(lambda: stands_at(view, 2, 3))
        await require_equal(view, database)


async def test_lost_commits_that_were_served_are_never_unserved_by_number(
    database: str, view: ReplicaState, engine: AsyncEngine, follow: Follow, publish: Publish
) -> None:
    """The database goes back below what is served: a new epoch, and a revision beyond it."""
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    for name in "abc":
        await commit(mutations, a_venue(name))
    async with follow(0.1):
        async with publish(wake):
            await eventually(lambda: view.freshness.state == LIVE)
            await commit(mutations, a_venue("d"))
            await eventually(lambda: stands_at(view, 1, 4))
        await lose_commits_after(engine, 2)
        async with publish(wake):
            await eventually(lambda: stands_at(view, 2, 5))
            await require_equal(view, database)
            assert view.snapshot.get("venue", "d") is None


async def test_an_epoch_that_database_and_streams_have_lost_is_followed_by_another(
    database: str,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    follow: Follow,
    publish: Publish,
) -> None:
    """Only the resolver still knows of it; its probe sees a head of an older epoch."""
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    await commit(mutations, a_venue("a"))
    async with follow(0.1):
        async with publish(wake):
            assert await mutations.bump_epoch(1, 1, 1)
            await eventually(lambda: stands_at(view, 2, 2))
        await lose_commits_after(engine, 1)
        for stream in (CHANGES, EVENTS):
            await js.purge_stream(stream)
        async with publish(wake):
            await eventually(lambda: stands_at(view, 3, 3), seconds=8)
            await require_equal(view, database)


async def test_a_stream_made_anew_is_followed(
    database: str,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    follow: Follow,
    publish: Publish,
) -> None:
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    for name in "abc":
        await commit(mutations, a_venue(name))
    async with publish(wake), follow(0.1):
        await js.delete_stream(CHANGES)
        await streams.ensure_stream(js, streams.changes_config())
        await commit(mutations, a_venue("d"))
        await eventually(lambda: stands_at(view, 1, 4))
        await commit(mutations, a_venue("e"))
        await eventually(lambda: stands_at(view, 1, 5))
        await require_equal(view, database)


async def test_the_metric_of_staleness_grows_while_nothing_confirms_it(
    follow: Follow, heads: None, view: ReplicaState
) -> None:
    def metric_ms() -> float:
        return REGISTRY.get_sample_value("cqar_resolver_staleness_ms") or 0.0

    async with follow(NEVER_S):
        # What the metric was before is another test's.
        await eventually(lambda: view.freshness.staleness_ms is not None)
        measure(view)
        before_ms = metric_ms()
        async with running(StateReporter(view).run()):
            await eventually(lambda: metric_ms() > before_ms)


async def test_who_answers_probes_with_no_head_is_not_believed_and_stops_nobody(
    database: str,
    view: ReplicaState,
    client: Client,
    follow: Follow,
    publish: Publish,
    engine: AsyncEngine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"\xffno head")

    caplog.set_level(logging.INFO, "cqar_resolver.replication.head_probe")
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    intruder = await client.subscribe(jetstream.HEAD_SUBJECT, cb=answer)
    await client.flush()
    async with follow(0.05):
        await eventually(lambda: "the answer on cqar.head is not a head" in caplog.text)
        await intruder.unsubscribe()
        async with publish(wake):
            await commit(mutations, a_venue("a"))
            await eventually(lambda: "a writer answers probes again" in caplog.text)
            await eventually(lambda: stands_at(view, 1, 1))
            await require_equal(view, database)


async def test_a_writer_that_publishes_logs_where_the_chain_is(
    engine: AsyncEngine, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cqar_writer.relays.change_relay")
    await commit(Mutations(engine, lambda: NOW), a_venue("a"))
    noted = position_of(await head_of(engine))
    said = f"the chain is at {noted}:{noted.chain.hex()}"
    async with publish(CommitSignal()):
        await eventually(lambda: said in caplog.text)
