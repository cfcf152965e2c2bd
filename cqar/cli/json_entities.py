"""Entities out of the messages that carry them serialised, as plain values for JSON."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cqar.sdk.changes import MESSAGES


def entity_of(kind: str, payload: bytes) -> dict[str, Any] | None:
    """An entity with the contract's field names and decimals as text; None for no payload.

    A kind that only a later release knows comes as base64, under `undecoded`.
    """
    if not payload:
        return None
    if kind not in MESSAGES:
        return {"undecoded": base64.b64encode(payload).decode()}
    return plain_fields(MESSAGES[kind].FromString(payload))


def plain_fields(message: Message) -> dict[str, Any]:
    """A message for JSON, without its doubles: beside each stands an exact decimal as text."""
    stated = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return _without_doubles(message.DESCRIPTOR, stated)


def _without_doubles(descriptor: Any, stated: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(descriptor.fields_by_name[name], value)
        for name, value in stated.items()
        if descriptor.fields_by_name[name].type != FieldDescriptor.TYPE_DOUBLE
    }


def _plain(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is None or kind.file.package == "google.protobuf":
        return value
    if isinstance(value, list):
        return [_without_doubles(kind, part) for part in value]
    return _without_doubles(kind, value)
