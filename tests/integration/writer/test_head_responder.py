"""A writer that cannot read its head leaves requests for it to those that can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.messaging import nats_connection
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.messaging.jetstream import HEAD_SUBJECT
from cqar_shared.sql.postgres import make_engine
from cqar_writer.database import head
from cqar_writer.database.head import HeadReader
from cqar_writer.relays.head_responder import HeadResponder
from tests.support.commits import eventually, running
from tests.support.tcp_proxy import Link, link_to

LIMIT_S = 60.0


@asynccontextmanager
async def a_writer(servers: EmbeddedServers, database: str) -> AsyncIterator[Link]:
    """What of a writer answers requests for the head; yields its link to PostgreSQL."""
    client = await nats_connection.connect(servers.nats, "cqar-test")
    async with link_to(database) as (link, url):
        engine = make_engine(url, connections_max=4, application="cqar-test")
        async with running(HeadResponder(HeadReader(engine)).run(client)):
            yield link
        await nats_connection.close(client)
        link.open.set()
        await engine.dispose()


async def in_group(client: Client) -> bool:
    """Whether any writer is there to answer what one is asked, within its time or not."""
    try:
        await client.request(HEAD_SUBJECT, b"", timeout=0.2)
    except NoRespondersError:
        return False
    except TimeoutError:
        return True
    return True


async def not_in_group(client: Client) -> bool:
    return not await in_group(client)


async def test_a_writer_whose_database_hangs_leaves_the_group_until_it_can_read_again(
    servers: EmbeddedServers, database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "READ_TIMEOUT_S", 0.5)
    requests = HeadRequests(client)

    async def is_answered() -> bool:
        try:
            await requests.head(lambda _: True)
        except (NoRespondersError, TimeoutError):
            return False
        return True

    async with a_writer(servers, database) as link:
        await eventually(lambda: in_group(client), LIMIT_S)
        await eventually(is_answered, LIMIT_S)
        link.open.clear()
        await eventually(lambda: not_in_group(client), LIMIT_S)
        # Asked beside all others, it answers as soon as it can, and not before.
        waiting = asyncio.create_task(eventually(is_answered, LIMIT_S))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        link.open.set()
        await waiting
        await eventually(lambda: in_group(client), LIMIT_S)


async def test_one_that_can_read_answers_for_one_that_cannot(
    servers: EmbeddedServers, database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "READ_TIMEOUT_S", 0.5)
    requests = HeadRequests(client)
    async with a_writer(servers, database) as link, a_writer(servers, database):
        await eventually(lambda: in_group(client), LIMIT_S)
        link.open.clear()
        answered = [await requests.head(lambda _: True) for _ in range(10)]
        assert len(answered) == 10

        async def only_the_other_is_asked() -> bool:
            return all([(await requests.head(lambda _: True)).of_group for _ in range(10)])

        await eventually(only_the_other_is_asked, LIMIT_S)
