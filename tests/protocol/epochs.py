"""Begins epochs and commits, in the registry's own database only, as `epoch_lock` does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of, term_of
from cqar_writer.database.epoch_lock import LOCKS_MAX
from cqar_writer.protocol import epoch_rules
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.protocol.terms import Remedy, is_later
from tests.protocol import writer_database as waiting
from tests.protocol.cluster import Connection
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Away, pause
from tests.protocol.violation import require
from tests.protocol.writer_database import WriterDatabase

#: An epoch that no standby confirms after so many looks may begin later.
LOOKS_MAX: Final = 8
#: The head that the stream's newest message speaks of; None where that is not to be had.
ReadTail = Callable[[], replication_pb2.Head | None]
#: A client hears that its change is made: where, and by which connection.
Acknowledge = Callable[[LogPosition, Connection], None]


class Epochs:
    def __init__(self, database: WriterDatabase, ledger: Ledger, tail: ReadTail) -> None:
        self._database = database
        self._ledger = ledger
        self._tail = tail

    async def run(self) -> None:
        """Begin an epoch as soon as anybody finds that one has to."""
        while True:
            if self._database.needs_epoch:
                self._database.needs_epoch = False
                try:
                    await self.renew()
                except Away:
                    await pause()
            await pause()

    async def locked(self) -> tuple[Connection, HeadRow]:
        """The registry's write lock, and the head behind it.

        Raises:
            Away: The database is not the registry's as it stands.
        """
        for _ in range(LOCKS_MAX):
            self._database.require_unfenced()
            connection = self._database.take()
            head, remedy = self._database.look(connection, locks=True)
            if remedy is Remedy.USE:
                return connection, head
            if remedy is Remedy.RENEW:
                await self.renew()
        raise Away

    async def renew(self, seen: LogPosition | None = None) -> bool:
        """Begin the epoch that a database needs which was promoted, or has lost commits."""
        if self._database.look(self._database.take()).remedy is not Remedy.RENEW:
            return False
        tail = self._tail()
        await pause()
        connection = connect_anew(self._database)
        head, remedy = self._database.look(connection, locks=True)
        if remedy is not Remedy.RENEW:
            return False
        known, at = self._database.newest.seen.position, position_of(head)
        needed = head.database_changed or known not in connection.server.line()
        require(needed, 0, "a needless epoch, for what is in the database:", known)
        led_here = self._database.leads_to(connection.server)
        require(led_here, 0, "an epoch begins where no address leads, after", at)
        beyond = seen if seen and positions.is_believable(at, seen) else at
        await self._begin(connection, head, tail, beyond)
        return True

    async def begin(self, expected_epoch: int, seen: LogPosition) -> bool:
        """Begin a new history for what was seen outside, unless another writer already did."""
        tail = self._tail()
        await pause()
        for _ in range(LOCKS_MAX):
            connection = self._database.take()
            head, remedy = self._database.look(connection, locks=True)
            self._database.require_unfenced()
            if remedy is Remedy.LEAVE:
                continue
            if head.epoch != expected_epoch:
                return False
            if remedy is not Remedy.USE:
                return await self.renew(seen)
            if tail is not None and is_later(head, tail):
                return False
            if not positions.is_believable(position_of(head), seen):
                return False
            self._ledger.begins(seen, connection.server.line())
            await self._begin(connection, head, tail, seen)
            self._ledger.begun(seen, position_of(connection.server.head()))
            return True
        return False

    async def _begin(
        self,
        connection: Connection,
        head: HeadRow,
        tail: replication_pb2.Head | None,
        seen: LogPosition,
    ) -> None:
        known = self._database.newest.seen.of(head.registry_id)
        later_us = max(head.promoted_at_us, known.term.promoted_at_us)
        published = [position_of(tail)] if tail is not None else []
        if not all(positions.is_believable(position_of(head), at) for at in published):
            published = []
        beyond = epoch_rules.max_position(seen, known.position, *published)
        lsn = connection.server.begin_epoch(beyond, later_us)
        self._require_unused(connection, [seen, known.position, *published])
        await waiting.await_commit(connection, lsn, LOOKS_MAX)
        self._note(connection.server.head())

    def _require_unused(self, connection: Connection, known: list[LogPosition]) -> None:
        """No number that anybody here was told is used again."""
        first = position_of(connection.server.last())
        for position in known:
            is_beyond = first.epoch > position.epoch and first.revision > position.revision
            require(is_beyond, 3, "an epoch begins at", first, "and known is", position)

    def _note(self, head: HeadRow) -> None:
        self._database.newest.note(*position_of(head))
        self._database.newest.note_term(term_of(head))

    # ------------------------------------------------------------ what clients ask for

    async def write(self, changes: Mapping[str, str | None], key: str, told: Acknowledge) -> None:
        """Commit a request's changes once, and acknowledge them when a failover keeps them.

        Raises:
            Away: They may be committed, or not.
        """
        connection, head = await self.locked()
        kept = connection.server.kept_answer(key)
        if kept is None and changes:
            lsn = connection.server.commit(changes, key)
            await waiting.await_commit(connection, lsn)
            kept = connection.server.kept_answer(key)
            if kept is None:
                raise Away
            self._database.newest.note(*kept)
        else:
            # Sent again, or it changes nothing: what is there may not be where a failover keeps it.
            kept = kept or position_of(head)
            await confirm_replay(connection)
        require_latest(self._database, head)
        told(kept, connection)


def connect_anew(database: WriterDatabase) -> Connection:
    """To where the address leads now."""
    database.drop()
    return database.take()


def require_latest(database: WriterDatabase, head: HeadRow) -> None:
    """As `Database.require_latest`: no database took this one's place since."""
    if term_of(head) < database.newest.seen.of(head.registry_id).term:
        raise Away


async def confirm_replay(connection: Connection) -> None:
    """Wait as a commit does."""
    await waiting.confirm(connection)


#: Begins an epoch beyond what was seen, where the epoch is still this one.
Bump = Callable[..., Awaitable[bool]]
