"""Who is asked for the head, and whose answer counts, over a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.errors import NoRespondersError

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.messaging import head_requests, jetstream, nats_connection
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.messaging.jetstream import HEAD_ALL_SUBJECT, HEAD_SUBJECT
from tests.support.commits import eventually

OWN = b"o" * 16
Answer = Callable[[bytes], Awaitable[bytes]]


def is_own(head: replication_pb2.Head) -> bool:
    return head.registry_id == OWN


def says(revision: int, registry_id: bytes = OWN, *, after: asyncio.Event | None = None) -> Answer:
    """A writer that is at a revision; it waits for `after` with every answer."""

    async def answer(_: bytes) -> bytes:
        if after is not None:
            await after.wait()
        return replication_pb2.Head(registry_id=registry_id, revision=revision).SerializeToString()

    return answer


async def no_head(_: bytes) -> bytes:
    return b"\xffno head"


@asynccontextmanager
async def a_writer(servers: EmbeddedServers, **answers: Answer) -> AsyncIterator[Client]:
    """One that answers in the `group`, where `all` are asked, or both."""
    client = await nats_connection.connect(servers.nats, "cqar-test")
    subjects = {"group": (HEAD_SUBJECT, jetstream.WRITERS), "all": (HEAD_ALL_SUBJECT, "")}
    for name, answer in answers.items():
        subject, queue = subjects[name]
        await jetstream.serve(client, subject, answer, queue=queue)
    await client.flush()
    try:
        yield client
    finally:  # else it answers whoever asks next
        await nats_connection.close(client)


@pytest.fixture(autouse=True)
def hurried_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a second changes nothing."""
    monkeypatch.setattr(head_requests, "WHOLE_S", 60.0)


async def test_one_writer_is_asked_and_only_that_one(
    servers: EmbeddedServers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_requests, "ALONE_S", 60.0)
    async with a_writer(servers, group=says(7), all=says(8)):
        for _ in range(3):
            assert await HeadRequests(client).head(is_own) == (
                replication_pb2.Head(registry_id=OWN, revision=7),
                True,
            )


async def test_where_one_is_silent_any_other_answers(
    servers: EmbeddedServers, client: Client
) -> None:
    never = asyncio.Event()
    requests = HeadRequests(client)
    async with (
        a_writer(servers, group=says(7, after=never), all=says(7, after=never)),
        a_writer(servers, all=says(8)),
    ):
        for _ in range(3):
            answer = await requests.head(is_own)
            assert (answer.head.revision, answer.of_group) == (8, False)


@pytest.mark.parametrize("first", [no_head, says(99, b"f" * 16)], ids=["no_head", "foreign"])
async def test_what_is_no_head_of_this_registry_does_not_win_over_one_that_is(
    servers: EmbeddedServers, client: Client, first: Answer
) -> None:
    late = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, late.set)
    requests = HeadRequests(client)
    async with (
        a_writer(servers, group=first, all=first),
        a_writer(servers, all=says(8, after=late)),
    ):
        for _ in range(2):
            assert (await requests.head(is_own)).head.revision == 8


async def test_a_head_of_another_registry_is_told_where_there_is_no_other(
    servers: EmbeddedServers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_requests, "WHOLE_S", 2.0)
    foreign = says(9, b"f" * 16)
    async with a_writer(servers, group=foreign, all=foreign):
        assert (await HeadRequests(client).head(is_own)).head.registry_id == b"f" * 16
        assert await HeadRequests(client).head_of_any(is_own) is None


async def test_a_request_ends_and_what_is_answered_later_is_dropped(
    servers: EmbeddedServers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_requests, "WHOLE_S", 0.5)
    monkeypatch.setattr(head_requests, "ALONE_S", 0.1)
    late = asyncio.Event()
    requests = HeadRequests(client)
    async with a_writer(servers, group=says(7, after=late), all=says(7, after=late)) as writer:
        with pytest.raises(TimeoutError):
            await requests.head(is_own)
        late.set()
        await writer.flush()
        await client.flush()
        assert requests._open == {}
    monkeypatch.setattr(head_requests, "WHOLE_S", 60.0)
    async with a_writer(servers, group=says(8)):

        async def the_new_one_answers() -> bool:
            # Just after the first one has left, the server may say that nobody is there.
            try:
                answer = await requests.head(is_own)
            except NoRespondersError:
                return False
            assert answer.head.revision == 8
            return True

        await eventually(the_new_one_answers, 60)


async def test_where_nobody_is_there_nobody_is_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server says so: a wait would be the test's end.
    monkeypatch.setattr(head_requests, "WHOLE_S", 600.0)
    monkeypatch.setattr(head_requests, "ALONE_S", 300.0)
    requests = HeadRequests(client)

    async def nobody_answers() -> bool:
        with pytest.raises(NoRespondersError):
            await requests.head(is_own)
        return True

    await eventually(nobody_answers, 60)


async def test_a_writer_before_this_release_answers_though_it_is_slow(
    servers: EmbeddedServers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not hear what is asked of all: that nobody does says nothing of it."""
    monkeypatch.setattr(head_requests, "ALONE_S", 0.05)
    monkeypatch.setattr(head_requests, "WHOLE_S", 60.0)
    late = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, late.set)
    async with a_writer(servers, group=says(7, after=late)):
        assert (await HeadRequests(client).head(is_own)).head.revision == 7
