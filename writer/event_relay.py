"""Publishes domain events on CQC_EVENTS, in order, from where the stream itself says it is.

The cursor is (epoch, revision, index) in the tail's headers. A stream that was lost is filled
again from the oldest outbox row; consumers know a repeated event by its id. Of revisions that
announce nothing the stream knows nothing: how far they were looked through is kept here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared import history, jetstream, stream_batch, tracing
from shared.events import SUBJECT_PREFIX
from shared.history import Position, position_of
from shared.jetstream import EVENTS
from shared.stream_batch import Message
from shared.stream_mark import StreamMark
from writer import metrics, outbox, store
from writer.past import trace_of
from writer.relay import ForeignStream

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 16
_EPOCH, _REVISION, _INDEX = "Cqar-Epoch", "Cqar-Revision", "Cqar-Index"
_REGISTRY: Final = "Cqar-Registry"


class Cursor(NamedTuple):
    """Which event was published last; ordered as events are."""

    epoch: int
    revision: int
    place: int  # within the revision


class Looked(NamedTuple):
    """Where all events before were published, the stream's newest being `tail`."""

    tail: Cursor
    at: Position


START: Final = Cursor(0, 0, -1)
#: After every event of a revision.
ALL_OF_IT: Final = 1 << 62


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
    ) -> None:
        self._engine = engine
        self._client = client
        self._js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        self._bump = bump
        self._looked: Looked | None = None

    async def step(self) -> bool:
        """Publish a batch; True if there may be more.

        Raises:
            ForeignStream: The stream holds another registry's events.
        """
        info = await self._js.stream_info(EVENTS)
        mark = jetstream.mark_in(info)
        headers = await self._newest_headers(mark.last)
        async with self._engine.connect() as tx:
            head = await store.read_head(tx)
            cursor = await self._cursor(tx, head, mark, headers)
            looked = self._looked if self._looked and self._looked.tail == cursor else None
            since = looked.at.revision if looked else cursor.revision
            rows = await outbox.rows_after(tx, since - 1, BATCH_ROWS)
        if looked and not (rows and position_of(rows[0]) == looked.at):
            # What was looked through was lost: the tail says whether events were, too.
            self._looked = None
            return True
        if cursor.epoch > head.epoch or cursor.revision > head.revision:
            log.error("an event of %d:%d is out, the database has lost it", *cursor[:2])
            return await self._bump(head.epoch, cursor.epoch, cursor.revision)
        messages = _messages(head.registry_id, rows, cursor)
        # Of a server or a stream that knows no batches each message is one.
        together = bool(info.config.allow_atomic)
        batches = stream_batch.batches_of(messages) if together else ([m] for m in messages)
        try:
            last = await self._publish(batches, mark.last)
        except jetstream.LostRace:
            return True
        if rows and last == mark.last:
            self._looked = Looked(cursor, position_of(rows[-1]))
        return len(rows) == BATCH_ROWS

    async def _newest_headers(self, last: int) -> dict[str, str] | None:
        """Those of the stream's newest message; None where it holds none."""
        if last == 0:
            return None
        try:
            return (await self._js.get_msg(EVENTS, seq=last)).headers or {}
        except NotFoundError:
            return None

    async def _cursor(
        self,
        tx: AsyncConnection,
        head: store.HeadRow,
        mark: StreamMark,
        headers: dict[str, str] | None,
    ) -> Cursor:
        if headers is not None:
            if headers.get(_REGISTRY) != head.registry_id.hex():
                raise ForeignStream(
                    f"{EVENTS} holds messages that are not of registry {head.registry_id.hex()}:"
                    " point the writer at its own NATS account, or delete the stream"
                )
            return Cursor(*(int(headers[name]) for name in (_EPOCH, _REVISION, _INDEX)))
        if mark.last == 0:
            return START
        # It held messages, and holds none: what the stream would have dropped by now stays so.
        age_s = (await self._js.stream_info(EVENTS)).config.max_age or 0
        since = await outbox.newest_older_than(tx, age_s) if age_s else None
        return Cursor(*since, ALL_OF_IT) if since else START

    async def _publish(self, batches: Iterable[Sequence[Message]], last: int) -> int:
        for batch in batches:
            last = await stream_batch.publish_expecting(self._client, EVENTS, batch, last)
            for subject, count in Counter(message.subject for message in batch).items():
                metrics.EVENTS.labels(subject.removeprefix(SUBJECT_PREFIX)).inc(count)
        return last


def _messages(
    registry_id: bytes, rows: Iterable[outbox.OutboxRow], cursor: Cursor
) -> Iterator[Message]:
    """Yield the events after the cursor."""
    own = {_REGISTRY: registry_id.hex()}
    for row in rows:
        announced = replication_pb2.DomainEvents.FromString(history.unpack(row.events))
        for index, event in enumerate(announced.events):
            if (at := Cursor(row.epoch, row.revision, index)) <= cursor:
                continue
            place = {_EPOCH: str(at.epoch), _REVISION: str(at.revision), _INDEX: str(index)}
            with tracing.span("publish CQC_EVENTS", partial(trace_of, row)):
                traceparent = tracing.traceparent()
            traced = {tracing.TRACEPARENT: traceparent} if traceparent else {}
            yield Message(event.subject, event.payload, own | place | traced)
