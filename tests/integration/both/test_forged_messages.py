"""What a message that no writer published does to relays and resolvers: nothing that lasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT, EVENTS
from cqar_shared.replication.positions import LOST_MAX, NUMBER_MAX
from cqar_writer import metrics
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from cqar_writer.protocol import event_cursor
from cqar_writer.protocol.event_cursor import EventCursor
from cqar_writer.protocol.log_rows import HeadRow, head_message
from cqar_writer.relays import event_relay
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.event_relay import EventRelay
from cqar_writer.relays.foreign_messages import ForeignStream
from tests.support.commits import (
    commit,
    drain,
    eventually,
    head_of,
    lose_commits_after,
    raw_messages,
)
from tests.support.entity_builders import NOW, a_venue
from tests.support.follower_setup import NEVER_S, Follow, writing

Forge = Callable[[HeadRow], bytes]


def says(
    *, epoch: int = 0, revision: int = 0, registry_id: bytes = b"", body: str = "heartbeat"
) -> Forge:
    """A message that says to be so much beyond the head, or of another registry."""

    def forged(head: HeadRow) -> bytes:
        told = head_message(head)
        told.epoch = min(told.epoch + epoch, 2**64 - 1)
        told.revision = min(told.revision + revision, 2**64 - 1)
        told.chain = b"f" * 32
        told.registry_id = registry_id or told.registry_id
        message = replication_pb2.StreamMessage(head=told)
        getattr(message, body).SetInParent()
        return message.SerializeToString()

    return forged


FORGERIES = [
    pytest.param(says(revision=NUMBER_MAX - 20), id="a revision near 2^63"),
    pytest.param(says(revision=2**64 - 1, body="commit"), id="a revision that no bigint holds"),
    pytest.param(says(revision=LOST_MAX + 100, body="reset"), id="a revision beyond belief"),
    pytest.param(says(epoch=2**63), id="an epoch beyond belief"),
    pytest.param(says(registry_id=b"other", body="commit"), id="another registry"),
    pytest.param(says(registry_id=b"other", revision=NUMBER_MAX), id="another registry, far on"),
    pytest.param(lambda _: b"\xff" * 8, id="no message"),
    pytest.param(lambda _: b"", id="nothing"),
]


def foreign(stream: str) -> float:
    return metrics.FOREIGN.labels(stream)._value.get()


@pytest.mark.parametrize("forged", FORGERIES)
async def test_the_relay_steps_over_what_no_writer_published_and_counts_it(
    forged: Forge,
    relay: ChangeRelay,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    before = foreign(CHANGES)
    for number in range(3):
        await js.publish(CHANGES_SUBJECT, forged(await head_of(engine)))
        await commit(mutations, a_venue(f"b{number}"))
        # As a relay that begins: what one published itself it does not read back at once.
        await drain(ChangeRelay(engine, js, mutations.bump_epoch))
        head = await head_of(engine)
        newest = (await js.get_msg(CHANGES, subject=CHANGES_SUBJECT)).data or b""
        told = replication_pb2.StreamMessage.FromString(newest).head
        assert (told.epoch, told.revision, told.chain) == (1, head.revision, head.chain)
    assert (head.epoch, head.revision) == (1, 4)
    assert foreign(CHANGES) == before + 3


async def test_a_relay_that_published_the_newest_message_itself_finds_a_later_one(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    await js.publish(CHANGES_SUBJECT, says(revision=NUMBER_MAX - 20)(await head_of(engine)))
    await commit(mutations, a_venue("b"))
    await drain(relay)
    bodies = [
        replication_pb2.StreamMessage.FromString(raw.data or b"").WhichOneof("body")
        for raw in await raw_messages(js, CHANGES)
    ]
    assert bodies[-1] in ("reset", "heartbeat")
    assert (await head_of(engine)).epoch == 1


async def test_no_epoch_begins_beyond_what_a_database_can_lose(mutations: Mutations) -> None:
    await commit(mutations, a_venue("a"))
    for epoch, revision in ((1, NUMBER_MAX), (1, LOST_MAX + 2), (2**40, 1), (2**64, 2**64)):
        assert not await mutations.bump_epoch(1, epoch, revision)
    assert await mutations.bump_epoch(1, 1, LOST_MAX)


async def test_a_stream_that_another_registry_claimed_is_refused_though_it_is_empty(
    relay: ChangeRelay, engine: AsyncEngine, js: JetStreamContext
) -> None:
    await jetstream.claim(js, await js.stream_info(CHANGES), b"other")
    with pytest.raises(ForeignStream, match=b"other".hex()):
        await relay.step(leads=True)


# ------------------------------------------------------------ events


class Told:
    """The stream of events, and relays for it."""

    def __init__(
        self, client: Client, js: JetStreamContext, engine: AsyncEngine, mutations: Mutations
    ) -> None:
        self.client, self.js, self.engine, self.mutations = client, js, engine, mutations

    def relay(self) -> EventRelay:
        return EventRelay(self.engine, self.client, self.mutations.bump_epoch)

    async def drain(self, relay: EventRelay | None = None) -> None:
        relay = relay or self.relay()
        while await relay.step():
            pass

    async def own(self) -> list[EventCursor]:
        """The places of all messages that are the outbox's, in order."""
        found = []
        head = await head_of(self.engine)
        for raw in await raw_messages(self.js, EVENTS):
            at = event_cursor.parse_cursor(raw.headers or {}, head.registry_id)
            if at is not None and not (raw.data or b"").startswith(b"forged"):
                found.append(at)
        return found

    async def forge(self, subject: str, at: EventCursor | None, registry_id: bytes = b"") -> None:
        own = registry_id or (await head_of(self.engine)).registry_id
        headers = event_cursor.headers_of(own, at) if at else None
        await self.js.publish(subject, b"forged", headers=headers)


