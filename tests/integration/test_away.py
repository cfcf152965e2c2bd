"""What a database that goes away looks like, however it goes: UNAVAILABLE, never INTERNAL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

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


async def test_a_statement_that_is_wrong_is_not_a_database_that_is_away(database: str) -> None:
    engine = make_engine(database, connections_max=1, application="cqar-test")
    async with engine.connect() as tx:
        with pytest.raises(sa.exc.DBAPIError) as raised:
            await tx.execute(sa.text("SELECT nothing FROM nowhere"))
    await engine.dispose()
    assert not is_away(raised.value)
