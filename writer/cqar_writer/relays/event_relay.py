"""Publishes domain events on CQC_EVENTS, in order, from where the stream itself says it is.

The cursor is (epoch, revision, index) in the headers of the newest own message (`event_tail`). A
stream that was lost is filled again from the oldest outbox row; consumers know a repeated event by
its id. Of revisions that announce nothing the stream knows nothing: how far they were looked
through is kept here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from cqc.events.v1 import events_pb2
from nats.aio.client import Client
from nats.js.api import StreamInfo
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.codec.events import SUBJECT_PREFIX
from cqar_shared.messaging import atomic_batch, jetstream
from cqar_shared.messaging.atomic_batch import Message
from cqar_shared.messaging.jetstream import EVENTS
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.runtime import tracing
from cqar_writer import metrics
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol import event_cursor
from cqar_writer.protocol.event_cursor import EventCursor
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.protocol.terms import Remedy
from cqar_writer.reads.entity_history import trace_of
from cqar_writer.relays.event_tail import EventTail, LostEvent
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 16


class Silent(NamedTuple):
    """How far the outbox was looked through without a further event, the newest being `after`."""

    after: EventCursor
    at: LogPosition


def subjects() -> list[str]:
    """Our own subjects, one an event message; others in the namespace are not ours."""
    names = events_pb2.DESCRIPTOR.message_types_by_name
    return sorted(SUBJECT_PREFIX + _snake(name) for name in names)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class EventRelay:
    def __init__(
        self,
        engine: AsyncEngine,
        client: Client,
        bump: Callable[[int, int, int], Awaitable[bool]],
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._client = client
        self._js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        self._bump = bump
        self._tail = EventTail(self._js)
        self._silent: Silent | None = None

    async def step(self) -> bool:
        """Publish a batch; True if there may be more.

        Raises:
            ForeignStream: The stream is another registry's.
            NotReady: The database is not the registry's as it stands.
        """
        self._database.require_unfenced()
        info = await self._js.stream_info(EVENTS)
        async with self._engine.connect() as tx:
            head, remedy = await self._database.look(tx)
            if remedy is not Remedy.USE:
                return await self._renew(head, remedy)
            cursor = await self._tail.newest(tx, head, info)
            if cursor is None:
                return True
            if isinstance(cursor, LostEvent):
                log.error("an event of %d:%d is out, the database has lost it", *cursor.at[:2])
                return await self._bump(head.epoch, cursor.at.epoch, cursor.at.revision)
            silent = self._silent if self._silent and self._silent.after == cursor else None
            since = silent.at.revision if silent else cursor.revision
            rows = await outbox.rows_after(tx, since - 1, BATCH_ROWS)
        if silent and not (rows and position_of(rows[0]) == silent.at):
            # What was looked through was lost: the tail says whether events were, too.
            self._silent = None
            return True
        if not silent and not self._tail.is_still_in(rows):
            return True
        if not jetstream.owner_of(info):
            await jetstream.claim(self._js, info, head.registry_id)
        try:
            told = await self._publish(info, _messages(head.registry_id, rows, cursor))
        except jetstream.LostRace:
            return True
        if rows and told is None:
            self._silent = Silent(cursor, position_of(rows[-1]))
        elif told is not None:
            self._tail.published(info, *told, rows)
        is_more = len(rows) == BATCH_ROWS
        metrics.PROGRESS.told(rows[-1].revision if is_more else head.revision)
        return is_more

    async def _renew(self, head: HeadRow, remedy: Remedy) -> bool:
        """Nothing is told from a database that was left, or that needs a new epoch."""
        self._database.require_unfenced()
        if remedy is Remedy.RENEW:
            await self._bump(head.epoch, head.epoch, head.revision)
        return True

    async def _publish(
        self, info: StreamInfo, messages: Iterable[Message]
    ) -> tuple[int, EventCursor] | None:
        """Publish them all; returns the last one's sequence and place, None where none is."""
        # Of a server or a stream that knows no batches each message is one.
        together = bool(info.config.allow_atomic)
        batches = atomic_batch.batches_of(messages) if together else ([m] for m in messages)
        last, told = info.state.last_seq, None
        for batch in batches:
            last = await atomic_batch.publish_expecting(self._client, EVENTS, batch, last)
            told = last, event_cursor.written_in(batch[-1].headers)
            for subject, count in Counter(message.subject for message in batch).items():
                metrics.EVENTS.labels(subject.removeprefix(SUBJECT_PREFIX)).inc(count)
        return told


def _messages(
    registry_id: bytes, rows: Iterable[OutboxRow], cursor: EventCursor
) -> Iterator[Message]:
    """Yield the events after the cursor."""
    for row in rows:
        for index, event in enumerate(event_cursor.announced_in(row).events):
            if (at := EventCursor(row.epoch, row.revision, index)) <= cursor:
                continue
            with tracing.span("publish CQC_EVENTS", partial(trace_of, row)):
                traceparent = tracing.traceparent()
            traced = {tracing.TRACEPARENT: traceparent} if traceparent else {}
            own = event_cursor.headers_of(registry_id, at)
            yield Message(event.subject, event.payload, own | traced)