@pytest.fixture
def told(client: Client, js: JetStreamContext, engine: AsyncEngine, mutations: Mutations) -> Told:
    return Told(client, js, engine, mutations)


PLACES = [
    pytest.param(None, b"", id="says nothing of itself"),
    pytest.param(EventCursor(1, 1, 0), b"", id="says to be an event that is out"),
    pytest.param(EventCursor(1, 3, 0), b"", id="says to be an event that is not out yet"),
    pytest.param(EventCursor(1, 2, 7), b"", id="says to be an event that there is not"),
    pytest.param(EventCursor(1, NUMBER_MAX, 0), b"", id="says to be far on"),
    pytest.param(EventCursor(2**62, 1, 0), b"", id="says to be of a far epoch"),
    pytest.param(EventCursor(1, 2, 0), b"other", id="is of another registry"),
]


@pytest.mark.parametrize(("at", "registry_id"), PLACES)
async def test_foreign_messages_among_the_events_are_stepped_over(
    at: EventCursor | None, registry_id: bytes, told: Told
) -> None:
    for name in "ab":
        await commit(told.mutations, a_venue(name))
    kept = told.relay()
    await told.drain(kept)
    before = foreign(EVENTS)
    for count, subject in enumerate((event_relay.subjects()[0], event_relay.subjects()[-1]), 1):
        await told.forge(subject, at, registry_id)
        await commit(told.mutations, a_venue(f"c{count}"))
        for relay in (kept, told.relay()):
            await told.drain(relay)
        wanted = [EventCursor(1, revision, 0) for revision in range(1, 3 + count)]
        assert await told.own() == wanted
        assert (await head_of(told.engine)).epoch == 1
        assert foreign(EVENTS) == before + count


async def test_an_event_that_somebody_published_again_is_stepped_over(told: Told) -> None:
    for name in "abc":
        await commit(told.mutations, a_venue(name))
    relay = told.relay()
    await told.drain(relay)
    first = await told.js.get_msg(EVENTS, seq=1)
    own = {name: text for name, text in (first.headers or {}).items() if name.startswith("Cqar-")}
    await told.js.publish(first.subject or "", first.data or b"", headers=own)
    await commit(told.mutations, a_venue("d"))
    await told.drain(relay)
    assert await told.own() == [EventCursor(1, revision, 0) for revision in (1, 2, 3, 1, 4)]


