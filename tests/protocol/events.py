"""The stream of domain events, one a revision, and a relay into it as `event_relay`'s."""

from __future__ import annotations

from collections.abc import Sequence

from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.protocol.terms import Remedy
from tests.protocol.database import ROWS_MAX
from tests.protocol.epochs import Bump
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Away, again_and_again, pause
from tests.protocol.violation import require
from tests.protocol.writer_database import WriterDatabase


class EventStream:
    """CQC_EVENTS: it compares and sets, and is never lost.

    Attributes:
        told: Of which commits an event is there, in order.
    """

    def __init__(self) -> None:
        self.told: list[LogPosition] = []

    def publish(self, expected: int, at: LogPosition) -> bool:
        """Whether nobody else published meanwhile."""
        if len(self.told) != expected:
            return False
        self.told.append(at)
        return True


class EventRelay:
    """Whose each message is, which `cqar_writer.relays.event_tail` looks up, it knows."""

    def __init__(self, database: WriterDatabase, stream: EventStream, bump: Bump) -> None:
        self._database = database
        self._stream = stream
        self._bump = bump

    async def run(self) -> None:
        await again_and_again(self._step, Away)

    async def _step(self) -> None:
        self._database.require_unfenced()
        seen = list(self._stream.told)
        await pause()
        connection = self._database.take()
        head, remedy = self._database.look(connection)
        if remedy is not Remedy.USE:
            return
        newest = newest_of(seen, connection.server.line())
        if newest.epoch > head.epoch or newest.revision > head.revision:
            await self._bump(head.epoch, newest)
            return
        rows = connection.server.rows_after(newest.revision - 1, ROWS_MAX + 1)
        await pause()
        for place, row in enumerate(after(newest, rows), start=len(seen)):
            if not self._stream.publish(place, row):
                return


def newest_of(told: Sequence[LogPosition], line: Sequence[LogPosition]) -> LogPosition:
    """The newest event of what a database has, or one that it has lost.

    What was of a history before that is stepped over, as `EventTail` does.
    """
    at, held = line[-1], set(line)
    for one in reversed(told):
        if one in held or one.epoch > at.epoch or one.revision > at.revision:
            return one
    return LogPosition(0, 0, b"")


def after(newest: LogPosition, rows: list[OutboxRow]) -> list[LogPosition]:
    """The commits whose events come after the newest that is out."""
    return [position_of(row) for row in rows if row.revision > newest.revision]


def require_told(ledger: Ledger, stream: EventStream) -> None:
    """Every commit of the registry's history was told of, those that begin epochs among them."""
    told = set(stream.told)
    for at in list(ledger.line)[1:]:
        require(at in told, 5, "an event is lost:", at)
