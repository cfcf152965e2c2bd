"""Builds the domain event of a change. Pure.

An event is a message of `cqc.events.v1`; the subject asset_created has the message AssetCreated.
Its descriptor decides what it contains: the whole entity, fields of the entity by their names, and
actor, time and reason.

`cqar audit verify` builds the events of every revision again. A change to the contents of an event
must keep the old form for old revisions.
"""

from __future__ import annotations

import datetime as dt
import uuid
from functools import cache
from typing import Any, Final, NamedTuple

from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from google.protobuf import message_factory
from google.protobuf.message import Message

from cqar_shared.codec import entity_codec
from cqar_shared.domain.instant import state
from cqar_shared.domain.kind import AnyKind, Entity

SUBJECT_PREFIX: Final = "cqc.events.v1."
SOURCE: Final = "cqar"
#: Event ids are UUIDv5 of epoch:revision:index in this namespace, so that a consumer recognises
#: an event that it receives again.
_NAMESPACE: Final = uuid.UUID("7d0b1f52-6f4a-5c39-9a52-0c6b7b1d4e11")


class EventContext(NamedTuple):
    """The commit that an event belongs to."""

    epoch: int
    revision: int
    at: dt.datetime
    actor: str
    reason: str


@cache
def message_type(name: str) -> type[Message]:
    camel = "".join(part.title() for part in name.split("_"))
    descriptor = events_pb2.DESCRIPTOR.message_types_by_name[camel]
    return message_factory.GetMessageClass(descriptor)


def event_of(
    kind: AnyKind,
    before: Entity | None,
    after: Entity | None,
    payload: bytes,
    moment: EventContext,
    index: int,
) -> replication_pb2.DomainEvent | None:
    """Build the event of one change, the `index`-th of its revision; None if it has none.

    Args:
        payload: The encoded entity, after the change or, if it is removed, before.
    """
    event_or_name = kind.event(before, after)
    if event_or_name is None:
        return None
    name, parts = (event_or_name, {}) if isinstance(event_or_name, str) else event_or_name
    entity: Any = after or before
    event: Any = message_type(name)()
    _stamp(event, moment, index)
    facts = {
        "source": SOURCE,
        "reason": moment.reason,
        "is_new_listing": before is None,
        "auto_detected": False,
    }
    for field, of_messages in _told_by(name):
        if field in parts:
            entity_codec.fill(getattr(event, field), parts[field])
        elif of_messages is kind.message.DESCRIPTOR:
            getattr(event, field).MergeFromString(payload)
        elif (value := getattr(entity, field, facts.get(field))) is not None:
            setattr(event, field, value)
    return _domain_event(name, event)


@cache
def _told_by(name: str) -> tuple[tuple[str, Any], ...]:
    """The fields of an event other than ids and time, each with its message type."""
    fields = message_type(name).DESCRIPTOR.fields
    return tuple((f.name, f.message_type) for f in fields if f.name not in _STAMPED)


def epoch_changed(moment: EventContext) -> replication_pb2.DomainEvent:
    event = events_pb2.RegistryEpochChanged()
    _stamp(event, moment, 0)
    return _domain_event("registry_epoch_changed", event)


_STAMPED: Final = frozenset({"event_id", "timestamp", "actor_id", "epoch", "revision"})


def _stamp(event: Any, moment: EventContext, index: int) -> None:
    event.event_id = str(uuid.uuid5(_NAMESPACE, f"{moment.epoch}:{moment.revision}:{index}"))
    state(event.timestamp, moment.at)
    event.actor_id = moment.actor
    event.epoch = moment.epoch
    event.revision = moment.revision


def _domain_event(name: str, event: Message) -> replication_pb2.DomainEvent:
    payload = event.SerializeToString(deterministic=True)
    return replication_pb2.DomainEvent(subject=SUBJECT_PREFIX + name, payload=payload)