async def test_a_flood_of_foreign_messages_is_looked_through_a_part_at_a_time(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_writer.relays.event_tail.READS_MAX", 10)
    await commit(told.mutations, a_venue("a"))
    await told.drain()
    before = foreign(EVENTS)
    for _ in range(35):
        await told.forge(event_relay.subjects()[3], None)
    await commit(told.mutations, a_venue("b"))
    relay, steps = told.relay(), 0
    while await relay.step():
        steps += 1
    assert steps >= 3
    assert await told.own() == [EventCursor(1, 1, 0), EventCursor(1, 2, 0)]
    assert foreign(EVENTS) == before + 35


async def test_behind_too_many_foreign_messages_all_events_are_told_again(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_writer.relays.event_tail.FOREIGN_MAX", 20)
    monkeypatch.setattr("cqar_writer.relays.event_tail.READS_MAX", 10)
    for name in "ab":
        await commit(told.mutations, a_venue(name))
    await told.drain()
    for _ in range(60):
        await told.forge(event_relay.subjects()[3], None)
    await told.drain()
    assert await told.own() == [EventCursor(1, revision, 0) for revision in (1, 2, 1, 2)]


async def test_an_event_that_says_to_be_of_a_lost_revision_costs_one_epoch_and_no_event(
    told: Told,
) -> None:
    await commit(told.mutations, a_venue("a"))
    await told.drain()
    await told.forge(event_relay.subjects()[0], EventCursor(1, 9, 0))
    await commit(told.mutations, a_venue("b"))
    await told.drain()
    await told.drain()
    head = await head_of(told.engine)
    assert (head.epoch, head.revision) == (2, 10)
    assert await told.own() == [EventCursor(1, 1, 0), EventCursor(1, 2, 0), EventCursor(2, 10, 0)]


async def test_no_event_of_a_new_epoch_is_lost_that_begins_below_the_last_one_published(
    told: Told,
) -> None:
    """As after a failover that lost commits of which nobody knew."""
    for name in "abcdef":
        await commit(told.mutations, a_venue(name))
    await told.drain()
    await lose_commits_after(told.engine, 2)
    another = Mutations(told.engine, lambda: NOW)
    assert await another.bump_epoch(1, 1, 2)
    for name in "ghi":
        await commit(another, a_venue(name))
    await told.drain()
    assert [at for at in await told.own() if at.epoch > 1] == [
        *(EventCursor(2, revision, 0) for revision in (3, 4, 5, 6))
    ]


# ------------------------------------------------------------ resolvers


@pytest.mark.parametrize("forged", FORGERIES[:-2])
async def test_a_resolver_goes_on_behind_what_no_writer_published(
    forged: Forge,
    relay: ChangeRelay,
    engine: AsyncEngine,
    js: JetStreamContext,
    mutations: Mutations,
    view: ReplicaState,
    heads: None,
    follow: Follow,
) -> None:
    await commit(mutations, a_venue("a"))
    await drain(relay)
    async with follow(NEVER_S):
        await eventually(lambda: view.state == pb.SNAPSHOT_STATE_LIVE)
        assert view.snapshot.position.revision == 1
        loaded_at = view.hydrated_at
        await js.publish(CHANGES_SUBJECT, forged(await head_of(engine)))
        await commit(mutations, a_venue("b"))
        await drain(ChangeRelay(engine, js, mutations.bump_epoch))
        await eventually(lambda: view.snapshot.position.revision == 2)
        await eventually(lambda: view.lag == 0)
        assert view.state == pb.SNAPSHOT_STATE_LIVE
        assert view.hydrated_at is loaded_at


async def test_health_names_a_relay_that_makes_no_progress(
    servers: EmbeddedServers,
    database: str,
    js: JetStreamContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cqar_writer.relays.publisher.STUCK_S", 0.5)
    await jetstream.claim(js, await js.stream_info(EVENTS), b"other")
    async with writing(WriterConfig(database_url=database, nats_url=servers.nats)) as writer:

        async def is_told() -> bool:
            found = (await writer.report()).components["nats"]
            return found.startswith("degraded: no progress of event relay")

        await eventually(is_told)
