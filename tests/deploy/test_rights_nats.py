"""NATS's accounts, as deploy/nats/accounts.conf has them, and the ways around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats
import pytest
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api

from cqar_shared.messaging import jetstream, streams
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.messaging.jetstream import (
    BUMP_SUBJECT,
    CHANGES,
    CHANGES_SUBJECT,
    EVENTS,
    HEAD_ALL_SUBJECT,
    HEAD_SUBJECT,
)
from cqar_shared.messaging.stream_reader import StreamReader
from cqar_writer.relays import event_relay
from tests.deploy.conftest import Shipped
from tests.support.commits import eventually

AN_EVENT = event_relay.subjects()[0]
#: A subject that only the operator's or another role's rights lead to.
OF_OTHERS = (
    CHANGES_SUBJECT,
    jetstream.PUBLISHED_SUBJECT,
    AN_EVENT,
    *(
        f"$JS.API.STREAM.{verb}.{name}"
        for verb in ("PURGE", "DELETE")
        for name in (CHANGES, EVENTS)
    ),
    f"$JS.API.STREAM.UPDATE.{CHANGES}",
    f"$JS.API.STREAM.CREATE.{CHANGES}",
    f"$JS.API.STREAM.MSG.DELETE.{CHANGES}",
    f"$JS.API.CONSUMER.CREATE.{CHANGES}",
    f"$JS.API.CONSUMER.CREATE.{CHANGES}.mine",
    f"$JS.API.CONSUMER.CREATE.{EVENTS}",
    f"$JS.API.CONSUMER.DELETE.{EVENTS}.theirs",
    f"$JS.API.STREAM.RESTORE.{CHANGES}",
    f"$JS.API.STREAM.SNAPSHOT.{CHANGES}",
    "$JS.API.SERVER.REMOVE",
    "$SYS.REQ.SERVER.PING",
    "_INBOX.anothers.answer",
)
#: What in them a role may do; of the rest nothing.
ROLES: dict[str, dict[str, tuple[str, ...]]] = {
    "resolver": {
        "publish": (
            *OF_OTHERS,
            f"CQAR.API.CONSUMER.CREATE.{CHANGES}",
            f"CQAR.API.STREAM.PURGE.{CHANGES}",
            f"CQAR.API.STREAM.INFO.{EVENTS}",
            f"$JS.ACK.{EVENTS}.x.1.1.1.1.0",
        ),
        "subscribe": (
            HEAD_SUBJECT,
            HEAD_ALL_SUBJECT,
            BUMP_SUBJECT,
            CHANGES_SUBJECT,
            AN_EVENT,
            "cqc.>",
            ">",
            "$SYS.>",
        ),
    },
    "events": {
        "publish": (
            *OF_OTHERS,
            HEAD_SUBJECT,
            HEAD_ALL_SUBJECT,
            BUMP_SUBJECT,
            f"CQAR.API.CONSUMER.CREATE.{EVENTS}",
            f"CQAR.API.DIRECT.GET.{CHANGES}",
            f"$JS.ACK.{CHANGES}.x.1.1.1.1.0",
        ),
        "subscribe": (
            HEAD_SUBJECT,
            HEAD_ALL_SUBJECT,
            BUMP_SUBJECT,
            "cqar.>",
            AN_EVENT,
            ">",
            "$SYS.>",
        ),
    },
    "writer": {
        "publish": (
            *(
                subject
                for subject in OF_OTHERS
                if not subject.startswith(("cq", "$JS.API.STREAM.UPDATE", "$JS.API.STREAM.CREATE"))
            ),
            jetstream.PUBLISHED_SUBJECT,
        ),
        "subscribe": (">", "$SYS.>", "$JS.API.>"),
    },
}


@asynccontextmanager
async def connected(servers: Shipped, role: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """A role's connection, and what the server refused to it."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(servers.url(role, "nats"), error_cb=note)
    try:
        yield client, refused
    finally:
        await client.close()


