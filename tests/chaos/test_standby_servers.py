"""What the lab of failovers stands on: standbys that follow, and an address that moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.commits import eventually
from tests.support.memory_folder import server_folder
from tests.support.standby_servers import HOST, Server, Servers, servers_in
from tests.support.tcp_proxy import link_to

#: Long enough for what waits for nothing; nothing is asserted of what takes less.
WAITED_S = 0.5
LAG_S = 2.0


@pytest.fixture(scope="module")
async def made() -> AsyncIterator[Servers]:
    with server_folder() as folder:
        async with servers_in(folder / "standbys") as servers:
            yield servers


@pytest.fixture(scope="module")
async def primary(made: Servers) -> Server:
    server = await made.primary()
    await server.value("CREATE TABLE t (n int)")
    return server


async def has(server: Server, number: int) -> bool:
    found: int = await server.value(f"SELECT count(*) FROM t WHERE n = {number}")
    return found == 1


async def has_table(server: Server) -> bool:
    return await server.value("SELECT to_regclass('t')") is not None


async def waits(task: asyncio.Task[object]) -> bool:
    done, _ = await asyncio.wait([task], timeout=WAITED_S)
    return not done


async def test_a_commit_waits_for_a_synchronous_standby_that_is_paused(
    made: Servers, primary: Server
) -> None:
    standby = await made.standby(primary, "synchronous")
    await primary.waits_for(standby)
    standby.pause()
    commit = asyncio.create_task(primary.value("INSERT INTO t VALUES (1)"))
    assert await waits(commit)
    standby.wake()
    await commit
    await eventually(lambda: has(standby, 1))
    await primary.waits_for()
    await made.remove(standby)


async def test_a_standby_that_lags_follows_later(made: Servers, primary: Server) -> None:
    standby = await made.standby(primary, "lagging", lag_s=LAG_S)
    assert await has_table(standby)
    await primary.value("INSERT INTO t VALUES (2)")
    assert not await has(standby, 2)
    await eventually(lambda: has(standby, 2))
    await made.remove(standby)


async def test_a_paused_primary_wakes_beside_its_promoted_standby(
    made: Servers, primary: Server
) -> None:
    standby = await made.standby(primary, "promoted")
    async with link_to(primary.dsn) as (link, address):
        old = await asyncpg.connect(address)
        before = await timeline(old)
        primary.pause()
        asked = asyncio.create_task(old.fetchval("SELECT 1"))
        assert await waits(asked)
        await standby.promote()
        assert await standby.is_primary()
        link.to(HOST, standby.port, keep=True)
        new = await asyncpg.connect(address)
        assert await timeline(new) == before + 1
        primary.wake()
        # The connection that was kept leads to where it always led.
        assert await asked == 1
        assert await timeline(old) == before
        link.to(HOST, standby.port)
        await eventually(old.is_closed)
        await new.close()
    await made.remove(standby)


async def timeline(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval(
        "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)::int"
    )
    return found


async def test_a_paused_server_is_killed_too_and_starts_again(made: Servers) -> None:
    server = await made.primary("killed")
    connection = await asyncpg.connect(server.dsn)
    server.pause()
    await server.kill()
    await eventually(connection.is_closed)
    with pytest.raises(OSError, match="Connect"):
        await asyncpg.connect(server.dsn)
    await server.start_again()
    assert await server.is_primary()
    await made.remove(server)


@pytest.mark.parametrize("lost", ["client", "server"])
async def test_who_is_left_of_a_halved_connection_learns_nothing(
    lost: str, primary: Server
) -> None:
    async with link_to(primary.dsn) as (link, address):
        connection = await asyncpg.connect(address, server_settings={"application_name": lost})

        async def is_there() -> bool:
            found: int = await primary.value(
                f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{lost}'"
            )
            return found == 1

        assert await is_there()
        if lost == "client":
            link.halve("client")
            await eventually(connection.is_closed)
            assert await is_there()
        else:
            link.halve("server")
            asked = asyncio.create_task(connection.fetchval("SELECT 1"))
            assert await waits(asked)
            assert not connection.is_closed()
            asked.cancel()
        # Whoever comes anew is served.
        other = await asyncpg.connect(address)
        assert await other.fetchval("SELECT 1") == 1
        await other.close()
        connection.terminate()
