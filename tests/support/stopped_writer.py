"""A writer of a test's own, in a process that can be stopped: it takes the write lock and waits.

`python -m tests.support.stopped_writer URL WAITERS`: says `held` once it holds the lock and so
many more of its
connections wait for it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from cqar_shared.sql.postgres import make_engine
from cqar_writer.store import head_rows
from tests.support.service_processes import ROOT

APPLICATION = "cqar-stopped"
#: Sessions that wait for a lock.
_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = :application AND wait_event_type = 'Lock'"
)


async def hold(url: str, waiters: int) -> None:
    engine = make_engine(url, connections_max=waiters + 2, application=APPLICATION)

    async def wait_for_it() -> None:
        async with engine.connect() as tx:
            await head_rows.lock_head(tx)
            await asyncio.Event().wait()

    async with engine.connect() as tx:
        await head_rows.lock_head(tx)
        tasks = [asyncio.create_task(wait_for_it()) for _ in range(waiters)]
        while True:
            async with engine.connect() as aside:
                found = await aside.execute(_WAITING, {"application": APPLICATION})
                if found.scalar_one() == waiters:
                    break
            await asyncio.sleep(0.02)
            await tx.execute(sa.text("SELECT"))
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def stopped_holder(url: str, *, waiters: int) -> AsyncIterator[Process]:
    """A process that is stopped (SIGSTOP) while it holds the write lock, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.stopped_writer", url, str(waiters)),
        stdout=PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], int(sys.argv[2])))
