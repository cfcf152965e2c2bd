"""The filters of lists: each as a condition in SQL and as a predicate over a message.

The writer filters in PostgreSQL, a resolver in memory. Both forms stand side by side, so that pages
and totals are the same.
"""

from __future__ import annotations

import datetime as dt
import enum
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cqar_shared.domain import rules
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.sql import entity_queries
from cqar_shared.sql.tables import table_of


class Comparison(NamedTuple):
    """One comparison, in both forms.

    Attributes:
        sql: (column, filter's value) -> condition on a row.
        holds: (message's value, filter's value) -> whether it passes; an unset field is None.
        ends: Value of a message that passes -> the instant from which on it no longer does, if
            there is one; None for a comparison that time does not change.
    """

    sql: Callable[[Any, Any], sa.ColumnElement[bool]]
    holds: Callable[[Any, Any], bool]
    ends: Callable[[Any], dt.datetime | None] | None = None


EQUAL: Final = Comparison(operator.eq, operator.eq)
AT_LEAST: Final = Comparison(
    operator.ge, lambda value, minimum: value is not None and value >= minimum
)
UNSET: Final = Comparison(lambda column, _: column.is_(None), lambda value, _: value is None)


def open_at(now: dt.datetime) -> Comparison:
    """Return the comparison of an end that is unset or after now."""
    return Comparison(
        lambda column, _: column.is_(None) | (column > now),
        lambda value, _: value is None or value > now,
        lambda value: value,
    )


class Filter(NamedTuple):
    """A condition.

    Attributes:
        field: The request's field that asks for it.
        value: That field's value.
        columns: One of them must pass; the message's fields have the same names.
    """

    field: str
    value: Any
    columns: tuple[str, ...]
    test: Comparison = EQUAL

    def condition(self, kind: AnyKind) -> sa.ColumnElement[bool]:
        return sa.or_(*(self.test.sql(table_of(kind).c[name], self.value) for name in self.columns))

    def passes(self, message: Message) -> bool:
        return any(self.test.holds(value_of(message, name), self.value) for name in self.columns)

    def traces(self, kind: AnyKind) -> tuple[bytes, ...]:
        """Return bytes of which every serialised message that passes has one; empty: unknown.

        Looking for bytes takes a third of the time of parsing the message. A message that has them
        may still not pass: the bytes may be another field's.
        """
        if self.test is not EQUAL:
            return ()
        return tuple(
            kind.message(**{name: self.value}).SerializeToString() for name in self.columns
        )

    def trace_of_failing(self, kind: AnyKind) -> bytes:
        """Return bytes that every serialised message has that does not pass; empty: unknown.

        They are the tag of a field that must be unset, of a message, a text or bytes.
        """
        if self.test is not UNSET:
            return b""
        field = kind.message.DESCRIPTOR.fields_by_name[self.columns[0]]
        if field.cpp_type not in (FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_MESSAGE):
            return b""
        return _varint(field.number << 3 | _LENGTH_DELIMITED)

    def end(self, message: Message) -> dt.datetime | None:
        """Return from when on a message that passes no longer does; None if that is not known."""
        return None if self.test.ends is None else self.test.ends(value_of(message, *self.columns))


_LENGTH_DELIMITED: Final = 2


def _varint(number: int) -> bytes:
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def value_of(message: Message, field: str) -> Any:
    """Return a field's value as its column holds it; None if it is unset."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return moment_of(value) if isinstance(value, Timestamp) else value


def passes_all(filters: Iterable[Filter], message: Message) -> bool:
    return all(each.passes(message) for each in filters)


def equal(where: Mapping[str, Any]) -> list[Filter]:
    """Return filters for columns that have these values; an unset value matches anything."""
    return [Filter(name, value, (name,)) for name, value in where.items() if value]


def either(field: str, value: Any, *columns: str) -> list[Filter]:
    """Return a filter: one of the columns has the value. An unset value matches anything."""
    return [Filter(field, value, columns)] if value else []


def at_least(field: str, value: Any, column: str) -> list[Filter]:
    """Return a filter: the column has the value or more. An unset value matches anything."""
    return [Filter(field, value, (column,), AT_LEAST)] if value else []


def only_unset(field: str, column: str) -> Filter:
    return Filter(field, None, (column,), UNSET)


def only_open(field: str, column: str, now: dt.datetime) -> Filter:
    """Return a filter: the end has not come. The next page filters by its own instant."""
    return Filter(field, None, (column,), open_at(now))


def require_known(field: str, value: int, values: type[enum.IntEnum]) -> None:
    """Refuse a number that is no value of an enum; 0 is an unset field.

    Raises:
        Invalid: The number is no value of the enum.
    """
    if value and value not in values.__members__.values():
        raise Invalid([rules.unknown_number(field, value, values)])


def require_storable(kind: AnyKind, filters: Sequence[Filter]) -> None:
    """Refuse values that no column can hold: PostgreSQL would refuse the whole query.

    Raises:
        Invalid: A column cannot hold a filter's value; names every such field.
    """
    if violations := list(unstorable(kind, filters)):
        raise Invalid(violations)


def unstorable(kind: AnyKind, filters: Sequence[Filter]) -> Iterator[FieldViolation]:
    for field, value, columns, _ in filters:
        if entity_queries.storable(table_of(kind).c[columns[0]], value):
            continue
        if not isinstance(value, str):
            yield FieldViolation(field, "UNKNOWN", f"{value} is no value of this field")
        elif "\0" in value:
            yield FieldViolation(field, "NUL", "holds a NUL character")
        else:
            yield FieldViolation(field, "NOT_A_UUID", "is no UUID")
