"""Identifies the domain event in a message of CQC_EVENTS, and checks it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions
from cqar_writer.protocol.log_rows import OutboxRow

EPOCH, REVISION, INDEX = "Cqar-Epoch", "Cqar-Revision", "Cqar-Index"
REGISTRY: Final = "Cqar-Registry"
#: Digits of a number that PostgreSQL stores as a bigint.
_DIGITS_MAX: Final = 19


class EventCursor(NamedTuple):
    """A place in the order of all events."""

    epoch: int
    revision: int
    event: int  # index within the revision


START: Final = EventCursor(0, 0, -1)
#: An index after every event of a revision.
AFTER_ALL_EVENTS: Final = 1 << 62


def headers_of(registry_id: bytes, cursor: EventCursor) -> dict[str, str]:
    """Return the headers of an event's message."""
    place = zip((EPOCH, REVISION, INDEX), map(str, cursor), strict=True)
    return {REGISTRY: registry_id.hex(), **dict(place)}


def cursor_in(headers: Mapping[str, str]) -> EventCursor:
    """Return the cursor that `headers_of` was given."""
    return EventCursor(*(int(headers[name]) for name in (EPOCH, REVISION, INDEX)))


def parse_cursor(headers: Mapping[str, str], registry_id: bytes) -> EventCursor | None:
    """Return the cursor that a message states for this registry, genuine or not; None: none."""
    if headers.get(REGISTRY) != registry_id.hex():
        return None
    texts = [headers.get(name, "") for name in (EPOCH, REVISION, INDEX)]
    if not all(t.isascii() and t.isdigit() and len(t) <= _DIGITS_MAX for t in texts):
        return None
    cursor = cursor_in(headers)
    return cursor if max(cursor) <= positions.NUMBER_MAX else None


def events_in(row: OutboxRow) -> replication_pb2.DomainEvents:
    return replication_pb2.DomainEvents.FromString(positions.unpack(row.events))


def announces(row: OutboxRow, cursor: EventCursor, subject: str, payload: bytes) -> bool:
    """Whether a revision announces exactly this event at this place."""
    if (row.epoch, row.revision) != (cursor.epoch, cursor.revision):
        return False
    events = events_in(row).events
    if cursor.event >= len(events):
        return False
    event = events[cursor.event]
    return (event.subject, event.payload) == (subject, payload)