@pytest.fixture
async def js(servers: Shipped) -> AsyncIterator[JetStreamContext]:
    """Both streams, made and filled by a writer's own account, three messages each."""
    async with connected(servers, "operator") as (operator, _):
        for stream in (CHANGES, EVENTS):
            try:
                await operator.jetstream().delete_stream(stream)
            except nats.js.errors.NotFoundError:
                continue
    async with connected(servers, "writer") as (client, refused):
        js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        await streams.ensure_stream(js, streams.changes_config())
        await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
        for number in range(3):
            await jetstream.publish_expecting(js, CHANGES, CHANGES_SUBJECT, b"a change", number)
            await jetstream.publish_expecting(js, EVENTS, AN_EVENT, b"an event", number)
        yield js
        assert refused == []


async def held(js: JetStreamContext) -> tuple[int, ...]:
    """How many messages were ever stored in each stream."""
    return tuple([(await js.stream_info(name)).state.last_seq for name in (CHANGES, EVENTS)])


@pytest.mark.usefixtures("js")
@pytest.mark.parametrize("role", ROLES)
async def test_a_role_publishes_and_subscribes_to_nothing_else(servers: Shipped, role: str) -> None:
    async with connected(servers, role) as (client, refused):

        async def require_refused(what: str) -> None:
            await client.flush()
            await eventually(lambda: any(what.lower() in one for one in refused))

        for subject in ROLES[role]["publish"]:
            await client.publish(subject, b"")
            await require_refused(f'publish to "{subject}"')
        for subject in ROLES[role]["subscribe"]:
            await client.subscribe(subject)
            await require_refused(f'subscription to "{subject}"')


@pytest.mark.parametrize("role", ["resolver", "events"])
async def test_an_answer_goes_to_the_asker_whatever_subject_it_names(
    servers: Shipped, js: JetStreamContext, role: str
) -> None:
    """In one account JetStream would answer there with its own rights, and store its answer."""
    told: list[bytes] = []

    async def hear(message: Msg) -> None:
        told.append(message.data)

    await js._nc.subscribe(BUMP_SUBJECT, queue=jetstream.WRITERS, cb=hear)
    await js._nc.flush()
    before = await held(js)
    stream = CHANGES if role == "resolver" else EVENTS
    requests = (
        (f"CQAR.API.STREAM.INFO.{stream}", {}),
        (f"CQAR.API.DIRECT.GET.{stream}", {"seq": 1}),
        (f"CQAR.API.DIRECT.GET.{stream}", {"seq": 99, "batch": 1}),
        (f"CQAR.API.CONSUMER.MSG.NEXT.{stream}.theirs", {"batch": 1, "no_wait": True}),
        (HEAD_SUBJECT, {}),
        (HEAD_ALL_SUBJECT, {}),
    )
    places = (
        *(CHANGES_SUBJECT, AN_EVENT, jetstream.PUBLISHED_SUBJECT),
        # A resolver may ask for a new epoch anyway.
        *([BUMP_SUBJECT] if role == "events" else []),
        *(f"$JS.API.STREAM.PURGE.{CHANGES}", f"$JS.API.STREAM.DELETE.{EVENTS}"),
    )
    async with connected(servers, "operator") as (operator, _):
        durable = api.ConsumerConfig(durable_name="theirs", ack_policy=api.AckPolicy.EXPLICIT)
        await operator.jetstream().add_consumer(EVENTS, durable)
    async with connected(servers, role) as (client, _):
        for subject, request in requests:
            for place in places:
                await client.publish(subject, json.dumps(request).encode(), reply=place)
        # Whatever the server made of them it has made before it answers this.
        await client.request(f"CQAR.API.STREAM.INFO.{stream}", b"", timeout=10)
    assert await held(js) == before
    assert (await js.stream_info(CHANGES)).state.messages == 3
    assert told == []


async def test_a_resolver_reads_the_stream_as_it_grows(
    servers: Shipped, js: JetStreamContext
) -> None:
    async with connected(servers, "resolver") as (client, refused):
        reader = StreamReader(client, api_prefix=servers.api_prefix)
        assert (await reader.mark()).last == 3
        found: list[tuple[int, bytes]] = []
        async for item in reader.read(1):
            if item is not None:
                found.append(item)
            if len(found) == 2:
                await jetstream.publish_expecting(js, CHANGES, CHANGES_SUBJECT, b"more", 3)
            if len(found) == 3:
                break
        assert found == [(2, b"a change"), (3, b"a change"), (4, b"more")]
        assert refused == []


