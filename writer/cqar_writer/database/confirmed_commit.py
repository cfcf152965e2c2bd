"""Commits that end, whatever becomes of who asked for them, and answers that wait like a commit.

Where PostgreSQL replicates synchronously, a COMMIT that waits for the standby and is cancelled is
committed all the same, on the primary alone: everybody reads it, and a failover loses it. asyncpg
cancels what runs when its caller goes away. So the wait is nobody's to cancel.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

#: After its caller went away, a commit is waited for this long; then its connection is given up,
#: which PostgreSQL does not take for a cancellation: it goes on waiting for the standby.
ABANDONED_S: Final = 60.0
#: Written to the log of the database and nowhere else; its COMMIT waits for the standby, and so
#: for all that was committed before it.
_MARK: Final = sa.text("SELECT pg_logical_emit_message(true, 'cqar', '')")
_IS_SYNCHRONOUS: Final = sa.text(
    "SELECT current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') NOT IN ('off', 'local')"
)


async def commit(tx: AsyncConnection) -> None:
    """Commit; a caller that is cancelled meanwhile hears of it when the commit has ended."""
    task = asyncio.ensure_future(tx.commit())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_for(task)
        if not task.done():
            await tx.invalidate()
        elif not task.cancelled():
            task.exception()  # nobody is left to be told
        raise


async def _wait_for(task: asyncio.Future[None]) -> None:
    """Until it has ended or is abandoned, however often the waiting is cancelled."""
    until_s = time.monotonic() + ABANDONED_S
    while not task.done() and (left_s := until_s - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=left_s)


async def confirm(tx: AsyncConnection) -> None:
    """Return once all that this transaction can have read is where a failover keeps it.

    Costs nothing but a look at two settings where replication is not synchronous.
    """
    if (await tx.execute(_IS_SYNCHRONOUS)).scalar_one():
        await tx.execute(_MARK)
        await commit(tx)


async def prove(tx: AsyncConnection) -> None:
    """Return once a commit of now is where a failover keeps it: no standby has taken over, then.

    For where commits wait for a standby. Unlike `confirm` this may be cancelled: nobody ever reads
    what it commits.
    """
    await tx.execute(_MARK)
    await tx.commit()
