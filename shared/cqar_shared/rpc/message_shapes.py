"""Describes message types for `wire_scan`: their lists, messages and limits. Pure.

Each is computed once from its descriptor and `cqar_shared.rpc.request_limits`.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cqar_shared.rpc import request_limits as limits
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

#: Wire types: the lowest three bits of a tag.
VARINT, FIXED64, SIZED, FIXED32 = 0, 1, 2, 5

_WIDTHS: Final = {
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_DOUBLE,
            FieldDescriptor.TYPE_FIXED64,
            FieldDescriptor.TYPE_SFIXED64,
        ),
        (FIXED64, 8),
    ),
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_FLOAT,
            FieldDescriptor.TYPE_FIXED32,
            FieldDescriptor.TYPE_SFIXED32,
        ),
        (FIXED32, 4),
    ),
}


class Step(NamedTuple):
    """A field that repeats or is a message.

    Attributes:
        count_max: How many there may be; 0 if it does not repeat.
        inner: The shape of its message; None if it is not a message.
        width: Bytes of one number in a packed list; 0 for varints, -1 if it is not packed.
    """

    name: str
    count_max: int
    inner: Shape | None
    width: int
    may_be_split: bool


class Shape:
    """A message type as the scan needs it.

    Attributes:
        steps: Wire tag -> field, for fields that repeat or are messages.
        names: Wire tag -> name, for single texts.
        counts_numbers: Whether it has a repeated number.
        is_flat: Whether it has no list and no message; then its memory is bounded by its size.
    """

    __slots__ = ("bytes_max", "counts_numbers", "is_flat", "names", "steps")

    def __init__(self, name: str) -> None:
        self.steps: dict[int, Step] = {}
        self.names: dict[int, str] = {}
        self.counts_numbers = False
        self.is_flat = True
        self.bytes_max = limits.MESSAGES_BYTES_MAX.get(name, MESSAGE_BYTES_MAX)


@cache
def shape_of(descriptor: Descriptor) -> Shape:
    """The shape of a message type."""
    return _shape(descriptor, {})


def _shape(descriptor: Descriptor, known: dict[str, Shape]) -> Shape:
    name = descriptor.full_name
    if name in known:
        return known[name]
    # Stored before its fields are read: a type may contain itself, as metadata does.
    shape = known[name] = Shape(name)
    for field in descriptor.fields:
        place = (name, field.name)
        count_max = limits.COUNTS_MAX.get(place, limits.ELEMENTS_MAX) if field.is_repeated else 0
        inner = _shape(field.message_type, known) if field.message_type is not None else None
        if not count_max and inner is None:
            shape.names[field.number << 3 | SIZED] = field.name
            continue
        shape.is_flat = False
        wire, width = SIZED, -1
        if inner is None and field.type not in (
            FieldDescriptor.TYPE_STRING,
            FieldDescriptor.TYPE_BYTES,
        ):
            wire, width = _WIDTHS.get(field.type, (VARINT, 0))
        step = Step(field.name, count_max, inner, width, place in limits.SPLITTABLE)
        shape.steps[field.number << 3 | SIZED] = step
        if wire != SIZED:
            shape.steps[field.number << 3 | wire] = step
            shape.counts_numbers = True
    return shape
