"""Translates between entities and protobuf messages, for every kind, from the declarations.

Fields have the same names in both; only types are translated. A decimal has two forms on the wire:
an exact text, which counts (`exact.tick_size`, `weight_exact`, or the field itself), and a double
with the entity's field name, for CQC clients.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from cqar_shared.codec.field_map import Field, fields_of
from cqar_shared.domain import decimals, rules
from cqar_shared.domain.instant import moment_of, state
from cqar_shared.domain.kind import AnyKind, Entity, Kind
from cqar_shared.errors import VIOLATIONS_MAX, FieldViolation, Invalid

E = TypeVar("E", bound=Entity)

METADATA_BYTES_MAX: Final = 16 * 1024
METADATA_DEPTH_MAX: Final = 16
#: Years that PostgreSQL, protobuf and Python all support, with room for time zones.
_YEARS: Final = range(1900, 9999)

Report = Callable[[str, str, str], None]


# ---------------------------------------------------------------- message -> entity


def read(entity: type[Any], message: Message) -> tuple[dict[str, Any], list[FieldViolation]]:
    """Decode the fields that a message has, and collect violations.

    Fields that are unset or cannot be decoded are absent. An empty text is present and means None,
    so that an update can clear a field.
    """
    violations: list[FieldViolation] = []

    def report(*found: str) -> None:
        if len(violations) < VIOLATIONS_MAX:
            violations.append(FieldViolation(*found))

    return _read(entity, message, report), violations


def parse(kind: Kind[E], message: Message) -> tuple[E, list[FieldViolation]]:
    """Decode an entity as far as possible, and collect violations.

    A derived field in the message must have the derived value: CQC clients send back what they
    read.
    """
    given, violations = read(kind.entity, message)
    entity = kind.entity(**given)
    violations += [
        FieldViolation(name, "DERIVED", f"is computed, and here it is {value_of(entity)!r}")
        for name, value_of in kind.derived.items()
        if message.HasField(name) and getattr(message, name) != value_of(entity)
    ]
    return entity, violations


def from_message(kind: Kind[E], message: Message) -> E:
    """Decode an entity.

    Raises:
        Invalid: fields cannot be decoded; the error names all of them.
    """
    entity, violations = parse(kind, message)
    if violations:
        raise Invalid(violations)
    return entity


def decode(kind: Kind[E], payload: bytes) -> E:
    """Decode what `encode` made. It was checked before it was stored, so rules do not run."""
    message = kind.message.FromString(payload)
    return kind.entity(**_read(kind.entity, message, _corrupt))


def _corrupt(field: str, reason: str, message: str) -> None:
    text = f"a stored entity does not decode: {field}: {reason} {message}"
    raise ValueError(text)


def _read(entity: type[Any], message: Message, report: Report) -> dict[str, Any]:
    fields = _given_fields(message)
    known = fields_of(entity, message.DESCRIPTOR).by_path
    given: dict[str, Any] = {}
    # A decimal may be given in both forms, and is read once.
    for field in dict.fromkeys(known[path] for path in fields if path in known):
        if field.type is Decimal:
            value = _read_decimal(field, fields, report)
        elif field.type is tuple:
            value = _read_items(field, fields[field.name], report)
        else:
            value = _read_scalar(field, fields[field.name], report)
        if value is not _UNREADABLE:
            given[field.name] = value
    return given


def _given_fields(message: Message) -> dict[str, Any]:
    """The fields that are set; those of `exact` are named by their path."""
    given = {field.name: value for field, value in message.ListFields()}
    exact = given.pop("exact", None)
    if exact is not None:
        given |= {f"exact.{field.name}": value for field, value in exact.ListFields()}
    return given


#: Stands for a value that cannot be decoded.
_UNREADABLE: Final = object()


def _read_scalar(field: Field, value: Any, report: Report) -> Any:
    if field.type is str:
        if "\0" in value:
            report(field.name, "NUL", "holds a NUL character")
        # A required string stays a string, for its own rule to refuse.
        return None if value == "" and field.optional else value
    if field.type is dt.datetime:
        return _read_instant(field.name, value, report)
    if field.type is dict:
        return _read_metadata(field, value, report)
    if isinstance(field.type, type) and issubclass(field.type, enum.Enum):
        if value == 0:
            return None
        try:
            return field.type(value)
        except ValueError:
            report(*rules.unknown_number(field.name, value, field.type))
            return _UNREADABLE
    return value


def _read_metadata(field: Field, value: Any, report: Report) -> Any:
    if value.ByteSize() > METADATA_BYTES_MAX:
        report(field.name, "TOO_LONG", f"at most {METADATA_BYTES_MAX} bytes")
        return _UNREADABLE
    try:
        fields = json_format.MessageToDict(value)
    except (json_format.SerializeToJsonError, ValueError):
        report(field.name, "NOT_JSON", "holds a number that JSON cannot hold")
        return _UNREADABLE
    if _depth(fields) > METADATA_DEPTH_MAX:
        # Protobuf reads 100 levels, and answers and events add some.
        report(field.name, "TOO_DEEP", f"at most {METADATA_DEPTH_MAX} levels")
        return _UNREADABLE
    if _holds_nul(fields):
        report(field.name, "NUL", "holds a NUL character")
    return fields


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(k) or _holds_nul(v) for k, v in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def instant_in(message: Message, field: str) -> dt.datetime | None:
    """Return an instant in a request; None if it is not set.

    Raises:
        Invalid: the instant cannot be stored.
    """
    if not message.HasField(field):
        return None
    found: list[FieldViolation] = []
    instant = _read_instant(
        field, getattr(message, field), lambda *v: found.append(FieldViolation(*v))
    )
    if found:
        raise Invalid(found)
    return cast("dt.datetime", instant)


def _read_instant(field: str, value: Any, report: Report) -> Any:
    try:
        instant = moment_of(value)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.year not in _YEARS:
        report(field, "OUT_OF_RANGE", f"must lie in {_YEARS.start} to {_YEARS.stop - 1}")
        return _UNREADABLE
    return instant


def _read_items(field: Field, values: Any, report: Report) -> tuple[Any, ...]:
    if not issubclass(field.item, msgspec.Struct):
        if any(isinstance(value, str) and "\0" in value for value in values):
            report(field.name, "NUL", "holds a NUL character")
        return tuple(values)

    def report_in(index: int) -> Report:
        return lambda name, *rest: report(f"{field.name}[{index}].{name}", *rest)

    return tuple(
        field.item(**_read(field.item, value, report_in(i))) for i, value in enumerate(values)
    )


def _read_decimal(field: Field, given: Mapping[str, Any], report: Report) -> Any:
    exact = mirrored = None
    text, double = given.get(field.path), given.get(field.mirror)
    is_cleared = text == "" and double is None
    if is_cleared and field.optional:
        return None
    try:
        exact = decimals.parse(text) if text or is_cleared else None
    except ValueError as error:
        report(field.path, "NOT_A_DECIMAL", str(error))
        return _UNREADABLE
    try:
        mirrored = decimals.from_double(double) if double is not None else None
    except ValueError as error:
        report(field.mirror, "NOT_A_DECIMAL", str(error))
        return _UNREADABLE
    if exact is None:
        return mirrored
    if mirrored is not None and float(exact) != double:
        report(field.path, "TWO_VALUES", f"differs from the double {field.mirror}")
    return exact


# ---------------------------------------------------------------- entity -> message


def to_message(kind: Kind[E], entity: E) -> Message:
    message = kind.message()
    fill(message, entity)
    for name, value_of in kind.derived.items():
        setattr(message, name, value_of(entity))
    return message


def encode(kind: Kind[E], entity: E) -> bytes:
    """Encode deterministically: equal entities have equal bytes, and so equal hashes."""
    return to_message(kind, entity).SerializeToString(deterministic=True)


def fill(message: Message, entity: Any) -> None:
    """Write an entity, or a part of one, to its message."""
    for field in fields_of(type(entity), message.DESCRIPTOR).whole:
        value = getattr(entity, field.name)
        if value is None:
            continue
        if field.exact:
            _fill_decimal(message, field, value)
        elif field.type is tuple:
            _fill_items(getattr(message, field.name), field, value)
        elif field.type is dt.datetime:
            state(getattr(message, field.name), value)
        elif field.type is dict:
            json_format.ParseDict(value, getattr(message, field.name))
        elif value != "":
            setattr(message, field.name, value)


def _fill_decimal(message: Message, field: Field, value: Decimal) -> None:
    owner = message
    for name in field.exact[:-1]:
        owner = getattr(owner, name)
    setattr(owner, field.exact[-1], decimals.plain(value))
    if field.mirror:
        setattr(message, field.mirror, float(value))


def _fill_items(target: Any, field: Field, values: tuple[Any, ...]) -> None:
    if not issubclass(field.item, msgspec.Struct):
        target.extend(values)
        return
    for value in values:
        fill(target.add(), value)


def like(kind: AnyKind, request: Message, renamed: Mapping[str, str] | None = None) -> Message:
    """Make a kind's message from the fields of a request.

    Args:
        kind: The kind of the message.
        request: Fields that are set and have the same name and type are copied.
        renamed: Field of the request -> field of the message, if the names differ.
    """
    message = kind.message()
    targets = message.DESCRIPTOR.fields_by_name
    for field, value in request.ListFields():
        name = (renamed or {}).get(field.name, field.name)
        target = targets.get(name)
        if target is None or target.type != field.type:
            continue
        if field.is_repeated:
            getattr(message, name).extend(value)
        elif field.message_type is not None:
            getattr(message, name).ParseFromString(value.SerializeToString())
            getattr(message, name).SetInParent()
        else:
            setattr(message, name, value)
    return message
