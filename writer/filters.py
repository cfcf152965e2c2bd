"""What a list leaves out: conditions of its query, so that pages and totals are exact."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from shared import finding
from shared.errors import Invalid, Violation
from shared.kind import AnyKind


class Filter(NamedTuple):
    """A condition.

    Attributes:
        field: The request's field that asks for it.
        value: What it asks for.
        columns: One of them must pass.
        test: (column, value) -> whether it passes.
    """

    field: str
    value: Any
    columns: tuple[str, ...]
    test: Callable[[Any, Any], sa.ColumnElement[bool]] = operator.eq

    def condition(self, kind: AnyKind) -> sa.ColumnElement[bool]:
        return sa.or_(*(self.test(kind.table.c[name], self.value) for name in self.columns))


def equal(where: Mapping[str, Any]) -> list[Filter]:
    """Columns that have these values; what is not set matches anything."""
    return [Filter(name, value, (name,)) for name, value in where.items() if value]


def either(field: str, value: Any, *columns: str) -> list[Filter]:
    """One of the columns has the value; one that is not set matches anything."""
    return [Filter(field, value, columns)] if value else []


def at_least(field: str, value: Any, column: str) -> list[Filter]:
    """The column has the value or a greater one; one that is not set matches anything."""
    return [Filter(field, value, (column,), operator.ge)] if value else []


def only_unset(field: str, column: str) -> Filter:
    return Filter(field, None, (column,), lambda c, _: c.is_(None))


def only_open(field: str, column: str, now: dt.datetime) -> Filter:
    """The end has not come; the next page asks the same at its own instant."""
    return Filter(field, None, (column,), lambda c, _: c.is_(None) | (c > now))


def require_storable(kind: AnyKind, filters: Sequence[Filter]) -> None:
    """Refuse what no column can hold: PostgreSQL would refuse the whole query.

    Raises:
        Invalid: Names every such field.
    """
    if violations := list(unstorable(kind, filters)):
        raise Invalid(violations)


def unstorable(kind: AnyKind, filters: Sequence[Filter]) -> Iterator[Violation]:
    for field, value, columns, _ in filters:
        if finding.storable(kind.table.c[columns[0]], value):
            continue
        if not isinstance(value, str):
            yield Violation(field, "UNKNOWN", f"{value} is no value of this field")
        elif "\0" in value:
            yield Violation(field, "NUL", "holds a NUL character")
        else:
            yield Violation(field, "NOT_A_UUID", "is no UUID")
