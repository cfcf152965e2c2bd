"""Finds the newest event in CQC_EVENTS that this registry published.

Whoever may publish there may add a message that is not this registry's, or that states a wrong
place. So a message counts only if the outbox announces exactly that event at exactly that place.
All others are skipped, newest first, and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import EVENTS
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer.protocol import event_cursor
from cqar_writer.protocol.event_cursor import AFTER_ALL_EVENTS, START, EventCursor
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.relays.foreign_messages import note_foreign, require_own
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

#: Messages that one step reads; each takes 0.3 ms.
READS_MAX: Final = 256
#: If more foreign messages than this follow the newest own event, all events that the stream would
#: keep are published again, under their ids: that is faster than to read on.
FOREIGN_MAX: Final = 100_000


class LostEvent(NamedTuple):
    """An event of a revision that the database has lost."""

    cursor: EventCursor


class ScannedTail(NamedTuple):
    """The stream was read up to the sequence `last`; the newest own event is `newest`.

    Attributes:
        chain: The chain of the revision that announced it; None if `newest` is no event.
    """

    created: str
    last: int
    newest: EventCursor
    chain: bytes | None


class ForeignRange(NamedTuple):
    """The messages from `first` to `last` are not this registry's."""

    created: str
    first: int
    last: int


class EventTail:
    """Remembers what it read, so that no message is read twice."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._scanned: ScannedTail | None = None
        self._foreign: ForeignRange | None = None

    def published(
        self, info: StreamInfo, last: int, newest: EventCursor, rows: Sequence[OutboxRow]
    ) -> None:
        """Note that this relay published the rows' events, up to `newest` at sequence `last`."""
        chain = next(row.chain for row in rows if row.revision == newest.revision)
        self._scanned = ScannedTail(str(info.created), last, newest, chain)
        self._foreign = None

    def is_still_in(self, rows: Sequence[OutboxRow]) -> bool:
        """Whether the outbox, read from the newest own event on, still has that event.

        If it has not, everything is forgotten: the same messages may count differently now.
        """
        known = self._scanned
        if known is None or known.chain is None or (rows and rows[0].chain == known.chain):
            return True
        self._scanned = None
        return False

    async def newest(
        self, tx: AsyncConnection, head: HeadRow, info: StreamInfo
    ) -> EventCursor | LostEvent | None:
        """Return the newest own event, or one that was lost; None if there is more to read.

        Args:
            info: The stream's state, read before the head.

        Raises:
            ForeignStream: the stream belongs to another registry.
        """
        mark, owner = jetstream.mark_in(info), jetstream.owner_of(info)
        require_own(EVENTS, owner, head.registry_id)
        known = self._scanned
        if known and not (known.created == mark.created and mark.first <= known.last <= mark.last):
            known = None  # the stream was made anew, or has dropped what was read
        reads, sequence = 0, mark.last
        floor = known.last if known else max(mark.first, 1) - 1
        while sequence > floor and reads < READS_MAX:
            foreign = self._foreign_in(mark.created)
            if foreign is not None and foreign.first <= sequence <= foreign.last:
                sequence = foreign.first - 1
                if mark.last - sequence > FOREIGN_MAX:
                    floor, known = sequence, None
                continue
            reads += 1
            event = await self._read(tx, head, sequence, is_claimed=bool(owner))
            if isinstance(event, LostEvent):
                return event
            if event is not None and (known is None or event[0] > known.newest):
                self._scanned = ScannedTail(mark.created, mark.last, *event)
                return self._scanned.newest
            self._extend_foreign(mark.created, sequence)
            sequence -= 1
        if sequence > floor:
            return None
        if known is None:
            known = ScannedTail(mark.created, 0, await self._oldest(tx, mark.last, info), None)
        self._scanned = known._replace(last=mark.last)
        return known.newest

    def _foreign_in(self, created: str) -> ForeignRange | None:
        return self._foreign if self._foreign and self._foreign.created == created else None

    async def _read(
        self, tx: AsyncConnection, head: HeadRow, sequence: int, *, is_claimed: bool
    ) -> tuple[EventCursor, bytes] | LostEvent | None:
        """Return an own event's place and its revision's chain; None if it is foreign or gone."""
        try:
            message = await self._js.get_msg(EVENTS, seq=sequence)
        except NotFoundError:
            return None
        headers = message.headers or {}
        cursor = event_cursor.parse_cursor(headers, head.registry_id)
        if cursor is None and not is_claimed:
            require_own(EVENTS, headers.get(event_cursor.REGISTRY, ""), head.registry_id)
        if cursor is not None and positions.is_believable(
            position_of(head), LogPosition(cursor.epoch, cursor.revision, b"")
        ):
            if cursor.epoch > head.epoch or cursor.revision > head.revision:
                return LostEvent(cursor)
            rows = await outbox.rows_after(tx, cursor.revision - 1, 1)
            subject, payload = message.subject or "", message.data or b""
            if rows and event_cursor.announces(rows[0], cursor, subject, payload):
                return cursor, rows[0].chain
            if cursor.epoch < head.epoch:
                log.warning("event %d:%d/%d is of a history that was lost", *cursor)
                return None
        note_foreign(EVENTS, sequence, f"is no event of this registry, on {message.subject}")
        return None

    def _extend_foreign(self, created: str, sequence: int) -> None:
        """Add a message to the foreign range if it is adjacent; else begin a range."""
        known = self._foreign_in(created)
        if known is None or not known.first - 1 <= sequence <= known.last + 1:
            self._foreign = ForeignRange(created, sequence, sequence)
        else:
            first, last = min(known.first, sequence), max(known.last, sequence)
            self._foreign = ForeignRange(created, first, last)

    async def _oldest(self, tx: AsyncConnection, last: int, info: StreamInfo) -> EventCursor:
        """Where to begin if the stream holds no own event."""
        if last == 0:
            return START
        # The stream held messages and holds none of ours: what it would have dropped stays dropped.
        age_s = info.config.max_age or 0
        since = await outbox.newest_older_than(tx, age_s) if age_s else None
        return EventCursor(*since, AFTER_ALL_EVENTS) if since else START
