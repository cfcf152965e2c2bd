"""Both relays against a real PostgreSQL and a real JetStream."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.messaging import streams
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.replication import hash_chain, positions
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.foreign_messages import ForeignStream
from tests.support.commits import (
    commit,
    drain,
    eventually,
    head_of,
    lose_commits_after,
    raw_messages,
    running,
)
from tests.support.entity_builders import NOW, a_venue

Published = tuple[RawStreamMsg, replication_pb2.StreamMessage]


async def published(js: JetStreamContext) -> list[tuple[str, int, int]]:
    """(body, epoch, revision) of all in CQAR_CHANGES, heartbeats left out."""
    parsed = [parse(raw) for raw in await raw_messages(js, CHANGES)]
    found = ((str(m.WhichOneof("body")), m.head.epoch, m.head.revision) for m in parsed)
    return [message for message in found if message[0] != "heartbeat"]


def parse(raw: RawStreamMsg) -> replication_pb2.StreamMessage:
    return replication_pb2.StreamMessage.FromString(raw.data or b"")


async def test_change_sets_go_out_in_order_each_on_the_one_before(
    relay: ChangeRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    for name in "abcde":
        await commit(mutations, a_venue(name))
    await drain(relay)
    expected = [("reset", 1, 0), *(("commit", 1, revision) for revision in range(1, 6))]
    assert await published(js) == expected

    chain = b""
    for raw in await raw_messages(js, CHANGES):
        message = parse(raw)
        if message.WhichOneof("body") == "commit":
            assert message.commit.prev_chain == chain
            payload = message.commit.change_set
            chain = hash_chain.chain_of(chain, hash_chain.link_of(message.head, message.commit))
            change_set = replication_pb2.ChangeSet.FromString(positions.unpack(payload))
            assert change_set.revision == message.head.revision
        chain = chain or message.head.chain
        assert message.head.chain == chain


async def test_more_rows_than_a_batch_all_go_out(
    relay: ChangeRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    for number in range(70):
        await commit(mutations, a_venue(f"v{number}"))
    await drain(relay)
    assert [revision for _, _, revision in await published(js)] == list(range(71))


async def test_two_relays_at_once_neither_repeat_nor_reorder(
    engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    relays = [ChangeRelay(engine, js, mutations.bump_epoch) for _ in range(2)]
    await drain(relays[0])
    done = asyncio.Event()

    async def write() -> None:
        for number in range(30):
            await commit(mutations, a_venue(f"v{number}"))
        done.set()

    async def publish(relay: ChangeRelay) -> None:
        while not done.is_set():
            await drain(relay)
            await asyncio.sleep(0)
        await drain(relay)

    await asyncio.gather(write(), *(publish(relay) for relay in relays))
    found = await published(js)
    assert found == [("reset", 1, 0), *(("commit", 1, r) for r in range(1, 31))]


async def test_a_relay_that_does_not_lead_takes_over_a_stream_left_behind(
    relay: ChangeRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    await commit(mutations, a_venue())
    assert await relay.step(leads=False) is False
    assert await published(js) == [("reset", 1, 0)]

    async def is_out() -> bool:
        await relay.step(leads=False)
        return len(await published(js)) == 2

    await eventually(is_out)


async def test_a_purged_stream_is_reset_to_the_head(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await commit(mutations, a_venue("b"))
    await js.purge_stream(CHANGES)
    await drain(ChangeRelay(engine, js, mutations.bump_epoch))
    assert await published(js) == [("reset", 1, 2)]
    await commit(mutations, a_venue("c"))
    await drain(relay)
    assert await published(js) == [("reset", 1, 2), ("commit", 1, 3)]


@pytest.mark.parametrize("payload", [b"\xff" * 8, b""], ids=["undecodable", "empty"])
async def test_a_newest_message_that_nobody_can_read_is_reset_to_the_head(
    payload: bytes,
    relay: ChangeRelay,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await js.publish(CHANGES_SUBJECT, payload)
    await commit(mutations, a_venue("b"))
    await drain(ChangeRelay(engine, js, mutations.bump_epoch))
    await commit(mutations, a_venue("c"))
    await drain(relay)
    raw = [one for one in await raw_messages(js, CHANGES) if (one.data or b"") != payload]
    found = [(m.WhichOneof("body"), m.head.epoch, m.head.revision) for m in map(parse, raw)]
    assert [one for one in found if one[0] != "heartbeat"] == [
        *(("reset", 1, 1), ("reset", 1, 2), ("commit", 1, 3)),
    ]


async def test_a_stream_made_anew_is_reset_even_by_a_relay_that_knew_the_old_one(
    relay: ChangeRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await js.delete_stream(CHANGES)
    await streams.ensure_stream(js, streams.changes_config())
    await commit(mutations, a_venue("b"))
    await drain(relay)
    assert await published(js) == [("reset", 1, 2)]


async def has_begun(relay: ChangeRelay, engine: AsyncEngine) -> bool:
    await drain(relay)
    return (await head_of(engine)).epoch == 2


async def test_lost_commits_begin_an_epoch_and_no_revision_is_used_again(
    engine: AsyncEngine, js: JetStreamContext
) -> None:
    database = PrimaryDatabase(NewestPosition(), engine)
    mutations = Mutations(engine, lambda: NOW, database=database)
    relay = ChangeRelay(engine, js, mutations.bump_epoch, database)
    await drain(relay)
    for name in "abc":
        await commit(mutations, a_venue(name))
    await drain(relay)
    await lose_commits_after(engine, 1)
    async with running(mutations.epochs.run()):
        await eventually(partial(has_begun, relay, engine))
    await drain(relay)
    head = await head_of(engine)
    assert (head.epoch, head.revision) == (2, 4)
    await commit(mutations, a_venue("d"))
    await drain(relay)
    found = await published(js)
    assert found[-3:] == [("commit", 1, 3), ("reset", 2, 4), ("commit", 2, 5)]
    revisions = [revision for _, _, revision in found]
    assert len(set(revisions)) == len(revisions)


async def test_a_database_that_went_another_way_begins_an_epoch(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    for name in "ab":
        await commit(mutations, a_venue(name))
    await drain(relay)
    await lose_commits_after(engine, 1)
    # By a writer that knows nothing of what was lost.
    another = Mutations(engine, lambda: NOW)
    for name in "cde":
        await commit(another, a_venue(name))
    await drain(relay)
    head = await head_of(engine)
    assert (head.epoch, head.revision) == (2, 5)
    assert (await published(js))[-1] == ("reset", 2, 5)


async def test_two_bumps_of_one_epoch_do_not_make_the_same_history(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    chains = set()
    for _ in range(2):
        assert await mutations.bump_epoch(1, 1, 1)
        assert not await mutations.bump_epoch(1, 1, 1)
        chains.add((await head_of(engine)).chain)
        await lose_commits_after(engine, 1)
    assert len(chains) == 2


async def test_the_stream_of_another_registry_is_refused_and_never_repaired(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    before = await published(js)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET registry_id = '\\x00'"))
    for _ in range(2):
        with pytest.raises(ForeignStream, match="belongs to registry"):
            await ChangeRelay(engine, js, mutations.bump_epoch).step(leads=True)
    assert await published(js) == before
    assert (await head_of(engine)).epoch == 1


async def test_a_heartbeat_says_the_head_and_expires_and_nothing_has_a_message_id(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    await drain(relay)
    await commit(mutations, a_venue())
    await drain(relay)
    await eventually(lambda: beats(relay, js))
    head = await head_of(engine)
    for raw in await raw_messages(js, CHANGES):
        headers = raw.headers or {}
        assert "Nats-Msg-Id" not in headers
        assert headers["Nats-Expected-Stream"] == CHANGES
        is_heartbeat = parse(raw).WhichOneof("body") == "heartbeat"
        assert (headers.get("Nats-TTL") in ("60", "60s")) == is_heartbeat
    newest = parse((await raw_messages(js, CHANGES))[-1])
    assert newest.WhichOneof("body") == "heartbeat"
    assert (newest.head.revision, newest.head.chain) == (head.revision, head.chain)
    assert (newest.head.live_count, newest.head.set_hash) == (1, head.set_hash)


async def beats(relay: ChangeRelay, js: JetStreamContext) -> bool:
    await drain(relay)
    return parse((await raw_messages(js, CHANGES))[-1]).WhichOneof("body") == "heartbeat"
