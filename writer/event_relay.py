"""Publishes domain events on CQC_EVENTS, in order, from where the stream itself says it is.

The cursor is (epoch, revision, index) in the tail's headers. A stream that was lost is filled
again from the oldest outbox row; consumers know a repeated event by its id.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import history, jetstream
from shared.events import SUBJECT_PREFIX
from shared.jetstream import EVENTS
from writer import metrics, store

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 16
_EPOCH, _REVISION, _INDEX = "Cqar-Epoch", "Cqar-Revision", "Cqar-Index"


class Cursor(NamedTuple):
    """Which event was published last; ordered as events are."""

    epoch: int
    revision: int
    place: int  # within the revision


START: Final = Cursor(0, 0, -1)


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
        js: JetStreamContext,
        bump: Callable[[int, int, int], Awaitable[bool]],
    ) -> None:
        self._engine = engine
        self._js = js
        self._bump = bump

    async def step(self) -> bool:
        """Publish a batch; True if there may be more."""
        last, cursor = await self._read_tail()
        async with self._engine.connect() as tx:
            head = await store.read_head(tx)
            rows = await store.outbox_after(tx, cursor.revision - 1, BATCH_ROWS)
        if cursor.epoch > head.epoch or cursor.revision > head.revision:
            log.error("an event of %d:%d is out, the database has lost it", *cursor[:2])
            return await self._bump(head.epoch, cursor.epoch, cursor.revision)
        try:
            for row in rows:
                last = await self._publish(row, cursor, last)
        except jetstream.LostRace:
            return True
        return len(rows) == BATCH_ROWS

    async def _read_tail(self) -> tuple[int, Cursor]:
        mark = await jetstream.mark_of(self._js, EVENTS)
        if mark.last == 0:
            return 0, START
        try:
            newest = await self._js.get_msg(EVENTS, seq=mark.last)
        except NotFoundError:
            return mark.last, START
        headers = newest.headers or {}
        fields = (headers.get(name, "0") for name in (_EPOCH, _REVISION, _INDEX))
        return mark.last, Cursor(*map(int, fields))

    async def _publish(self, row: store.OutboxRow, cursor: Cursor, last: int) -> int:
        announced = replication_pb2.DomainEvents.FromString(history.unpack(row.events))
        for index, event in enumerate(announced.events):
            at = Cursor(row.epoch, row.revision, index)
            if at <= cursor:
                continue
            headers = {_EPOCH: str(at.epoch), _REVISION: str(at.revision), _INDEX: str(index)}
            last = await jetstream.publish_expecting(
                self._js, EVENTS, event.subject, event.payload, last, headers
            )
            metrics.EVENTS.labels(event.subject.removeprefix(SUBJECT_PREFIX)).inc()
        return last
