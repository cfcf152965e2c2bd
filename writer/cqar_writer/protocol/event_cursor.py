"""Which domain event a message of CQC_EVENTS is, and whether it is one of ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions
from cqar_writer.protocol.log_rows import OutboxRow

EPOCH, REVISION, INDEX = "Cqar-Epoch", "Cqar-Revision", "Cqar-Index"
REGISTRY: Final = "Cqar-Registry"
#: Of what PostgreSQL holds as a bigint.
_DIGITS_MAX: Final = 19


class EventCursor(NamedTuple):
    """A place in the order of all events."""

    epoch: int
    revision: int
    place: int  # within the revision


START: Final = EventCursor(0, 0, -1)
#: As a place: after every event of a revision.
ALL_OF_IT: Final = 1 << 62


def headers_of(registry_id: bytes, at: EventCursor) -> dict[str, str]:
    """What a message states of itself."""
    place = {EPOCH: str(at.epoch), REVISION: str(at.revision), INDEX: str(at.place)}
    return {REGISTRY: registry_id.hex()} | place


def written_in(headers: Mapping[str, str]) -> EventCursor:
    """What `headers_of` was given."""
    return EventCursor(*(int(headers[name]) for name in (EPOCH, REVISION, INDEX)))


def stated_in(headers: Mapping[str, str], registry_id: bytes) -> EventCursor | None:
    """The place that a message of this registry states, whoever made it; None: it states none."""
    if headers.get(REGISTRY) != registry_id.hex():
        return None
    texts = [headers.get(name, "") for name in (EPOCH, REVISION, INDEX)]
    if not all(t.isascii() and t.isdigit() and len(t) <= _DIGITS_MAX for t in texts):
        return None
    at = written_in(headers)
    return at if max(at) <= positions.NUMBER_MAX else None


def announced_in(row: OutboxRow) -> replication_pb2.DomainEvents:
    return replication_pb2.DomainEvents.FromString(positions.unpack(row.events))


def is_told_by(row: OutboxRow, at: EventCursor, subject: str, payload: bytes) -> bool:
    """Whether a revision announces exactly this event at this place."""
    if (row.epoch, row.revision) != (at.epoch, at.revision):
        return False
    events = announced_in(row).events
    if at.place >= len(events):
        return False
    event = events[at.place]
    return (event.subject, event.payload) == (subject, payload)
