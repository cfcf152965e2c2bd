"""Maps the fields of an entity to those of a message type, from both declarations."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of an entity, and its place in one message type.

    Attributes:
        optional: Whether it may be None; an empty text then means None.
        type: The Python type without `| None`.
        item: The element type of a tuple.
        exact: Path to the exact text of a decimal, one or two names.
        path: The same path joined by dots; the name if it is not a decimal.
        mirror: Name of the double beside it; empty if there is none.
    """

    name: str
    optional: bool
    type: Any
    item: Any
    exact: tuple[str, ...]
    path: str
    mirror: str


class Fields(NamedTuple):
    """The fields that an entity type and a message type both have.

    Attributes:
        by_path: Path in the message -> field; a decimal also has the path of its mirror.
    """

    whole: tuple[Field, ...]
    by_path: dict[str, Field]


#: (struct, message type) -> fields; bounded by the number of kinds and requests.
_KNOWN: Final[dict[tuple[Any, Any], Fields]] = {}


def fields_of(entity: type[Any], descriptor: Any) -> Fields:
    found = _KNOWN.get((entity, descriptor))
    if found is None:
        whole = _read_fields(entity, descriptor)
        by_mirror = {field.mirror: field for field in whole if field.mirror}
        found = Fields(whole, by_mirror | {field.path: field for field in whole})
        _KNOWN[entity, descriptor] = found
    return found


def _read_fields(entity: type[Any], descriptor: Descriptor) -> tuple[Field, ...]:
    hints = typing.get_type_hints(entity)
    found = []
    for name in entity.__struct_fields__:
        hint = hints[name]
        optional = isinstance(hint, types.UnionType)
        if optional:
            hint = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        origin = typing.get_origin(hint) or hint
        item = typing.get_args(hint)[0] if origin is tuple else None
        exact, mirror = _places_of_decimal(name, descriptor) if hint is Decimal else ((), "")
        if exact or name in descriptor.fields_by_name:
            path = ".".join(exact) or name
            found.append(Field(name, optional, origin, item, exact, path, mirror))
    return tuple(found)


def _places_of_decimal(name: str, descriptor: Descriptor) -> tuple[tuple[str, ...], str]:
    fields = descriptor.fields_by_name
    own = fields.get(name)
    mirror = name if own is not None and own.type == FieldDescriptor.TYPE_DOUBLE else ""
    exact = fields["exact"].message_type if "exact" in fields else None
    inner = exact.fields_by_name if exact is not None else {}
    if name in inner:
        return ("exact", name), mirror
    if f"{name}_exact" in fields:
        return (f"{name}_exact",), mirror
    return ((name,), "") if own is not None and not mirror else ((), mirror)
