"""What cannot be applied is never applied: the last good state is served, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.replication.follower import Follower
from cqar_resolver.replication.ports import connected_ports
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging.jetstream import API_PREFIX, CHANGES_SUBJECT
from cqar_shared.replication import hash_chain, positions
from cqar_writer.mutations import Mutations
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.relays.change_relay import ChangeRelay, commit_message
from cqar_writer.store import head_rows, outbox
from tests.support.commits import commit, drain, eventually, running
from tests.support.entity_builders import NOW, a_venue
from tests.support.follower_setup import NEVER_S, Follow, require_equal, stands_at

LIVE, STALE = pb.SNAPSHOT_STATE_LIVE, pb.SNAPSHOT_STATE_STALE


def bad_bytes(_: HeadRow, __: OutboxRow) -> bytes:
    return b"\xff\xff no message at all"


def wrong_chain(head: HeadRow, row: OutboxRow) -> bytes:
    return commit_message(head.registry_id, row._replace(chain=b"x" * 32)).SerializeToString()


def altered(row: OutboxRow, payload: bytes) -> OutboxRow:
    row = row._replace(payload=payload)
    return row._replace(chain=hash_chain.chain_of(row.prev_chain, row.link))


def not_compressed(head: HeadRow, row: OutboxRow) -> bytes:
    return commit_message(head.registry_id, altered(row, b"junk")).SerializeToString()


def no_change_set(head: HeadRow, row: OutboxRow) -> bytes:
    row = altered(row, positions.pack(b"\xff\xff\xff"))
    return commit_message(head.registry_id, row).SerializeToString()


def other_changes(head: HeadRow, row: OutboxRow) -> bytes:
    empty = replication_pb2.ChangeSet(epoch=row.epoch, revision=row.revision)
    row = altered(row, positions.pack(empty.SerializeToString()))
    return commit_message(head.registry_id, row).SerializeToString()


def of_a_former_release(head: HeadRow, row: OutboxRow) -> bytes:
    """As the relay of a writer that was rolled back tells a row of the chain's version 2."""
    message = commit_message(head.registry_id, row)
    message.commit.ClearField("chain_version")
    message.commit.ClearField("events_hash")
    return message.SerializeToString()


POISONS = (
    of_a_former_release,
    bad_bytes,
    wrong_chain,
    not_compressed,
    no_change_set,
    other_changes,
)


@pytest.mark.parametrize("poison", POISONS)
async def test_poison_is_never_applied_and_the_last_good_state_says_stale(
    poison: Callable[[HeadRow, OutboxRow], bytes],
    database: str,
    client: Client,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    heads: None,
) -> None:
    await commit(mutations, a_venue("good"))
    await drain(relay)
    ports = connected_ports(RegistryDatabase(database), client, API_PREFIX)
    follower = Follower(view, ports, lambda: NOW, NEVER_S)
    async with running(follower.run()) as run:
        await eventually(lambda: view.freshness.state == LIVE)
        served = view.snapshot
        before = (served.position, served.counts, served.set_hash)
        await commit(mutations, a_venue("next"))
        async with engine.connect() as tx:
            head, rows = await head_rows.read_head(tx), await outbox.rows_after(tx, 1, 1)
        await js.publish(CHANGES_SUBJECT, poison(head, rows[0]))
        # It ends by itself, to be begun again by whoever supervises it.
        await asyncio.wait_for(asyncio.shield(run), 10)
        assert view.snapshot is served
        assert (served.position, served.counts, served.set_hash) == before
        assert view.freshness.state == STALE


@pytest.mark.parametrize("poison", [wrong_chain, of_a_former_release])
async def test_after_poison_all_is_loaded_again_from_postgresql(
    poison: Callable[[HeadRow, OutboxRow], bytes],
    database: str,
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    heads: None,
    follow: Follow,
) -> None:
    await drain(relay)
    async with follow(NEVER_S):
        await commit(mutations, a_venue("a"))
        async with engine.connect() as tx:
            head, rows = await head_rows.read_head(tx), await outbox.rows_after(tx, 0, 1)
        await js.publish(CHANGES_SUBJECT, poison(head, rows[0]))
        await eventually(partial(stands_at, view, 1, 1))
        await eventually(lambda: view.freshness.state == LIVE)
        await require_equal(view, database)


async def test_the_stream_of_another_registry_is_never_applied(
    view: ReplicaState,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    relay: ChangeRelay,
    follow: Follow,
) -> None:
    await drain(relay)
    async with follow(NEVER_S):
        before = view.snapshot.position
        await commit(mutations, a_venue("a"))
        async with engine.connect() as tx:
            rows = await outbox.rows_after(tx, 0, 1)
        message = commit_message(b"another registry", rows[0]).SerializeToString()
        await js.publish(CHANGES_SUBJECT, message)
        await asyncio.sleep(0.5)
        assert view.snapshot.position == before
