"""Converts entities and messages to plain values for JSON."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cqar.sdk.changes import MESSAGES


def entity_of(kind: str, payload: bytes) -> dict[str, Any] | None:
    """A serialised entity as a dictionary with the contract's field names; None for no payload.

    Decimals are text. An entity of a kind that this release does not know is base64 under
    `undecoded`.
    """
    if not payload:
        return None
    if kind not in MESSAGES:
        return {"undecoded": base64.b64encode(payload).decode()}
    return plain_fields(MESSAGES[kind].FromString(payload))


def plain_fields(message: Message) -> dict[str, Any]:
    """A message as a dictionary without doubles; each double has an exact text field beside it."""
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return _without_doubles(message.DESCRIPTOR, fields)


def _without_doubles(descriptor: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(descriptor.fields_by_name[name], value)
        for name, value in fields.items()
        if descriptor.fields_by_name[name].type != FieldDescriptor.TYPE_DOUBLE
    }


def _plain(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is None or kind.file.package == "google.protobuf":
        return value
    if kind.GetOptions().map_entry:
        item = kind.fields_by_name["value"]
        return {key: _plain(item, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_doubles(kind, item) for item in value]
    return _without_doubles(kind, value)
