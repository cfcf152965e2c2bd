"""What a writer's process makes of its database's head; the real core judges it."""

from __future__ import annotations

from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication.positions import term_of
from cqar_writer.database.primary import NewestPosition
from cqar_writer.protocol import terms
from cqar_writer.protocol.log_rows import HeadRow, head_message
from cqar_writer.protocol.terms import Remedy, Verdict
from tests.protocol.cluster import Connection, Pool
from tests.protocol.database import Database
from tests.protocol.pausing import Away, pause

#: Who asks for a head waits for a commit no longer than so many looks.
LOOKS_MAX: Final = 3


class Judged(NamedTuple):
    head: HeadRow
    remedy: Remedy


class WriterDatabase:
    """As `PrimaryDatabase` and `HeadReader` in `cqar_writer.database`.

    Attributes:
        is_fenced: Whether the address leads to a database that another took the place of.
        needs_epoch: A new epoch is to begin.
    """

    def __init__(self, pool: Pool, newest: NewestPosition) -> None:
        self._pool = pool
        self.newest = newest
        self.is_fenced = False
        self.needs_epoch = False
        self._is_dropped = False
        self._timeline: int | None = None

    # ------------------------------------------------------------ judging

    def look(self, connection: Connection, *, locks: bool = False) -> Judged:
        """The head, and what is to be done about the database that says so."""
        connection.require_open()
        server = connection.server
        head = server.lock_head() if locks else server.head()
        if self._timeline not in (None, head.found_timeline_id):
            self.drop()
        self._timeline = head.found_timeline_id
        return self._judged(connection, head)

    def read(self) -> tuple[Connection, HeadRow]:
        """A connection to the registry's database as it stands, and the head there.

        Raises:
            Away: There is none.
        """
        connection = self._pool.take()
        head, remedy = self.look(connection)
        if remedy is not Remedy.USE:
            raise Away
        return connection, head

    def place(self) -> tuple[Connection, HeadRow]:
        """As `read`, without looking at what the database says of itself."""
        connection = self._pool.take()
        connection.require_open()
        head = connection.server.head()
        unlooked = head._replace(found_timeline_id=head.timeline_id)
        if self._judged(connection, unlooked).remedy is not Remedy.USE:
            raise Away
        return connection, head

    def _judged(self, connection: Connection, head: HeadRow) -> Judged:
        seen = self.newest.seen
        verdict = terms.judge(seen, head)
        if verdict is Verdict.CURRENT and not _comes_after(connection, seen, head):
            verdict = Verdict.BEHIND
        is_fresh = self._is_dropped and connection.opened == self._pool.drops
        remedy = terms.remedy(verdict, is_fresh=is_fresh)
        if remedy is Remedy.USE:
            self.newest.note_head(head)
            self._is_dropped = self.is_fenced = False
        elif remedy is Remedy.RENEW:
            self.needs_epoch = True
        else:
            self.is_fenced |= remedy is Remedy.FENCE
            self.drop()
        return Judged(head, remedy)

    def drop(self) -> None:
        self._pool.drop()
        self._is_dropped = True

    def take(self) -> Connection:
        return self._pool.take()

    def leads_to(self, server: Database) -> bool:
        """Whether the address leads there: only assertions ask."""
        return self._pool.leads_to(server)

    def require_unfenced(self) -> None:
        if self.is_fenced:
            raise Away

    def note_replaced(self, head: replication_pb2.Head) -> None:
        """Another writer answers from a later database."""
        self.newest.note_term(term_of(head))
        self.drop()

    # ------------------------------------------------------------ asked by others

    async def answer(self) -> replication_pb2.Head:
        """Answer a probe: with a head that was the registry's after the question came.

        Raises:
            Away: There is none to be had.
        """
        self.require_unfenced()
        await pause()
        connection, head = self.read()
        await confirm(connection, LOOKS_MAX)
        return head_message(head)


def _comes_after(connection: Connection, seen: terms.ObservedTerm, head: HeadRow) -> bool:
    if connection.compared or not terms.needs_chain_check(seen, head):
        connection.compared = True
        return True
    rows = connection.server.rows_after(seen.position.revision - 1, 1)
    chain = rows[0].chain if rows and rows[0].revision == seen.position.revision else None
    connection.compared = chain == seen.position.chain
    return connection.compared


async def confirm(connection: Connection, looks_max: int | None = None) -> None:
    """As `cqar_writer.database.confirmed_commit.confirm`: what was read is where a failover keeps
    it.

    Raises:
        Away: The connection ends first, or it takes too long.
    """
    if connection.server.standby.is_synchronous:
        await await_commit(connection, connection.server.mark(), looks_max)


async def await_commit(connection: Connection, lsn: int, looks_max: int | None = None) -> None:
    """Wait until a COMMIT at this place returns."""
    while not connection.server.is_confirmed(lsn):
        if looks_max == 0:
            raise Away
        looks_max = None if looks_max is None else looks_max - 1
        await pause()
        connection.require_open()
