"""Finds the newest event in CQC_EVENTS that this registry published.

Whoever may publish there may put a message behind it that is none of ours, or that states a place
it does not have. So a message counts only if the outbox announces exactly that event at exactly
that place; all others are stepped over, newest first, and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import EVENTS
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_writer import metrics
from cqar_writer.protocol import event_cursor
from cqar_writer.protocol.event_cursor import ALL_OF_IT, START, EventCursor
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.relays.change_relay import ForeignStream
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

#: Messages that one step looks at; to read one takes 0.3 ms.
LOOKS_MAX: Final = 256
#: With more foreign messages than this behind the newest own event, all events that the stream
#: would keep are told again, under their ids: that takes less time than to look on.
FOREIGN_MAX: Final = 100_000


class LostEvent(NamedTuple):
    """An event of a revision that the database does not have any more."""

    at: EventCursor


class Looked(NamedTuple):
    """All up to the sequence `last` was looked at, and the newest own event there is `newest`.

    Attributes:
        chain: Of the revision that announced it; None where `newest` is no event.
    """

    created: str
    last: int
    newest: EventCursor
    chain: bytes | None


class Foreign(NamedTuple):
    """The messages from `first` to `last` are none of ours."""

    created: str
    first: int
    last: int


class EventTail:
    """Remembers what it looked at, so that no message is looked at twice."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._looked: Looked | None = None
        self._foreign: Foreign | None = None

    def published(
        self, info: StreamInfo, last: int, newest: EventCursor, rows: Sequence[OutboxRow]
    ) -> None:
        """This relay published these rows' events, up to `newest` at the sequence `last`."""
        chain = next(row.chain for row in rows if row.revision == newest.revision)
        self._looked, self._foreign = Looked(str(info.created), last, newest, chain), None

    def is_still_in(self, rows: Sequence[OutboxRow]) -> bool:
        """Whether the outbox, read from the newest own event on, still has that event.

        Where it has not, all that was looked at is forgotten: it may be looked at otherwise now.
        """
        known = self._looked
        if known is None or known.chain is None or (rows and rows[0].chain == known.chain):
            return True
        self._looked = None
        return False

    async def newest(
        self, tx: AsyncConnection, head: HeadRow, info: StreamInfo
    ) -> EventCursor | LostEvent | None:
        """The newest own event, or one that was lost; None if there is more to look at.

        Args:
            info: The stream's, read before the head was.

        Raises:
            ForeignStream: The stream is another registry's.
        """
        mark, owner = jetstream.mark_in(info), jetstream.owner_of(info)
        if owner not in ("", head.registry_id.hex()):
            raise _foreign_stream(head)
        known = self._looked
        if known and not (known.created == mark.created and mark.first <= known.last <= mark.last):
            known = None  # it is another stream, or what was looked at is gone from it
        looks, at, floor = 0, mark.last, known.last if known else max(mark.first, 1) - 1
        while at > floor and looks < LOOKS_MAX:
            if (seen := self._seen(mark.created)) is not None and seen.first <= at <= seen.last:
                at = seen.first - 1
                if mark.last - at > FOREIGN_MAX:
                    floor, known = at, None
                continue
            looks += 1
            found = await self._look(tx, head, at, is_claimed=bool(owner))
            if isinstance(found, LostEvent):
                return found
            if found is not None and (known is None or found[0] > known.newest):
                self._looked = Looked(mark.created, mark.last, *found)
                return self._looked.newest
            self._note_foreign(mark.created, at)
            at -= 1
        if at > floor:
            return None
        if known is None:
            known = Looked(mark.created, 0, await self._oldest(tx, mark.last, info), None)
        self._looked = known._replace(last=mark.last)
        return known.newest

    def _seen(self, created: str) -> Foreign | None:
        return self._foreign if self._foreign and self._foreign.created == created else None

    async def _look(
        self, tx: AsyncConnection, head: HeadRow, sequence: int, *, is_claimed: bool
    ) -> tuple[EventCursor, bytes] | LostEvent | None:
        """An own message's place, and its revision's chain; None if it is none, or not there."""
        try:
            message = await self._js.get_msg(EVENTS, seq=sequence)
        except NotFoundError:
            return None
        at = event_cursor.stated_in(message.headers or {}, head.registry_id)
        if at is None and not is_claimed:
            _require_no_other(message, head)
        if at is not None and positions.is_believable(position_of(head), _position(at)):
            if at.epoch > head.epoch or at.revision > head.revision:
                return LostEvent(at)
            rows = await outbox.rows_after(tx, at.revision - 1, 1)
            subject, payload = message.subject or "", message.data or b""
            if rows and event_cursor.is_told_by(rows[0], at, subject, payload):
                return at, rows[0].chain
            if at.epoch < head.epoch:
                log.warning("event %d:%d/%d is of a history that was lost", *at)
                return None
        metrics.FOREIGN.labels(EVENTS).inc()
        log.error("message %d of %s, on %s, is none of ours", sequence, EVENTS, message.subject)
        return None

    def _note_foreign(self, created: str, sequence: int) -> None:
        """Join it to what is known as foreign, where it lies beside that."""
        seen = self._seen(created)
        if seen is None or not seen.first - 1 <= sequence <= seen.last + 1:
            self._foreign = Foreign(created, sequence, sequence)
        else:
            first, last = min(seen.first, sequence), max(seen.last, sequence)
            self._foreign = Foreign(created, first, last)

    async def _oldest(self, tx: AsyncConnection, last: int, info: StreamInfo) -> EventCursor:
        """From where to tell, where the stream holds no own event."""
        if last == 0:
            return START
        # It held messages, and holds none: what the stream would have dropped by now stays so.
        age_s = info.config.max_age or 0
        since = await outbox.newest_older_than(tx, age_s) if age_s else None
        return EventCursor(*since, ALL_OF_IT) if since else START


def _position(at: EventCursor) -> LogPosition:
    return LogPosition(at.epoch, at.revision, b"")


def _require_no_other(message: RawStreamMsg, head: HeadRow) -> None:
    """Refuse a stream that nobody has claimed and another registry publishes in.

    Raises:
        ForeignStream: The message is another registry's.
    """
    if event_cursor.REGISTRY in (message.headers or {}):
        raise _foreign_stream(head)


def _foreign_stream(head: HeadRow) -> ForeignStream:
    return ForeignStream(
        f"{EVENTS} is not of registry {head.registry_id.hex()}:"
        " point the writer at its own NATS account, or delete the stream"
    )
