"""The registry as both services read it, and as a resolver does behind links of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import pytest
import redis.asyncio
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_resolver.fallback import single_flight
from cqar_shared.rpc import min_revision
from cqar_shared.rpc.grpc_server import OPTIONS
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support.both_services import Served, served
from tests.support.integrity_keys import key_file
from tests.support.resolver_client import WAIT_S, Ask, Asked
from tests.support.resolver_client import served as serves
from tests.support.tcp_proxy import link_to

#: Serves at an instant, until the block ends.
Serve = Callable[[dt.datetime], AbstractAsyncContextManager[Served]]


@pytest.fixture(params=["writer", "resolver"])
def serve(
    request: pytest.FixtureRequest,
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
) -> Serve:
    """What a test proves with it is proved of the writer and of a resolver."""
    return lambda now: served(request.param, database, servers.nats, engine, relay, now)


@pytest.fixture
def addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file where `tests.support.moving_address` notes where they lead."""
    file = tmp_path / "pg_service.conf"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    return file


@pytest.fixture
async def ask(
    servers: EmbeddedServers,
    database: str,
    client: Client,
    heads: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Ask]:
    """Serves from a resolver of which nothing is loaded or followed unless `follows`.

    Its probes are answered.
    """
    assert client.is_connected
    # Tests share two slow cores: what is tried is not whether PostgreSQL takes 250 ms.
    monkeypatch.setattr(single_flight, "BUDGET_S", WAIT_S)
    monkeypatch.setattr(min_revision, "WAIT_MAX_S", 0.5)
    async with redis.asyncio.Redis.from_url(servers.redis) as store:
        await store.flushall()

    @asynccontextmanager
    async def asking(*, follows: bool, canary_group: str = "") -> AsyncIterator[Asked]:
        async with (
            link_to(database) as (to_database, url),
            link_to(servers.redis) as (to_cache, cache),
        ):
            config = ResolverConfig(
                database_url=url,
                nats_url=servers.nats,
                redis_url=cache,
                integrity_key_file=key_file(),
                probe_every_s=0.1,
                canary_group=canary_group,
            )
            async with (
                serves(config, follows=follows) as at,
                grpc.aio.insecure_channel(at.target, options=OPTIONS) as channel,
            ):
                yield Asked(at, channel, to_database, to_cache)

    return asking
