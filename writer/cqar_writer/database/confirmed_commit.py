"""Commits that no caller can cancel, and reads that wait until a failover keeps what they read.

With synchronous replication, a COMMIT that is cancelled while it waits for the standby stays
committed on the primary alone: everybody reads it, and a failover loses it. asyncpg cancels a
running statement when its caller goes away. So callers cannot cancel the wait.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

#: How long a commit is waited for after its caller went away. Then its connection is given up;
#: PostgreSQL does not take that for a cancellation and goes on waiting for the standby.
ABANDONED_S: Final = 60.0
#: Writes to the database's log and nowhere else. Its COMMIT waits for the standby, and so for every
#: earlier commit.
_MARK: Final = sa.text("SELECT pg_logical_emit_message(true, 'cqar', '')")
_IS_SYNCHRONOUS: Final = sa.text(
    "SELECT current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') NOT IN ('off', 'local')"
)


async def commit(tx: AsyncConnection) -> None:
    """Commit; a caller that is cancelled meanwhile is told so after the commit has ended."""
    task = asyncio.ensure_future(tx.commit())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_for(task)
        if not task.done():
            await tx.invalidate()
        elif not task.cancelled():
            task.exception()  # nobody is left to hear of it
        raise


async def _wait_for(task: asyncio.Future[None]) -> None:
    """Wait until the task has ended or is abandoned, however often the wait is cancelled."""
    until_s = time.monotonic() + ABANDONED_S
    while not task.done() and (left_s := until_s - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=left_s)


async def confirm(tx: AsyncConnection) -> None:
    """Return once a failover can no longer lose anything that this transaction can have read.

    Without synchronous replication it costs a look at two settings.
    """
    if (await tx.execute(_IS_SYNCHRONOUS)).scalar_one():
        await tx.execute(_MARK)
        await commit(tx)


async def prove(tx: AsyncConnection) -> None:
    """Return once a standby has confirmed a commit made now, so that none has taken over.

    Only for synchronous replication. Unlike `confirm` it may be cancelled: nobody reads what it
    commits.
    """
    await tx.execute(_MARK)
    await tx.commit()
