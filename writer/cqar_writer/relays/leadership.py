"""Which writer's relay leads, and a wake-up for all of them.

Leadership is for efficiency only: what the relays publish is safe without it.
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

#: The relay's leader holds this session-level advisory lock. Any constant would do.
LEADER_LOCK: Final = 0x63716C64
#: Nothing that is asked here takes a millisecond; a server that is stopped answers never.
QUERY_TIMEOUT_S: Final = 2.0
#: A session that says nothing for so long is of a process that is stopped or cut off: PostgreSQL
#: ends it, and another relay leads. One that goes on says so this often.
SILENT_MS: Final = 4_000
AWAKE_EVERY_S: Final = 1.0


@asynccontextmanager
async def leadership(database_url: str, heard: Callable[[str], None]) -> AsyncIterator[Any]:
    """A session of its own that listens for commits and tries for the leader's lock.

    Yields a function that says whether this session leads. The lock ends with the session,
    so a leader that dies frees it, and one whose connection broke leads no more.
    """
    connection = await pg_session.connect(
        database_url,
        "cqar-relay",
        settings={"idle_session_timeout": str(SILENT_MS)},
        command_timeout_s=QUERY_TIMEOUT_S,
    )
    leads = False
    # A connection answers one question at a time.
    asking = asyncio.Lock()

    async def try_to_lead() -> bool:
        nonlocal leads
        if connection.is_closed():
            message = "the relay's session with PostgreSQL is lost"
            raise ConnectionError(message)
        if not leads:
            async with asking:
                leads = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
            if leads:
                log.info("this writer's relay leads")
        return leads

    awake = asyncio.create_task(_stay_awake(connection, asking))
    try:
        async with asking:
            await connection.add_listener(outbox.CHANNEL, lambda *told: heard(str(told[-1])))
        yield try_to_lead
    finally:
        awake.cancel()
        metrics.LEADER.set(0)
        connection.terminate()


async def _stay_awake(connection: Any, asking: asyncio.Lock) -> None:
    """Keep the session, until it is lost: also while a step of the relay takes long."""
    try:
        while True:
            await asyncio.sleep(AWAKE_EVERY_S)
            async with asking:
                await connection.execute("SELECT")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("the relay's session does not answer: %s: %s", type(error).__name__, error)
        connection.terminate()
