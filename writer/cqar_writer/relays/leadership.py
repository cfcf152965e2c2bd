"""Elects the writer whose relay leads, and listens for commits.

Leadership only saves work: what the relays publish is safe without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from cqar_shared.sql import pg_session
from cqar_writer import metrics
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

#: The leader holds this session-level advisory lock. Any constant would do.
LEADER_LOCK: Final = 0x63716C64
#: No query here takes a millisecond; a stopped server never answers.
QUERY_TIMEOUT_S: Final = 2.0
#: PostgreSQL ends a session that is silent for this long, since its process is stopped or cut off;
#: then another relay leads. A live session sends a statement this often.
SESSION_IDLE_MS: Final = 4_000
KEEPALIVE_EVERY_S: Final = 1.0


@asynccontextmanager
async def leader_session(database_url: str, heard: Callable[[str], None]) -> AsyncIterator[Any]:
    """Open a session that listens for commits and can take the leader's lock.

    Yields a function that returns whether this session leads. The lock ends with the session,
    so a leader that dies frees it, and one whose connection broke no longer leads.

    Args:
        heard: Called with the payload of each NOTIFY.
    """
    connection = await pg_session.connect(
        database_url,
        "cqar-relay",
        settings={"idle_session_timeout": str(SESSION_IDLE_MS)},
        command_timeout_s=QUERY_TIMEOUT_S,
    )
    leads = False
    # A connection runs one statement at a time.
    statement = asyncio.Lock()

    async def try_to_lead() -> bool:
        nonlocal leads
        if connection.is_closed():
            message = "the relay's session with PostgreSQL is lost"
            raise ConnectionError(message)
        if not leads:
            async with statement:
                leads = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
            if leads:
                log.info("this writer's relay leads")
        return leads

    keepalive = asyncio.create_task(_keep_alive(connection, statement))
    try:
        async with statement:
            await connection.add_listener(outbox.CHANNEL, lambda *notice: heard(str(notice[-1])))
        yield try_to_lead
    finally:
        keepalive.cancel()
        metrics.LEADER.set(0)
        connection.terminate()


async def _keep_alive(connection: Any, statement: asyncio.Lock) -> None:
    """Keep the session alive until it is lost, even while a step of the relay takes long."""
    try:
        while True:
            await asyncio.sleep(KEEPALIVE_EVERY_S)
            async with statement:
                await connection.execute("SELECT")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("the relay's session does not answer: %s: %s", type(error).__name__, error)
        connection.terminate()
