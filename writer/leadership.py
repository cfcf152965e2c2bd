"""Which writer's relay leads, and a wake-up for all of them.

Leadership is for efficiency only: what the relays publish is safe without it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from shared import pg_session
from writer import metrics, outbox

log = logging.getLogger(__name__)

#: The relay's leader holds this session-level advisory lock. Any constant would do.
LEADER_LOCK: Final = 0x63716C64
#: Nothing that is asked here takes a millisecond; a server that is stopped answers never.
QUERY_TIMEOUT_S: Final = 2.0


@asynccontextmanager
async def leadership(database_url: str, heard: Callable[[str], None]) -> AsyncIterator[Any]:
    """A session of its own that listens for commits and tries for the leader's lock.

    Yields a function that says whether this session leads. The lock ends with the session,
    so a leader that dies frees it, and one whose connection broke leads no more.
    """
    connection = await pg_session.connect(
        database_url, "cqar-relay", command_timeout_s=QUERY_TIMEOUT_S
    )
    leads = False

    async def try_to_lead() -> bool:
        nonlocal leads
        if connection.is_closed():
            message = "the relay's session with PostgreSQL is lost"
            raise ConnectionError(message)
        if not leads:
            leads = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
            if leads:
                log.info("this writer's relay leads")
        return leads

    try:
        await connection.add_listener(outbox.CHANNEL, lambda *told: heard(str(told[-1])))
        yield try_to_lead
    finally:
        metrics.LEADER.set(0)
        connection.terminate()
