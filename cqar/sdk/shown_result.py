"""How answers look where people look: short at a prompt, a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any, Final

import msgspec

#: Values that a notebook shows of one answer, and of one list in it.
ROWS_MAX: Final = 60
ITEMS_MAX: Final = 5


class ShownResult(msgspec.Struct, frozen=True):
    """An answer. What is None, because it is not known, is not shown."""

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        known = (f"{name}={value!r}" for name, value in fields if value is not None and value != ())
        return f"{type(self).__name__}({', '.join(known)})"

    def _repr_html_(self) -> str:
        """The answer as a table, for notebooks: a row for each value that is known."""
        rows = [
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in islice(_values(self, ""), ROWS_MAX)
        ]
        return f"<table><caption>{type(self).__name__}</caption>{''.join(rows)}</table>"


def _values(answer: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Name, with those of what it is part of, and text of each value that is known."""
    for field in msgspec.structs.fields(answer):
        name, value = prefix + field.name, getattr(answer, field.name)
        if isinstance(value, msgspec.Struct):
            yield from _values(value, f"{name}.")
        elif value is not None and value != ():
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple | list):
        more = [f"… and {len(value) - ITEMS_MAX} more"] if len(value) > ITEMS_MAX else []
        return ", ".join([*map(_text, value[:ITEMS_MAX]), *more])
    return str(value)
