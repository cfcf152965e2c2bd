"""What a record may hold, as JSON Schema, so that editors complete and check it."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.files.record_form import FILE_KINDS, record_fields, required_fields
from cqar_shared.codec.field_map import Field
from cqar_shared.domain.kind import AnyKind

_DECIMAL: Final = {"type": ["string", "number"], "description": "A plain decimal, as text."}
_INSTANT: Final = {"type": "string", "format": "date-time"}


def registry_schema() -> dict[str, Any]:
    """The schema of a file: one record, or a list of records."""
    kinds = {kind.name: _record(kind) for kind in FILE_KINDS}
    one: dict[str, Any] = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Records of a CQAR registry",
        "anyOf": [one, {"type": "array", "items": one}],
        "$defs": kinds,
    }


def _record(kind: AnyKind) -> dict[str, Any]:
    schema = _struct(kind.entity, kind.message.DESCRIPTOR)
    schema["properties"] = {"kind": {"const": kind.name}, **schema["properties"]}
    schema["required"] = ["kind", *schema.get("required", ())]
    return schema


def _struct(entity: type[Any], descriptor: Any) -> dict[str, Any]:
    fields = record_fields(entity, descriptor)
    required = list(required_fields(entity))
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {f.field.name: _value(f.field, descriptor) for f in fields},
    }
    return schema | ({"required": required} if required else {})


def _value(field: Field, descriptor: Any) -> dict[str, Any]:
    if field.type is tuple:
        if not issubclass(field.item, msgspec.Struct):
            return {"type": "array", "items": {"type": "string"}}
        inner = descriptor.fields_by_name[field.name].message_type
        return {"type": "array", "items": _struct(field.item, inner)}
    if field.type is Decimal:
        return dict(_DECIMAL)
    if field.type is dt.datetime:
        return dict(_INSTANT)
    if field.type is dict:
        return {"type": "object"}
    if issubclass(field.type, enum.Enum):
        return {"enum": list(field.type.__members__)}
    return {"type": {bool: "boolean", int: "integer"}.get(field.type, "string")}
