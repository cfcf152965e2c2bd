"""A service stops in seconds, whatever has become of the servers behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from nats.aio.client import Client
from nats.errors import OutboundBufferLimitError

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_shared.messaging import nats_connection
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import an_asset
from tests.support.follower_setup import resolving, writing
from tests.support.integrity_keys import key_file
from tests.support.tcp_proxy import Link, link_to

STOPS_WITHIN_S = 10.0


def freeze(link: Link) -> None:
    link.open.clear()


def lose(link: Link) -> None:
    link.go_down()


@asynccontextmanager
async def behind_links(
    servers: EmbeddedServers, database: str
) -> AsyncIterator[tuple[list[Link], dict[str, str]]]:
    async with (
        link_to(database) as (to_database, database_url),
        link_to(servers.nats) as (to_nats, nats_url),
        link_to(servers.redis) as (to_redis, redis_url),
    ):
        urls = {"database_url": database_url, "nats_url": nats_url, "redis_url": redis_url}
        yield [to_database, to_nats, to_redis], urls | {"integrity_key_file": key_file()}


@pytest.mark.parametrize("goes", [freeze, lose])
async def test_a_resolver_stops(
    servers: EmbeddedServers, database: str, mutations: Mutations, goes: object
) -> None:
    assert callable(goes)
    await commit(mutations, an_asset())
    async with behind_links(servers, database) as (links, urls):
        async with asyncio.timeout(60), resolving(ResolverConfig(**urls)) as resolver:  # type: ignore[arg-type]
            await eventually(lambda: resolver.view.is_complete and resolver.client.is_connected)
            for link in links:
                goes(link)
            await resolver.client.publish("cqar.unheard", b"x")
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < STOPS_WITHIN_S


@pytest.mark.parametrize("goes", [freeze, lose])
async def test_a_writer_stops(servers: EmbeddedServers, database: str, goes: object) -> None:
    assert callable(goes)
    async with behind_links(servers, database) as (links, urls):
        settings = WriterConfig(**urls)  # type: ignore[arg-type]
        async with asyncio.timeout(60), writing(settings) as writer:
            await commit(writer.mutations, an_asset())
            await eventually(lambda: writer.publisher.connected)
            for link in links:
                goes(link)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < STOPS_WITHIN_S


async def fill(client: Client) -> None:
    """Send until no more is taken, by the kernel nor by the client."""
    with suppress(OutboundBufferLimitError):
        for _ in range(16):
            await client.publish("cqar.unheard", b"x" * 900_000)
            await asyncio.sleep(0.01)


async def test_what_was_to_be_sent_into_a_lost_connection_is_let_go(
    servers: EmbeddedServers,
) -> None:
    async with link_to(servers.nats) as (link, url):
        client = await nats_connection.connect(url, "cqar-test")
        link.go_down()
        await eventually(lambda: not client.is_connected)
        await client.publish("cqar.unheard", b"x" * 1000)
        await nats_connection.close(client)
        assert client.is_closed


async def test_a_connection_that_hangs_is_closed(servers: EmbeddedServers) -> None:
    async with link_to(servers.nats) as (link, url):
        client: Client = await nats_connection.connect(url, "cqar-test")
        link.open.clear()
        await fill(client)
        await nats_connection.close(client)
        assert client.is_closed


async def test_a_connection_that_hangs_with_much_to_send_is_made_anew(
    servers: EmbeddedServers,
) -> None:
    async with link_to(servers.nats) as (link, url):
        client = await nats_connection.connect(url, "cqar-test")
        link.open.clear()
        await fill(client)
        await eventually(lambda: link.asked > 1, STOPS_WITHIN_S)
        link.open.set()
        await eventually(lambda: client.is_connected, STOPS_WITHIN_S)
        await nats_connection.close(client)
