"""Publishes domain events on CQC_EVENTS, in order, after the newest event that is in the stream.

The cursor is (epoch, revision, index) in the headers of the newest own message (`event_tail`). A
lost stream is filled again from the oldest outbox row; consumers recognise a repeated event by its
id. The stream does not say which revisions announce nothing: the relay remembers how far it has
read them.
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
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.protocol import event_cursor
from cqar_writer.protocol.event_cursor import EventCursor
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.protocol.terms import Remedy
from cqar_writer.reads.entity_history import trace_of
from cqar_writer.relays.event_tail import EventTail, LostEvent
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 16


class SilentRows(NamedTuple):
    """The outbox rows after the event `after` announce nothing, up to `last`."""

    after: EventCursor
    last: LogPosition


def subjects() -> list[str]:
    """The registry's subjects, one for each event message."""
    names = events_pb2.DESCRIPTOR.message_types_by_name
    return sorted(SUBJECT_PREFIX + _snake(name) for name in names)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class EventRelay:
    """Advances the stream of events towards the database's head, a batch at a time."""

    def __init__(
        self,
        engine: AsyncEngine,
        client: Client,
        bump: Callable[[int, int, int], Awaitable[bool]],
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._client = client
        self._js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        self._bump = bump
        self._tail = EventTail(self._js)
        self._silent: SilentRows | None = None

    async def step(self) -> bool:
        """Publish a batch; True if there may be more.

        Raises:
            ForeignStream: the stream belongs to another registry.
            ServiceNotReady: the database is not the registry's current one.
        """
        self._database.require_unfenced()
        info = await self._js.stream_info(EVENTS)
        async with self._engine.connect() as tx:
            head, remedy = await self._database.look(tx)
            if remedy is not Remedy.USE:
                # As in `ChangeRelay.step`.
                self._database.require_unfenced()
                return remedy is Remedy.LEAVE
            cursor = await self._tail.newest(tx, head, info)
            if cursor is None:
                return True
            if isinstance(cursor, LostEvent):
                lost = cursor.cursor
                log.error("the database has lost a published event of %d:%d", *lost[:2])
                return await self._bump(head.epoch, lost.epoch, lost.revision)
            silent = self._silent if self._silent and self._silent.after == cursor else None
            since = silent.last.revision if silent else cursor.revision
            rows = await outbox.rows_after(tx, since - 1, BATCH_ROWS)
        if silent and not (rows and position_of(rows[0]) == silent.last):
            # Rows that announced nothing were lost; the tail tells whether events were, too.
            self._silent = None
            return True
        if not silent and not self._tail.is_still_in(rows):
            return True
        if not jetstream.owner_of(info):
            await jetstream.claim(self._js, info, head.registry_id)
        try:
            published = await self._publish(info, _messages(head.registry_id, rows, cursor))
        except jetstream.LostRace:
            return True
        if rows and published is None:
            self._silent = SilentRows(cursor, position_of(rows[-1]))
        elif published is not None:
            self._tail.published(info, *published, rows)
        is_more = len(rows) == BATCH_ROWS
        metrics.PROGRESS.announced(rows[-1].revision if is_more else head.revision)
        return is_more

    async def _publish(
        self, info: StreamInfo, messages: Iterable[Message]
    ) -> tuple[int, EventCursor] | None:
        """Publish all messages; returns the last one's sequence and cursor, if there is one."""
        # A stream or a server without batches takes each message alone.
        is_atomic = bool(info.config.allow_atomic)
        batches = atomic_batch.batches_of(messages) if is_atomic else ([m] for m in messages)
        last, published = info.state.last_seq, None
        for batch in batches:
            last = await atomic_batch.publish_expecting(self._client, EVENTS, batch, last)
            published = last, event_cursor.cursor_in(batch[-1].headers)
            for subject, count in Counter(message.subject for message in batch).items():
                metrics.EVENTS.labels(subject.removeprefix(SUBJECT_PREFIX)).inc(count)
        return published


def _messages(
    registry_id: bytes, rows: Iterable[OutboxRow], cursor: EventCursor
) -> Iterator[Message]:
    """Yield the events after the cursor."""
    for row in rows:
        for index, event in enumerate(event_cursor.events_in(row).events):
            if (place := EventCursor(row.epoch, row.revision, index)) <= cursor:
                continue
            with tracing.span("publish CQC_EVENTS", partial(trace_of, row)):
                traceparent = tracing.traceparent()
            traced = {tracing.TRACEPARENT: traceparent} if traceparent else {}
            own = event_cursor.headers_of(registry_id, place)
            yield Message(event.subject, event.payload, own | traced)
