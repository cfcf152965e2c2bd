"""What a database that goes away looks like, however it goes: UNAVAILABLE, never INTERNAL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from shared import postgres
from shared.grpc_errors import is_away
from shared.postgres import make_engine
from tests.changes import eventually
from tests.conftest import execute_alone
from tests.links import Link, link_to

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