@pytest.mark.usefixtures("js")
async def test_who_reads_events_acknowledges_them_and_makes_no_consumers(servers: Shipped) -> None:
    durable = api.ConsumerConfig(durable_name="desk", ack_policy=api.AckPolicy.EXPLICIT)
    async with (
        connected(servers, "operator") as (operator, _),
        connected(servers, "events") as (client, refused),
    ):
        await operator.jetstream().add_consumer(EVENTS, durable)
        js = client.jetstream(prefix=servers.api_prefix)
        subscription = await js.pull_subscribe_bind(durable="desk", stream=EVENTS)
        messages = await subscription.fetch(3, timeout=10)
        assert [m.metadata.sequence.stream for m in messages] == [1, 2, 3]
        for message in messages:
            await message.ack_sync(timeout=10)
        info = await operator.jetstream().consumer_info(EVENTS, "desk")
        assert (info.num_ack_pending, info.num_pending) == (0, 0)
        assert refused == []


@pytest.mark.usefixtures("js")
async def test_only_writers_answer_probes_and_only_to_who_asked(servers: Shipped) -> None:
    async def answer(_: bytes) -> bytes:
        return b"the head"

    async with (
        connected(servers, "writer") as (writer, refused),
        connected(servers, "resolver") as (asker, _),
        connected(servers, "resolver") as (other, _),
        connected(servers, "events") as (stranger, _),
    ):
        await jetstream.serve(writer, HEAD_SUBJECT, answer)
        await jetstream.serve(writer, HEAD_ALL_SUBJECT, answer, queue="")
        await writer.flush()
        overheard: list[str] = []

        async def hear(message: Msg) -> None:
            overheard.append(message.subject)

        await stranger.subscribe("_INBOX.>", cb=hear)
        await stranger.flush()
        for client in (asker, other):
            for subject in (HEAD_SUBJECT, HEAD_ALL_SUBJECT):
                assert (await client.request(subject, b"", timeout=10)).data == b"the head"
        for subject in (HEAD_SUBJECT, HEAD_ALL_SUBJECT):
            with pytest.raises((NatsError, TimeoutError)):
                await stranger.request(subject, b"", timeout=0.5)
        assert [one for one in overheard if "the head" in one] == []
        assert overheard == []
        assert refused == []


async def test_all_writers_that_are_asked_may_answer_and_the_one_that_is_wanted_counts(
    servers: Shipped,
) -> None:
    """Between accounts only the first answer passes, unless the export says that there are more."""

    async def bad(_: bytes) -> bytes:
        return b"\xffno head"

    async def good(_: bytes) -> bytes:
        await asyncio.sleep(0.2)
        return replication_pb2.Head(revision=7).SerializeToString()

    async with (
        connected(servers, "writer") as (hung, _),
        connected(servers, "writer") as (first, refused),
        connected(servers, "writer") as (second, refused_too),
        connected(servers, "resolver") as (asker, refused_asker),
    ):
        # As one that is stopped: it is sent what is asked of one writer, and says nothing.
        await hung.subscribe(HEAD_SUBJECT, queue=jetstream.WRITERS)
        for writer, answer in ((first, bad), (second, good)):
            await jetstream.serve(writer, HEAD_ALL_SUBJECT, answer, queue="")
        for client in (hung, first, second):
            await client.flush()
        requests = HeadRequests(asker)

        async def is_answered() -> bool:
            with suppress(NatsError, OSError):
                answer = await requests.head(lambda head: head.revision == 7)
                return answer.head.revision == 7 and not answer.of_group
            return False

        for _ in range(3):
            await eventually(is_answered)
        # A writer asks the others, too.
        head = await HeadRequests(first).head_of_any(lambda head: head.revision == 7)
        assert head is not None
        assert [*refused, *refused_too, *refused_asker] == []


async def test_a_stranger_is_not_let_in(servers: Shipped) -> None:
    address = servers.url("resolver", "nats").rpartition("@")[2]
    for wrong in (f"nats://{address}", f"nats://cqar_writer:guess@{address}"):
        client = Client()
        with pytest.raises((NatsError, OSError)):
            await client.connect(wrong, allow_reconnect=False, connect_timeout=2)
        await client.close()
