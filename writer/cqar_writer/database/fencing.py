"""Fences this writer when another database has replaced its own.

If two databases both took changes, each relay would find messages in the stream that it did not
publish, and begin an epoch beyond them, without end. So a writer that sees a message of a later
database asks all writers. If one answers from that database, this writer is FENCED: it refuses
every call, answers no probe and relays nothing, until its address leads to a database as late. If
none answers, the message is skipped: otherwise whoever may publish could fence all writers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import term_of
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.protocol.terms import is_later

log = logging.getLogger(__name__)

#: How often a FENCED writer looks where its address leads.
LOOK_EVERY_S: Final = 1.0
LOOK_TIMEOUT_S: Final = 2.0
#: How often all writers are asked about a later database: a forger must not keep the relay busy.
ASK_APART_S: Final = 5.0

#: Asks all writers for a head that a predicate accepts, for at most 2 s; None if none answers so.
AskWriters = Callable[
    [Callable[[replication_pb2.Head], bool]], Awaitable[replication_pb2.Head | None]
]


async def no_writers(_: Callable[[replication_pb2.Head], bool]) -> replication_pb2.Head | None:
    """Stand in for a deployment without other writers."""
    return None


class Fencing:
    """Asks about later databases.

    Args:
        database: This writer's own.
        ask: Asks all writers.
    """

    def __init__(self, database: PrimaryDatabase, ask: AskWriters) -> None:
        self._database = database
        self._ask = ask
        self._asked_s = -ASK_APART_S

    async def heed(self, own: HeadRow, *others: replication_pb2.Head) -> bool:
        """Check heads that were heard of for a database that has replaced this writer's.

        Args:
            own: The head of this writer's database.
            others: Heads of any registry, genuine or forged.

        Returns:
            Whether one claims a later database from which no writer answers.

        Raises:
            ServiceNotReady: a writer answers from a later database.
        """
        later = [o for o in others if o.registry_id == own.registry_id and is_later(own, o)]
        if not later:
            return False
        if time.monotonic() - self._asked_s < ASK_APART_S:
            return True
        wanted = min(term_of(other) for other in later)
        answer = await self._ask(
            lambda head: head.registry_id == own.registry_id and term_of(head) >= wanted
        )
        if answer is None:
            self._asked_s = time.monotonic()
            log.error("no writer answers from a database of %s", wanted)
            return True
        log.error("another writer answers from a later database, of %s", term_of(answer))
        self._database.note_replaced(term_of(answer))
        raise ServiceNotReady("another database took the place of this writer's: try again")


class FenceMonitor:
    """Looks where the address leads while this writer is FENCED.

    Args:
        fenced_changed: Called with whether this writer is FENCED, whenever that changes.
    """

    def __init__(
        self, engine: AsyncEngine, database: PrimaryDatabase, fenced_changed: Callable[[bool], None]
    ) -> None:
        self._engine = engine
        self._database = database
        self._fenced_changed = fenced_changed
        self._was_fenced = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            raise_if_cancelled()
            if self._database.is_fenced:
                await self._look()
            if self._was_fenced != self._database.is_fenced:
                self._was_fenced = self._database.is_fenced
                self._fenced_changed(self._was_fenced)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        self._database.drop()
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S), self._engine.connect() as tx:
                await self._database.look(tx)
        except (ServiceNotReady, OSError, TimeoutError, sa.exc.SQLAlchemyError) as error:
            log.info("still FENCED: %s", error or type(error).__name__)
