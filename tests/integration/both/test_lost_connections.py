"""What holds a lock or keeps others waiting is noticed when it goes, also without a word."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.replication import postgres as resolver_database
from cqar_resolver.replication.postgres import LoadTurnsTaken, RegistryDatabase
from cqar_shared.messaging import nats_connection
from cqar_shared.redis_store.cache import Cache
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.runtime import tcp_keepalive
from cqar_shared.runtime.tcp_keepalive import tcp_socket_of
from cqar_shared.sql import pg_session
from cqar_writer.database.head import HeadReader
from tests.support.commits import eventually
from tests.support.integrity_keys import KEYRING
from tests.support.partitioned_link import partitioned_link_to


async def test_both_ends_of_a_session_look_for_each_other(database: str) -> None:
    connection = await pg_session.connect(database, "cqar-test", command_timeout_s=10)
    try:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout")
        server = [await connection.fetchval(f"SHOW {name}") for name in names]
        client = tcp_socket_of(pg_session.transport_of(connection))
        assert client is not None
        kept = [
            client.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
        ]
    finally:
        await connection.close()
    assert kept == [2, 1, 3_000]
    assert server == ["2", "1", "3000"]


async def test_the_engines_connections_are_such_sessions(engine: AsyncEngine) -> None:
    async with engine.connect() as tx:
        found = await tx.execute(sa.text("SELECT current_setting('tcp_user_timeout')"))
        assert found.scalar_one() == "3000"


async def test_a_resolver_that_stops_while_it_loads_gives_its_turn_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pg_session._SETTINGS, "idle_in_transaction_session_timeout", "500")
    mine = RegistryDatabase(database, hydrate_concurrency=1)
    async with resolver_database._Session(database) as stopped:
        await mine._take_turn(stopped)
        with pytest.raises(LoadTurnsTaken):
            await mine.hydrate()

        async def loads() -> bool:
            try:
                await mine.hydrate()
            except LoadTurnsTaken:
                return False
            return True

        await eventually(loads)


async def test_a_head_that_cannot_be_read_keeps_nobody_waiting(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_writer.database.head.READ_TIMEOUT_S", 0.3)
    heads = HeadReader(engine)
    async with engine.begin() as holder:
        await holder.execute(sa.text("LOCK TABLE registry_head IN ACCESS EXCLUSIVE MODE"))
        asked = [asyncio.create_task(heads.read()) for _ in range(3)]
        await asyncio.wait(asked)
        assert all(isinstance(task.exception(), TimeoutError) for task in asked)
    assert (await heads.read()).revision == 0


def _kept_alive(transport: object) -> list[int]:
    opened = tcp_socket_of(transport)
    assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
    return [opened.getsockopt(socket.IPPROTO_TCP, option) for option in options]


async def test_the_kernel_looks_for_nats_and_redis_too(servers: EmbeddedServers) -> None:
    client = await nats_connection.connect(servers.nats, "cqar-test")
    try:
        wire: Any = client._transport
        assert _kept_alive(wire._io_writer.transport) == [2, 1, 3_000]
    finally:
        await nats_connection.close(client)
    cache, images = Cache(servers.redis, KEYRING, timeout_s=5), ImageStore(servers.redis, KEYRING)
    await cache.read([])
    await images.manifest()
    for store in (cache, images):
        (connection,) = store._redis.connection_pool._available_connections
        assert _kept_alive(connection._writer.transport) == [2, 1, 3_000]
        await store.close()


def test_a_path_is_looked_for_by_nobody() -> None:
    assert tcp_keepalive.redis_settings("unix:///run/valkey.sock") == {}


async def test_a_connection_whose_packets_are_lost_ends(database: str) -> None:
    async with partitioned_link_to(database) as (link, through):
        session = await pg_session.connect(through, "cqar-test", command_timeout_s=3600)
        idle = await pg_session.connect(through, "cqar-test", command_timeout_s=3600)
        link.lose()
        async with asyncio.timeout(60):
            with pytest.raises(asyncpg.PostgresConnectionError):
                await session.fetchval("SELECT 1")
            await eventually(idle.is_closed, 60)
