"""What a database that goes away looks like, however it goes: UNAVAILABLE, never INTERNAL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.runtime.outages import is_away
from cqar_shared.sql import pg_session, postgres
from cqar_shared.sql.postgres import make_engine
from tests.conftest import execute_alone
from tests.support.commits import eventually
from tests.support.integrity_keys import KEYRING
from tests.support.tcp_proxy import Link, link_to

WAIT_S = 10.0
PID = sa.text("SELECT pg_backend_pid()")


async def _error_after_termination(link: Link, database: str, through: str) -> Exception:
    """What the next statement of a transaction raises once PostgreSQL ended its session."""
    engine = make_engine(through, connections_max=1, application="cqar-test")
    try:
        async with engine.connect() as tx:
            pid = (await tx.execute(PID)).scalar_one()
            before = link.passed_bytes
            await execute_alone(database, f"SELECT pg_terminate_backend({pid})")
            await eventually(lambda: link.passed_bytes > before)
            # What the link passed on, the client has read once the loop has looked at its socket:
            # a statement sent before would wait for words that a link without an end never brings.
            await asyncio.sleep(0.1)
            async with asyncio.timeout(30):
                with pytest.raises(sa.exc.DBAPIError) as raised:
                    await tx.execute(PID)
    finally:
        await engine.dispose()
    return raised.value


@pytest.mark.parametrize("tells_end", [True, False])
async def test_a_session_that_postgresql_ended_is_a_database_that_is_away(
    database: str, tells_end: bool
) -> None:
    async with link_to(database) as (link, through):
        # Its last words may come before the connection's end: asyncpg says then that another
        # operation is in progress, by a class of error that is not of a lost connection.
        link.tells_end = tells_end
        error = await _error_after_termination(link, database, through)
    assert is_away(error)


@pytest.mark.parametrize("believed_s", [postgres.BELIEVED_S, 0.0])
async def test_a_connection_that_died_while_it_was_idle_costs_its_next_user_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch, believed_s: float
) -> None:
    monkeypatch.setattr(postgres, "BELIEVED_S", believed_s)
    engine = make_engine(database, connections_max=1, application="cqar-test")
    async with engine.connect() as tx:
        pid = (await tx.execute(PID)).scalar_one()
        session: Any = (await tx.get_raw_connection()).driver_connection
    await execute_alone(database, f"SELECT pg_terminate_backend({pid})")
    if believed_s:
        await eventually(session.is_closed)
    async with engine.connect() as tx:
        assert (await tx.execute(PID)).scalar_one() != pid
    await engine.dispose()


@pytest.mark.parametrize("believed_s", [postgres.BELIEVED_S, 0.0])
async def test_a_connection_that_lives_is_used_again(
    database: str, monkeypatch: pytest.MonkeyPatch, believed_s: float
) -> None:
    monkeypatch.setattr(postgres, "BELIEVED_S", believed_s)
    engine = make_engine(database, connections_max=2, application="cqar-test")
    pids = []
    for _ in range(3):
        async with engine.connect() as tx:
            pids.append((await tx.execute(PID)).scalar_one())
    assert len(set(pids)) == 1
    await engine.dispose()


async def test_a_statement_that_is_wrong_is_not_a_database_that_is_away(database: str) -> None:
    engine = make_engine(database, connections_max=1, application="cqar-test")
    async with engine.connect() as tx:
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await tx.execute(sa.text("SELECT nothing FROM nowhere"))
    await engine.dispose()
    assert not is_away(raised.value)


async def _error_of(engine: AsyncEngine, *statements: str) -> Exception:
    """What a transaction of these statements ends with."""
    try:
        async with engine.begin() as tx:
            for statement in statements:
                await tx.execute(sa.text(statement))
    except Exception as error:  # noqa: BLE001  (which one it is, is the question)
        return error
    pytest.fail("it ended well")


async def test_a_session_that_stood_idle_within_its_transaction_is_a_database_that_is_away(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pg_session._SETTINGS, "idle_in_transaction_session_timeout", "100")
    engine = make_engine(database, connections_max=1, application="cqar-test")
    async with engine.connect() as tx:
        await tx.execute(PID)
        session: Any = (await tx.get_raw_connection()).driver_connection
        await eventually(session.is_closed)
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await tx.execute(PID)
    assert is_away(raised.value)
    await engine.dispose()


async def test_a_database_that_became_a_standby_is_away(database: str) -> None:
    name = database.rpartition("/")[2]
    await execute_alone(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    engine = make_engine(database, connections_max=1, application="cqar-test")
    error = await _error_of(engine, "UPDATE registry_head SET revision = revision")
    assert "read-only" in str(error)
    assert is_away(error)
    await engine.dispose()


async def test_a_database_that_is_not_there_or_lets_nobody_in_is_away(database: str) -> None:
    name = database.rpartition("/")[2]
    for url in (f"{database}_none", database):
        engine = make_engine(url, connections_max=1, application="cqar-test")
        assert is_away(await _error_of(engine, "SELECT")), url
        await engine.dispose()
        await execute_alone(database, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await execute_alone(database, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_what_uvloop_says_of_a_connection_that_closed_is_redis_away(
    servers: EmbeddedServers,
) -> None:
    """A bare RuntimeError, where asyncio has an OSError; services run by uvloop."""

    async def ask_over_a_lost_connection() -> None:
        async with link_to(servers.redis) as (link, url):
            cache = Cache(url, KEYRING, timeout_s=WAIT_S)

            async def used_though_it_is_lost() -> None:
                connection = await cache._redis.connection_pool.get_connection()
                link.cut()
                for _ in range(100):  # the first are taken: their end is heard of after they went
                    connection._writer.writelines([b"PING\r\n"])
                    await asyncio.sleep(0.01)

            with pytest.raises(Unavailable, match="handler is closed"):
                await cache._ask(used_though_it_is_lost())
            await cache.close()

    await asyncio.to_thread(uvloop.run, ask_over_a_lost_connection())
