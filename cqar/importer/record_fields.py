"""Which fields and parts of a raw record its reader does not know. Pure."""

from __future__ import annotations

import typing
from functools import lru_cache
from typing import Any, Final

from cqar.importer.market import UnreadableRecord
from cqar.importer.readers.product_line import RawRecord

_NAMED_MAX: Final = 5


def new_fields(record: Any, shape: type[RawRecord]) -> list[str]:
    """Paths of fields that the venue sends and the reader neither uses nor names as unused."""
    if not isinstance(record, dict):
        return []
    known, nested = _shape(shape)
    found = [name for name in record if name not in known and not name.startswith("@")]
    for name, inner in nested.items():
        value = record.get(name)
        for part in value if isinstance(value, list) else (value,):
            found += [f"{name}.{path}" for path in new_fields(part, inner)]
    return found


def parts_of(shape: type[RawRecord]) -> dict[str, type[RawRecord]]:
    """The fields of a record that hold records, and of what shape."""
    return _shape(shape)[1]


def require_known_parts(record: Any, shape: type[RawRecord]) -> None:
    """Refuse a record with a part that states something of which its reader knows no field.

    Such a part has another form than the reader knows; to leave it out would turn what it states
    into "not stated".

    Raises:
        UnreadableRecord: A part holds fields, and its reader knows none of them.
    """
    for name, inner in parts_of(shape).items():
        value = record.get(name) if isinstance(record, dict) else None
        known, _ = _shape(inner)
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict) and part and known.isdisjoint(part):
                fields = ", ".join(sorted(map(str, part))[:_NAMED_MAX])
                raise UnreadableRecord(f"{name} has none of the fields that are known: {fields}")
            require_known_parts(part, inner)


@lru_cache(256)
def _shape(shape: type[RawRecord]) -> tuple[frozenset[str], dict[str, type[RawRecord]]]:
    """Names of a record's fields that are known, and the shapes of those that are records."""
    hints = typing.get_type_hints(shape)
    nested = {}
    for place, name in enumerate(shape.__struct_encode_fields__):
        inner = record_in(hints[shape.__struct_fields__[place]])
        if inner is not None:
            nested[name] = inner
    return frozenset(shape.__struct_encode_fields__) | shape.UNUSED, nested


def record_in(hint: Any) -> type[RawRecord] | None:
    """The record that a type holds, such as that of a list; None if there is none."""
    if isinstance(hint, type) and issubclass(hint, RawRecord):
        return hint
    return next(filter(None, map(record_in, typing.get_args(hint))), None)
