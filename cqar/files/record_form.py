"""Entities as plain records, and back. Pure.

A record has the fields of the entity's struct that are set: decimals, instants and names of
enumerations as text, lists and objects for what has parts. Times that the registry keeps by
itself, doubts, which only decisions lift, and canaries are in no record.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf import json_format

from cqar_shared.codec import entity_codec
from cqar_shared.codec.field_map import Field, fields_of
from cqar_shared.domain import decimals
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.near_names import did_you_mean
from cqar_shared.errors import VIOLATIONS_MAX, FieldViolation

#: What is observed and never wished for: keys are secrets, facts and prices are measured.
_NOT_IN_FILES: Final = frozenset({"api_key", "venue_facts"})
FILE_KINDS: Final = tuple(
    kind
    for kind in KINDS
    if kind.exported and kind.client_writable and kind.resident and kind.name not in _NOT_IN_FILES
)
#: Fields that an entity keeps, whatever a record says.
KEPT: Final = frozenset(
    (
        *("created_at", "updated_at", "first_seen_at", "terms_since", "terms_stated_at"),
        *("doubts", "merged_into", "canaries"),
    )
)
#: Nesting of metadata.
DEPTH_MAX: Final = 16
_NOTHING: Final = frozenset({"", "~", "null"})


class Plain(str):
    """A scalar without quotes: the field's type says whether it is text, a number or a truth."""

    __slots__ = ()


class RecordField(NamedTuple):
    """A field of a record: where it is in the message, and what it is if nobody states it."""

    field: Field
    default: Any


def record_fields(entity: type[Any], descriptor: Any) -> tuple[RecordField, ...]:
    defaults = {f.name: f.default for f in msgspec.structs.fields(entity)}
    return tuple(
        RecordField(field, defaults.get(field.name))
        for field in fields_of(entity, descriptor).whole
        if field.name not in KEPT
    )


_KNOWN: Final[dict[Any, tuple[RecordField, ...]]] = {}


def _fields(entity: type[Any], descriptor: Any) -> tuple[RecordField, ...]:
    found = _KNOWN.get(entity)
    if found is None:
        found = _KNOWN[entity] = record_fields(entity, descriptor)
    return found


_REQUIRED: Final[dict[Any, tuple[str, ...]]] = {}


def required_fields(entity: type[Any]) -> tuple[str, ...]:
    """The fields of a struct that have no default."""
    found = _REQUIRED.get(entity)
    if found is None:
        found = tuple(f.name for f in msgspec.structs.fields(entity) if f.required)
        _REQUIRED[entity] = found
    return found


# ---------------------------------------------------------------- message -> record


def record_of(kind: AnyKind, message: Any) -> dict[str, Any]:
    """The record of a kind's message; `kind` stands first in it."""
    return {"kind": kind.name, **_parts(kind.entity, message)}


def _parts(entity: type[Any], message: Any) -> dict[str, Any]:
    found = {}
    for field, default in _fields(entity, message.DESCRIPTOR):
        value = _stated(field, message)
        if value is not None and value != default:
            found[field.name] = value
    return found


def _stated(field: Field, message: Any) -> Any:
    if field.exact:
        for name in field.exact:
            message = getattr(message, name)
        return message or None
    if field.type is tuple:
        values = getattr(message, field.name)
        if issubclass(field.item, msgspec.Struct):
            return [_parts(field.item, value) for value in values] or None
        return list(values) or None
    if field.type is dt.datetime:
        if not message.HasField(field.name):
            return None
        text: str = getattr(message, field.name).ToJsonString()
        return text
    if field.type is dict:
        return _sorted(json_format.MessageToDict(getattr(message, field.name))) or None
    return _scalar(field, message)


