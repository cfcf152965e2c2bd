"""Reads the registry's head for many callers at once.

The answer to a probe must be read after the probe came, or it proves nothing about freshness. So a
caller never joins a read that has begun; all that come during one share the next. Nor does an
answer prove anything if a standby has replaced the primary unnoticed: with synchronous replication
it counts only after a standby has confirmed a commit made after the question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import is_reached
from cqar_writer.database import confirmed_commit
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.protocol.log_rows import HeadRow, head_message

#: A read takes a millisecond; a resolver that asks for the head waits for 2 s.
READ_TIMEOUT_S: Final = 1.5


class _SharedRead:
    """Runs a read once for all callers that asked before it began."""

    def __init__(self, read: Callable[[], Awaitable[HeadRow]]) -> None:
        self._read = read
        self._running: asyncio.Task[HeadRow] | None = None
        self._next: asyncio.Task[HeadRow] | None = None

    async def result(self) -> HeadRow:
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[HeadRow] | None) -> HeadRow:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._read()


class HeadReader:
    """Reads the head.

    Args:
        database: Judges the server behind `engine`; None: by what is read here alone.
    """

    def __init__(self, engine: AsyncEngine, database: PrimaryDatabase | None = None) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._read, self._confirmed = _SharedRead(self._read_once), _SharedRead(self._confirm_once)

    async def read(self) -> HeadRow:
        """Return the head as it was at some moment after this call.

        Raises:
            ServiceNotReady: the database is not the registry's current one.
            TimeoutError: PostgreSQL does not answer.
        """
        return await self._read.result()

    async def confirmed(self) -> HeadRow:
        """Like `read`, from a database that no failover has replaced before the answer.

        Raises:
            ServiceNotReady: the database is not the registry's current one.
            TimeoutError: PostgreSQL does not answer, or no standby confirms a commit.
        """
        return await self._confirmed.result()

    async def _read_once(self) -> HeadRow:
        self._database.require_unfenced()
        # A read that hangs must not delay the next one, which has a connection of its own.
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
        """Return if the registry has reached a position: nobody is further than PostgreSQL.

        Raises:
            ServiceNotReady: the registry is before it, and waiting would not help.
            EpochEnded: the registry is in a later epoch.
        """
        head = await self.read()
        if not is_reached((epoch, revision), head.epoch, head.revision):
            message = f"the registry is at {head.epoch}:{head.revision}, before {epoch}:{revision}"
            raise ServiceNotReady(message)

    async def answer(self, _: bytes) -> bytes:
        """Answer a resolver's probe."""
        return head_message(await self.confirmed()).SerializeToString()
