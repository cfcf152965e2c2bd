"""What a list leaves out: each filter as a condition in SQL and as a test of a message.

The writer asks PostgreSQL by the one, a resolver its memory by the other: both are said here,
side by side, so that pages and totals are the same.
"""

from __future__ import annotations

import datetime as dt
import enum
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cqar_shared.domain import rules
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.sql import entity_queries
from cqar_shared.sql.tables import table_of


class Test(NamedTuple):
    """One comparison, twice.

    Attributes:
        sql: (column, what is asked for) -> whether a row passes.
        holds: (what a message states, what is asked for) -> whether it passes; what it does
            not state is None.
        ends: Of what passes, the instant from which on it does not, if there is one; None of a
            test that time does not change.
    """

    sql: Callable[[Any, Any], sa.ColumnElement[bool]]
    holds: Callable[[Any, Any], bool]
    ends: Callable[[Any], dt.datetime | None] | None = None


EQUAL: Final = Test(operator.eq, operator.eq)
AT_LEAST: Final = Test(operator.ge, lambda stated, least: stated is not None and stated >= least)
UNSET: Final = Test(lambda column, _: column.is_(None), lambda stated, _: stated is None)


def open_at(now: dt.datetime) -> Test:
    return Test(
        lambda column, _: column.is_(None) | (column > now),
        lambda stated, _: stated is None or stated > now,
        lambda stated: stated,
    )


class Filter(NamedTuple):
    """A condition.

    Attributes:
        field: The request's field that asks for it.
        value: What it asks for.
        columns: One of them must pass; the message's fields have the same names.
    """

    field: str
    value: Any
    columns: tuple[str, ...]
    test: Test = EQUAL

    def condition(self, kind: AnyKind) -> sa.ColumnElement[bool]:
        return sa.or_(*(self.test.sql(table_of(kind).c[name], self.value) for name in self.columns))

    def passes(self, message: Message) -> bool:
        return any(self.test.holds(stated(message, name), self.value) for name in self.columns)

    def traces(self, kind: AnyKind) -> tuple[bytes, ...]:
        """One of these is in the serialised form of every message that passes; empty: unknown.

        Looking for bytes takes a third of the time of reading the message. What has one may still
        not pass: the bytes may be another field's.
        """
        if self.test is not EQUAL:
            return ()
        return tuple(
            kind.message(**{name: self.value}).SerializeToString() for name in self.columns
        )

    def end(self, message: Message) -> dt.datetime | None:
        """From when on a message that passes does not; None if it is not known to end."""
        return None if self.test.ends is None else self.test.ends(stated(message, *self.columns))


def stated(message: Message, field: str) -> Any:
    """A field's value as its column holds it: NULL is None."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return moment_of(value) if isinstance(value, Timestamp) else value


def passes_all(filters: Iterable[Filter], message: Message) -> bool:
    return all(each.passes(message) for each in filters)


def equal(where: Mapping[str, Any]) -> list[Filter]:
    """Columns that have these values; what is not set matches anything."""
    return [Filter(name, value, (name,)) for name, value in where.items() if value]


def either(field: str, value: Any, *columns: str) -> list[Filter]:
    """One of the columns has the value; one that is not set matches anything."""
    return [Filter(field, value, columns)] if value else []


def at_least(field: str, value: Any, column: str) -> list[Filter]:
    """The column has the value or a greater one; one that is not set matches anything."""
    return [Filter(field, value, (column,), AT_LEAST)] if value else []


def only_unset(field: str, column: str) -> Filter:
    return Filter(field, None, (column,), UNSET)


def only_open(field: str, column: str, now: dt.datetime) -> Filter:
    """The end has not come; the next page asks the same at its own instant."""
    return Filter(field, None, (column,), open_at(now))


def require_known(field: str, value: int, values: type[enum.IntEnum]) -> None:
    """Refuse a number that names nothing; 0 is what is not set.

    Raises:
        Invalid: It names nothing.
    """
    if value and value not in values.__members__.values():
        raise Invalid([rules.unknown_number(field, value, values)])


def require_storable(kind: AnyKind, filters: Sequence[Filter]) -> None:
    """Refuse what no column can hold: PostgreSQL would refuse the whole query.

    Raises:
        Invalid: Names every such field.
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