def _sorted(value: Any) -> Any:
    """Objects by their keys: a message keeps no order of them."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _scalar(field: Field, message: Any) -> Any:
    descriptor = message.DESCRIPTOR.fields_by_name[field.name]
    if descriptor.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    if issubclass(field.type, enum.Enum):
        return field.type(value).name if value else None
    return value if value != "" else None


# ---------------------------------------------------------------- record -> entity


class _Reader:
    """Reads the values of one record, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.violations: list[FieldViolation] = []

    def report(self, field: str, reason: str, message: str) -> None:
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(FieldViolation(field, reason, message))

    def struct(self, entity: type[Any], descriptor: Any, values: Any, path: str) -> Any:
        if not isinstance(values, Mapping):
            self.report(path, "NOT_AN_OBJECT", "must be an object of fields")
            return None
        known = {f.field.name: f.field for f in _fields(entity, descriptor)}
        given = {}
        for name, value in values.items():
            field = known.get(name)
            place = f"{path}.{name}" if path else str(name)
            if field is None:
                self.report(place, "UNKNOWN_FIELD", _why_unknown(name, known))
            elif (read := self.value(field, descriptor, value, place)) is not None:
                given[name] = read
        missing = [name for name in required_fields(entity) if name not in given]
        for name in missing:
            self.report(f"{path}.{name}" if path else name, "REQUIRED", "is required")
        return None if missing else entity(**given)

    def value(self, field: Field, descriptor: Any, value: Any, path: str) -> Any:
        if value is None or (isinstance(value, Plain) and value in _NOTHING):
            return None
        if field.type is dict:
            return self.metadata(value, path)
        if field.type is tuple:
            return self.items(field, descriptor, value, path)
        if isinstance(value, Mapping | list):
            self.report(path, "NOT_A_VALUE", "must be one value")
            return None
        try:
            return _converted(field.type, value)
        except ValueError as error:
            self.report(path, "UNREADABLE", str(error))
            return None

    def items(self, field: Field, descriptor: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self.report(path, "NOT_A_LIST", "must be a list")
            return None
        if not issubclass(field.item, msgspec.Struct):
            return tuple(str(item) for item in value)
        inner = descriptor.fields_by_name[field.name].message_type
        return tuple(
            self.struct(field.item, inner, item, f"{path}[{place}]")
            for place, item in enumerate(value)
        )

    def metadata(self, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            self.report(path, "NOT_AN_OBJECT", "must be an object")
            return None
        try:
            return _json_value(value, DEPTH_MAX)
        except ValueError as error:
            self.report(path, "TOO_DEEP", str(error))
            return None


def entity_of(kind: AnyKind, record: Mapping[str, Any]) -> tuple[Any, list[FieldViolation]]:
    """The entity that a record states, or None, and what is wrong with the record."""
    reader = _Reader()
    values = {name: value for name, value in record.items() if name != "kind"}
    entity = reader.struct(kind.entity, kind.message.DESCRIPTOR, values, "")
    return (None if reader.violations else entity), reader.violations


def normal(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record as an export writes it; None if it states no entity."""
    kind = KIND_BY_NAME.get(str(record.get("kind")))
    entity = entity_of(kind, record)[0] if kind in FILE_KINDS and kind is not None else None
    if kind is None or entity is None:
        return None
    return record_of(kind, entity_codec.to_message(kind, entity))


def identity_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The kind, and the fields of its key; they are empty where the record leaves them out."""
    name = str(record.get("kind", ""))
    kind = KIND_BY_NAME.get(name)
    return (name, *(str(record.get(field, "")) for field in (kind.key if kind else ())))


def _why_unknown(name: str, known: Mapping[str, Any]) -> str:
    if name in KEPT:
        return "is kept by the registry itself: leave it out"
    return f"there is no such field {did_you_mean(str(name), known)}".rstrip()


def _converted(wanted: type[Any], value: Any) -> Any:
    text = str(value)
    if wanted is str:
        return text
    if wanted is Decimal:
        return decimals.parse(text)
    if wanted is dt.datetime:
        return _instant(text)
    if wanted is bool:
        return _truth(text)
    if wanted is int:
        return _whole(text)
    return _member(wanted, text)


def _instant(text: str) -> dt.datetime:
    message = f"{text!r} is no instant such as 2026-01-31T12:00:00Z"
    try:
        instant = dt.datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(message) from error
    raise ValueError(message)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        message = f"{text!r} is neither true nor false"
        raise ValueError(message)
    return text.lower() == "true"


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        message = f"{text!r} is no whole number"
        raise ValueError(message)
    return int(text[:24])


def _member(wanted: type[enum.Enum], text: str) -> Any:
    try:
        return wanted[text]
    except KeyError:
        known = ", ".join(wanted.__members__)
        message = f"{text!r} is none of {known}"
        raise ValueError(message) from None


def _json_value(value: Any, depth: int) -> Any:
    """A value of metadata, of the type that JSON would give it."""
    if depth < 0:
        message = f"has more than {DEPTH_MAX} levels"
        raise ValueError(message)
    if isinstance(value, Mapping):
        return {str(k): _json_value(v, depth - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_json_value(v, depth - 1) for v in value]
    if not isinstance(value, Plain):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None if value in _NOTHING else str(value)
