"""Whether another database took the place of this writer's, and what this writer does then.

Two databases that both take changes are a war: each relay finds what it did not publish in the
stream, and begins an epoch beyond it. So a message that speaks for a later database is asked about:
where a writer answers from that, this one is FENCED. It refuses every call, answers no probe and
relays nothing, until its address leads to a database as late. A message that nobody stands up for
is stepped over: whoever may publish in the stream could fence all writers otherwise.
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

#: A FENCED writer looks so often where its address leads.
LOOK_EVERY_S: Final = 1.0
LOOK_TIMEOUT_S: Final = 2.0
#: Who makes up later databases has the relay ask, and wait for all writers, only so often.
ASK_APART_S: Final = 5.0

#: Asks all writers for a head that this holds of, for at most 2 s; None where none answers it.
Ask = Callable[[Callable[[replication_pb2.Head], bool]], Awaitable[replication_pb2.Head | None]]


async def nobody(_: Callable[[replication_pb2.Head], bool]) -> replication_pb2.Head | None:
    """Where there is no other writer."""
    return None


class Fencing:
    """Asks about later databases.

    Args:
        database: This writer's.
        ask: Asks all writers.
    """

    def __init__(self, database: PrimaryDatabase, ask: Ask) -> None:
        self._database = database
        self._ask = ask
        self._asked_s = -ASK_APART_S

    async def heed(self, own: HeadRow, *others: replication_pb2.Head) -> bool:
        """Look whether others, of whom was heard, speak for a database that took this one's place.

        Args:
            own: The head of this writer's database.
            others: Of any registry, true or made up.

        Returns:
            Whether one says so and no writer answers from such a database.

        Raises:
            NotReady: There is one.
        """
        later = [o for o in others if o.registry_id == own.registry_id and is_later(own, o)]
        if not later:
            return False
        if time.monotonic() - self._asked_s < ASK_APART_S:
            return True
        wanted = min(term_of(other) for other in later)
        found = await self._ask(
            lambda head: head.registry_id == own.registry_id and term_of(head) >= wanted
        )
        if found is None:
            self._asked_s = time.monotonic()
            log.error("no writer answers from a database of %s", wanted)
            return True
        log.error("another writer answers from a later database, of %s", term_of(found))
        self._database.is_replaced(term_of(found))
        raise ServiceNotReady("another database took the place of this writer's: try again")


class Watch:
    """Looks again where the address leads, while this writer is FENCED.

    Args:
        tell: Called with whether it is, as often as that changes.
    """

    def __init__(
        self, engine: AsyncEngine, database: PrimaryDatabase, tell: Callable[[bool], None]
    ) -> None:
        self._engine = engine
        self._database = database
        self._tell = tell
        self._told = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            raise_if_cancelled()
            if self._database.is_fenced:
                await self._look()
            if self._told != self._database.is_fenced:
                self._told = self._database.is_fenced
                self._tell(self._told)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        self._database.drop()
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S), self._engine.connect() as tx:
                await self._database.look(tx)
        except (ServiceNotReady, OSError, TimeoutError, sa.exc.SQLAlchemyError) as error:
            log.info("still FENCED: %s", error or type(error).__name__)
