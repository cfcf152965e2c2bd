"""The writer's publisher against real servers that lose what they held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.messaging.jetstream import CHANGES, EVENTS
from cqar_shared.runtime.tasks import supervise
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import Mutations
from cqar_writer.relays.publisher import CommitSignal, Publisher
from tests.support.commits import commit
from tests.support.entity_builders import NOW, a_venue

TIMEOUT_S = 30


@pytest.fixture
async def publishing(
    servers: EmbeddedServers, database: str, engine: AsyncEngine
) -> AsyncIterator[Mutations]:
    wake = CommitSignal()
    mutations = Mutations(engine, lambda: NOW, wake.committed)
    publisher = Publisher(
        engine,
        mutations,
        wake,
        HeadReader(engine),
        database_url=database,
        nats_url=servers.nats,
        poll_s=0.2,
    )
    running = asyncio.create_task(supervise("publisher", publisher.run))
    yield mutations
    running.cancel()
    await asyncio.wait([running])


async def held(js: JetStreamContext, stream: str) -> int:
    try:
        return (await js.stream_info(stream)).state.messages
    except NotFoundError:
        return 0


async def test_streams_that_are_lost_are_made_and_filled_again(
    js: JetStreamContext, publishing: Mutations
) -> None:
    await commit(publishing, a_venue())
    async with asyncio.timeout(TIMEOUT_S):
        while not (await held(js, CHANGES) and await held(js, EVENTS)):
            await asyncio.sleep(0.05)
    for stream in (CHANGES, EVENTS):
        await js.delete_stream(stream)
    await commit(publishing, a_venue("kraken"))
    async with asyncio.timeout(TIMEOUT_S):
        while not (await held(js, CHANGES) and await held(js, EVENTS) == 2):
            await asyncio.sleep(0.05)
