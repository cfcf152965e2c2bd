"""The registry's head, read for many askers at once.

A probe's answer must have been read after the probe came, or it proves nothing about
freshness. So an asker never joins a read that has begun; all who come during one share the next.
Nor does it prove anything if it comes from a primary that a standby has replaced, unnoticed: where
replication is synchronous, it counts only once a commit after the question was confirmed there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import is_reached
from cqar_writer.database import confirmed_commit
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.log_rows import HeadRow, head_message

#: To read the head takes a millisecond; who asks a writer for it waits for 2 s.
READ_TIMEOUT_S: Final = 1.5


class _Shared:
    """One work for all who want it done after they asked."""

    def __init__(self, work: Callable[[], Awaitable[HeadRow]]) -> None:
        self._work = work
        self._running: asyncio.Task[HeadRow] | None = None
        self._next: asyncio.Task[HeadRow] | None = None

    async def done(self) -> HeadRow:
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[HeadRow] | None) -> HeadRow:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._work()


class Heads:
    """Reads the head for whoever asks.

    Args:
        database: Judges what `engine` leads to; None: by what is read here alone.
    """

    def __init__(self, engine: AsyncEngine, database: PrimaryDatabase | None = None) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._read, self._confirmed = _Shared(self._read_once), _Shared(self._confirm_once)

    async def read(self) -> HeadRow:
        """The head, as it was at some moment after this call.

        Raises:
            NotReady: The database is not the registry's as it stands.
            TimeoutError: It does not answer.
        """
        return await self._read.done()

    async def confirmed(self) -> HeadRow:
        """As `read`, of a database that a failover has not replaced when that is over.

        Raises:
            NotReady, TimeoutError: As there; the second too where no standby confirms a commit.
        """
        return await self._confirmed.done()

    async def _read_once(self) -> HeadRow:
        self._database.require_unfenced()
        # A read that hangs must not keep the next one waiting: that has a connection of its own.
        async with asyncio.timeout(READ_TIMEOUT_S), self._engine.connect() as tx:
            return await self._database.head(tx)

    async def _confirm_once(self) -> HeadRow:
        self._database.require_unfenced()
        async with asyncio.timeout(READ_TIMEOUT_S), self._engine.connect() as tx:
            head = await self._database.head(tx)
            if head.waits_for_standby:
                await confirmed_commit.prove(tx)
        self._database.require_latest(head)
        return head

    async def reach(self, epoch: int, revision: int, _: float) -> None:
        """Return if the registry is at least there: nobody is further than PostgreSQL.

        Raises:
            NotReady: It is not, and waiting would not help.
            EpochChanged: It is of a later epoch.
        """
        head = await self.read()
        if not is_reached((epoch, revision), head.epoch, head.revision):
            message = f"the registry is at {head.epoch}:{head.revision}, before {epoch}:{revision}"
            raise ServiceNotReady(message)

    async def answer(self, _: bytes) -> bytes:
        """Answer a resolver's probe."""
        return head_message(await self.confirmed()).SerializeToString()
