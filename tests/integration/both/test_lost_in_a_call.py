"""A connection that is lost while a call uses it: UNAVAILABLE, and never INTERNAL.

The writer is a process as operators run it, by uvloop, whose words for a closed connection are
others than asyncio's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.api_keys import create_key
from cqar_writer.mutations import Mutations
from tests.conftest import execute_alone
from tests.support.commits import commit, eventually
from tests.support.entity_builders import BTC, an_asset
from tests.support.service_processes import Running, service
from tests.support.tcp_proxy import Link, link_to

pb: Any = asset_registry_pb2
OK, AWAY = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
WAIT_S = 60.0
CALLERS = 8
#: Of either server, so many times, between calls that never stop.
LOSSES = 10


class Calls:
    """A writer behind links, and what its callers were told."""

    def __init__(self, writer: Running, channel: grpc.aio.Channel, key: str) -> None:
        self.writer = writer
        self.codes: Counter[grpc.StatusCode] = Counter()
        self._stub: Any = AssetRegistryStub(channel)
        self._metadata = (("authorization", f"Bearer {key}"),)

    async def call(self, name: str, request: Any) -> grpc.StatusCode:
        try:
            await getattr(self._stub, name)(request, metadata=self._metadata, timeout=WAIT_S)
            code = OK
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code not in (AWAY, grpc.StatusCode.ALREADY_EXISTS):
                pytest.fail(f"{name}: {code}: {error.details()}")
        self.codes[code] += 1
        return code

    async def create(self, name: str) -> grpc.StatusCode:
        asset = pb.CreateAssetRequest(symbol=name, name=name, asset_type=1)
        return await self.call("CreateAsset", asset)

    async def read(self) -> grpc.StatusCode:
        return await self.call("GetAsset", pb.GetAssetRequest(asset_id=BTC))

    def unhandled(self) -> list[str]:
        return [line["message"] for line in self.writer.lines() if "unhandled" in line["message"]]


@pytest.fixture
async def links(servers: EmbeddedServers, database: str) -> AsyncIterator[dict[str, Any]]:
    async with (
        link_to(database) as (to_database, database_url),
        link_to(servers.redis) as (to_redis, redis_url),
    ):
        yield {
            "database": to_database,
            "redis": to_redis,
            "urls": {"database_url": database_url, "redis_url": redis_url},
        }


@pytest.fixture
async def calls(
    servers: EmbeddedServers, links: dict[str, Any], mutations: Mutations, tmp_path: Path
) -> AsyncIterator[Calls]:
    await commit(mutations, an_asset())
    key = await create_key(mutations, "caller", Role.WRITE)
    async with (
        service("writer", tmp_path, nats_url=servers.nats, **links["urls"]) as writer,
        grpc.aio.insecure_channel(writer.grpc) as channel,
    ):
        yield Calls(writer, channel, key)


async def keep_calling(calls: Calls, number: int) -> None:
    for count in range(10**6):
        await calls.create(f"C{number}N{count}")
        await calls.read()


async def hammer(calls: Calls, lose: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(keep_calling(calls, n)) for n in range(CALLERS)]
        for _ in range(LOSSES):
            answered = calls.codes.total()
            await eventually(lambda n=answered: calls.codes.total() > n + CALLERS, WAIT_S)
            await lose()
        for caller in callers:
            caller.cancel()


async def test_sessions_that_postgresql_ends_between_and_within_statements(
    calls: Calls, database: str
) -> None:
    name = database.rpartition("/")[2]

    async def lose() -> None:
        await execute_alone(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND application_name LIKE 'cqar-writer%'",
        )

    await hammer(calls, lose)
    assert calls.unhandled() == []
    assert calls.codes[AWAY] > 0, "nothing was lost"
    await eventually(lambda: _is_ok(calls.read()), WAIT_S)


@pytest.mark.parametrize("server", ["database", "redis"])
async def test_connections_that_are_reset(calls: Calls, links: dict[str, Any], server: str) -> None:
    link: Link = links[server]

    async def lose() -> None:
        link.cut()

    await hammer(calls, lose)
    assert calls.unhandled() == []
    # Redis is never needed.
    assert (calls.codes[AWAY] > 0) is (server == "database")
    await eventually(lambda: _is_ok(calls.read()), WAIT_S)


async def test_a_session_that_ends_while_its_statement_waits(
    calls: Calls, engine: AsyncEngine, database: str
) -> None:
    async with engine.begin() as holder:
        await holder.execute(sa.text("SELECT FROM registry_head FOR UPDATE"))
        waiting = [asyncio.create_task(calls.create(f"W{number}")) for number in range(3)]
        blocked = sa.text(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )

        async def pids() -> list[int]:
            async with engine.connect() as tx:
                return list((await tx.execute(blocked)).scalars())

        async def is_blocked() -> bool:
            return bool(await pids())

        while not all(task.done() for task in waiting):
            await eventually(is_blocked, WAIT_S)
            for pid in await pids():
                await execute_alone(database, f"SELECT pg_terminate_backend({pid})")
            await asyncio.wait(waiting, timeout=0.5)
    assert [task.result() for task in waiting] == [AWAY] * 3
    assert calls.unhandled() == []
    assert await calls.create("AFTER") is OK


async def _is_ok(call: Awaitable[grpc.StatusCode]) -> bool:
    return await call is OK
