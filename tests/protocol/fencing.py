"""A writer that asks about later databases, and looks again while FENCED: `fencing`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import term_of
from cqar_writer.database.fencing import ASK_APART_S, LOOK_EVERY_S
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.protocol.terms import is_later
from tests.protocol.pausing import Away, pause
from tests.protocol.writer_database import WriterDatabase

#: Asks every writer for its head, until one answers what is wanted.
AskAll = Callable[[Callable[[replication_pb2.Head], bool]], Awaitable[replication_pb2.Head | None]]


class Fencing:
    def __init__(
        self, database: WriterDatabase, clock: Callable[[], float], ask_all: AskAll
    ) -> None:
        self._database = database
        self._clock = clock
        self._ask_all = ask_all
        self._asked_s = -ASK_APART_S

    async def heed(self, own: HeadRow, *others: replication_pb2.Head) -> bool:
        """Whether others speak for a later database from which no writer answers.

        Raises:
            Away: One does.
        """
        later = [other for other in others if is_later(own, other)]
        if not later:
            return False
        if self._clock() - self._asked_s < ASK_APART_S:
            return True
        wanted = min(map(term_of, later))
        found = await self._ask_all(lambda head: term_of(head) >= wanted)
        if found is None:
            self._asked_s = self._clock()
            return True
        self._database.note_replaced(found)
        raise Away

    async def look_again(self) -> None:
        """While it is FENCED, look where the address leads."""
        looked_s = self._clock()
        while True:
            await pause()
            if self._database.is_fenced and self._clock() - looked_s >= LOOK_EVERY_S:
                looked_s = self._clock()
                self._database.drop()
                try:
                    self._database.look(self._database.take())
                except Away:
                    continue
