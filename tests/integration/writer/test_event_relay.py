"""Domain events on CQC_EVENTS, against a real PostgreSQL and a real JetStream."""

from __future__ import annotations

import asyncio
from typing import Any

import nats
import pytest
from cqc.events.v1 import events_pb2
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.codec import events
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.messaging import atomic_batch, jetstream, streams
from cqar_shared.messaging.atomic_batch import Message
from cqar_shared.messaging.jetstream import EVENTS
from cqar_writer.api_keys import create_key
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.relays import event_relay
from cqar_writer.relays.event_relay import EventRelay
from tests.support.commits import commit, eventually, lose_commits_after, raw_messages, running
from tests.support.entity_builders import NOW, a_chain, a_venue


@pytest.fixture
def event_relay_(
    engine: AsyncEngine, client: Client, js: JetStreamContext, mutations: Mutations
) -> EventRelay:
    assert js
    return EventRelay(engine, client, mutations.bump_epoch)


async def drain_events(relay: EventRelay) -> None:
    while await relay.step():
        pass


def decoded(raw: RawStreamMsg | Msg) -> Any:
    name = (raw.subject or "").removeprefix("cqc.events.v1.")
    return events.message_type(name).FromString(raw.data or b"")


async def event_ids(js: JetStreamContext) -> list[str]:
    return [decoded(raw).event_id for raw in await raw_messages(js, EVENTS)]


async def test_a_subscriber_of_its_own_gets_each_event_in_order_with_its_place(
    servers: EmbeddedServers, event_relay_: EventRelay, mutations: Mutations
) -> None:
    stranger = await nats.connect(servers.nats)
    subscription = await stranger.subscribe("cqc.events.v1.>")
    await stranger.flush()
    await commit(mutations, a_venue("a"), a_chain(), a_venue("b"))
    await commit(mutations, a_venue("a", name="Renamed"))
    await drain_events(event_relay_)
    found = [await subscription.next_msg(timeout=5) for _ in range(4)]
    await stranger.close()
    places = [
        tuple(int((m.headers or {})[f"Cqar-{part}"]) for part in ("Epoch", "Revision", "Index"))
        for m in found
    ]
    assert places == [(1, 1, 0), (1, 1, 1), (1, 1, 2), (1, 2, 0)]
    told = [decoded(message) for message in found]
    assert [type(event).__name__ for event in told] == [
        *("VenueRegistered", "ChainRegistered", "VenueRegistered", "VenueUpdated")
    ]
    assert [event.revision for event in told] == [1, 1, 1, 2]
    assert (told[0].venue.venue_id, told[0].actor_id) == ("a", "tester")
    assert told[3].venue.name == "Renamed"
    assert len({event.event_id for event in told}) == 4


@pytest.mark.parametrize("loss", ["deleted", "purged"])
async def test_a_lost_events_stream_is_filled_again_with_the_same_ids(
    loss: str, event_relay_: EventRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    for number in range(20):
        await commit(mutations, a_venue(f"v{number}"))
    await drain_events(event_relay_)
    before = await event_ids(js)
    assert len(before) == 20
    if loss == "deleted":
        await js.delete_stream(EVENTS)
        await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
    else:
        await js.purge_stream(EVENTS)
    await drain_events(event_relay_)
    assert await event_ids(js) == before


async def _without_batches(js: JetStreamContext) -> None:
    """As a stream that an earlier release made, or a server before 2.12 has."""
    await js.update_stream((await js.stream_info(EVENTS)).config, allow_atomic=False)


@pytest.mark.parametrize("how", ["together", "one by one"])
async def test_two_event_relays_at_once_tell_each_event_once(
    how: str,
    engine: AsyncEngine,
    client: Client,
    js: JetStreamContext,
    mutations: Mutations,
) -> None:
    if how == "one by one":
        await _without_batches(js)
    relays = [EventRelay(engine, client, mutations.bump_epoch) for _ in range(2)]
    for number in range(20):
        await commit(mutations, a_venue(f"v{number}"), a_venue(f"w{number}"))
    await asyncio.gather(*(drain_events(relay) for relay in relays))
    told = [decoded(raw) for raw in await raw_messages(js, EVENTS)]
    assert [event.revision for event in told] == [r for r in range(1, 21) for _ in range(2)]
    assert len({event.event_id for event in told}) == 40


async def test_more_events_than_a_batch_holds_come_in_their_order(
    event_relay_: EventRelay, js: JetStreamContext, mutations: Mutations
) -> None:
    count = atomic_batch.MESSAGES_MAX * 2 + 1
    await commit(mutations, *(a_venue(f"v{number}") for number in range(count)))
    await commit(mutations, a_venue("last"))
    await drain_events(event_relay_)
    raw = await raw_messages(js, EVENTS)
    assert [int((one.headers or {})["Cqar-Index"]) for one in raw] == [*range(count), 0]
    assert [decoded(one).revision for one in raw] == [1] * count + [2]


async def test_of_a_batch_all_is_stored_or_nothing(client: Client, js: JetStreamContext) -> None:
    subject = event_relay.subjects()[0]
    batch = [Message(subject, bytes([number]), {}) for number in range(100)]
    assert await atomic_batch.publish_expecting(client, EVENTS, batch, 0) == 100
    with pytest.raises(jetstream.LostRace):
        await atomic_batch.publish_expecting(client, EVENTS, batch, 99)
    assert len(await raw_messages(js, EVENTS)) == 100
    assert await atomic_batch.publish_expecting(client, EVENTS, batch[:1], 100) == 101


async def test_a_stream_of_before_takes_batches_from_the_next_start_on(
    js: JetStreamContext,
) -> None:
    await _without_batches(js)
    config = (await js.stream_info(EVENTS)).config
    await js.update_stream(config, max_bytes=12_345_678)
    await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
    found = (await js.stream_info(EVENTS)).config
    assert (found.allow_atomic, found.max_bytes) == (True, 12_345_678)


async def test_lost_commits_whose_events_are_out_are_announced_as_a_new_epoch(
    event_relay_: EventRelay, engine: AsyncEngine, js: JetStreamContext, mutations: Mutations
) -> None:
    for name in "abc":
        await commit(mutations, a_venue(name))
    await drain_events(event_relay_)
    await lose_commits_after(engine, 1)
    await drain_events(event_relay_)
    await commit(mutations, a_venue("d"))
    await drain_events(event_relay_)
    told = [decoded(raw) for raw in await raw_messages(js, EVENTS)]
    assert [(event.epoch, event.revision) for event in told] == [
        *((1, 1), (1, 2), (1, 3), (2, 4), (2, 5))
    ]
    assert isinstance(told[3], events_pb2.RegistryEpochChanged)


async def make_keys(mutations: Mutations, count: int) -> None:
    """Revisions that announce nothing."""
    for number in range(count):
        await create_key(mutations, f"desk {number}", Role.READ)


@pytest.mark.parametrize("told_before", [[], ["before"]])
async def test_many_revisions_without_events_are_looked_through_once(
    event_relay_: EventRelay, mutations: Mutations, js: JetStreamContext, told_before: list[str]
) -> None:
    for name in told_before:
        await commit(mutations, a_venue(name))
        await drain_events(event_relay_)
    silent = 3 * event_relay.BATCH_ROWS
    await make_keys(mutations, silent)
    steps = 0
    while await event_relay_.step():
        steps += 1
        assert steps <= 4
    await commit(mutations, a_venue("after"))
    await event_relay_.step()
    told = [decoded(raw) for raw in await raw_messages(js, EVENTS)]
    assert [event.venue.venue_id for event in told] == [*told_before, "after"]
    assert told[-1].revision == len(told_before) + silent + 1


async def test_an_event_of_a_history_that_took_the_place_of_one_looked_through_is_told(
    engine: AsyncEngine, client: Client, js: JetStreamContext
) -> None:
    database = PrimaryDatabase(NewestPosition(), engine)
    mutations = Mutations(engine, lambda: NOW, database=database)
    event_relay_ = EventRelay(engine, client, mutations.bump_epoch, database)
    await commit(mutations, a_venue("kept"))
    await make_keys(mutations, 3)
    await drain_events(event_relay_)
    await lose_commits_after(engine, 1)
    # By a writer that knows nothing of what was lost; the relay does.
    await commit(Mutations(engine, lambda: NOW), a_venue("other"))

    async def are_out() -> bool:
        await drain_events(event_relay_)
        return len(await raw_messages(js, EVENTS)) == 3

    async with running(mutations.epochs.run()):
        await eventually(are_out)
    told = [decoded(raw) for raw in await raw_messages(js, EVENTS)]
    assert [event.venue.venue_id for event in told[:-1]] == ["kept", "other"]
    assert isinstance(told[-1], events_pb2.RegistryEpochChanged)
