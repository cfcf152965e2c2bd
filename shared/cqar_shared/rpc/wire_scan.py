"""Scans an encoded message before it is decoded, and refuses it if it exceeds a limit. Pure.

Two bytes on the wire can become a message of 400 bytes in memory, at microseconds each. So the scan
reads the bytes, keeps only counts, and stops at the first excess. A message that passes has at most
`FIELDS_MAX` fields, and no list, text or depth beyond its limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.rpc import request_limits as limits
from cqar_shared.rpc.message_shapes import FIXED32, FIXED64, SIZED, VARINT, Shape, Step

_VARINT_BYTES_MAX: Final = 10
#: Bytes of a varint except the last one, which has no high bit.
_CONTINUED: Final = bytes(range(0x80, 0x100))
#: Bytes that one call decodes into a message.
PIECE_BYTES: Final = 64 * 1024


class Undecodable(Exception):
    """The bytes are not such a message."""


class _Excess(Exception):
    """A limit is exceeded; the path to the field grows on the way out."""

    def __init__(self, reason: str, message: str, *, may_be_split: bool = False) -> None:
        self.reason = reason
        self.message = message
        self.may_be_split = may_be_split
        self.path = ""

    def within(self, name: str) -> None:
        self.path = f"{name}.{self.path}" if self.path else name


class _Overfull(Exception):
    """A request has more than `FIELDS_MAX` fields in all."""


def require_bounded(raw: bytes, shape: Shape) -> None:
    """Refuse a message that exceeds a limit.

    Raises:
        Undecodable: the bytes are not a message.
        Invalid: a list, text or depth exceeds its limit; the error names the field.
        TooLarge: a list exceeds its limit and can be sent in several requests.
    """
    try:
        _look(raw, 0, len(raw), shape, {}, limits.FIELDS_MAX, limits.DEPTH_MAX)
    except IndexError as error:
        raise Undecodable from error
    except _Overfull as error:
        text = f"the request holds more than {limits.FIELDS_MAX} fields: split it"
        raise TooLarge(text) from error
    except _Excess as excess:
        if excess.may_be_split:
            raise TooLarge(f"{excess.path}: {excess.message}: split them") from excess
        found = FieldViolation(excess.path, excess.reason, excess.message)
        raise Invalid([found]) from excess


def _look(  # noqa: C901, PLR0912  (one loop: a call for each field would double its time)
    raw: bytes, at: int, end: int, shape: Shape, counts: dict[int, Any], left: int, depth: int
) -> int:
    """Scan the fields of a message; return how many more the request may have.

    Args:
        counts: Tag -> items so far; for a single message -> its own counts, since a message that
            occurs twice is merged.
    """
    steps, counts_numbers = shape.steps, shape.counts_numbers
    while at < end:
        left -= 1
        tag = raw[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(raw, at - 1)
        wire = tag & 7
        if wire == SIZED:
            size = raw[at]
            at += 1
            if size > 0x7F:
                size, at = _varint(raw, at - 1)
            stop = at + size
            if stop > end:
                raise Undecodable
            step = steps.get(tag)
            if step is None:
                if size > limits.TEXT_BYTES_MAX:
                    raise _too_long(shape.names.get(tag, ""), size, limits.TEXT_BYTES_MAX)
            elif step.inner is None:
                _count(raw, at, stop, tag, step, counts)
            else:
                if step.count_max:
                    counts[tag] = number = counts.get(tag, 0) + 1
                    if number > step.count_max:
                        raise _too_many(step)
                inner = step.inner
                if size > limits.TEXT_BYTES_MAX or not inner.is_flat:
                    left = _look_into(raw, at, stop, tag, step, counts, left, depth)
            at = stop
        else:
            if counts_numbers and (step := steps.get(tag)) is not None:
                _count_number(tag, step, counts)
            at = _after_number(raw, at, wire)
        if left < 0:
            raise _Overfull
    if at > end:
        raise Undecodable
    return left


def _look_into(
    raw: bytes,
    at: int,
    stop: int,
    tag: int,
    step: Step,
    counts: dict[int, Any],
    left: int,
    depth: int,
) -> int:
    """Scan a message in a message."""
    inner = step.inner
    if inner is None:
        return left
    name = f"{step.name}[{counts[tag] - 1}]" if step.count_max else step.name
    try:
        if stop - at > inner.bytes_max:
            raise _too_long("", stop - at, inner.bytes_max)
        if depth == 0:
            raise _too_deep()
        its_counts = {} if step.count_max else counts.setdefault(tag, {})
        return _look(raw, at, stop, inner, its_counts, left, depth - 1)
    except _Excess as excess:
        excess.within(name)
        raise


def _count(raw: bytes, at: int, stop: int, tag: int, step: Step, counts: dict[int, Any]) -> None:
    """Count a repeated text, or packed numbers."""
    size, number = stop - at, 1
    if step.width > 0:
        number = size // step.width
    elif step.width == 0:
        # So many bytes exceed the limit in any case.
        is_much = size > step.count_max * _VARINT_BYTES_MAX
        number = size if is_much else len(raw[at:stop].translate(None, _CONTINUED))
    elif size > limits.TEXT_BYTES_MAX:
        place = counts.get(tag, 0)
        raise _too_long(f"{step.name}[{place}]", size, limits.TEXT_BYTES_MAX)
    counts[tag] = number = counts.get(tag, 0) + number
    if number > step.count_max:
        raise _too_many(step)


def _count_number(tag: int, step: Step, counts: dict[int, Any]) -> None:
    """Count a repeated number that is not packed; both forms may be mixed."""
    key = tag & ~7 | SIZED
    counts[key] = number = counts.get(key, 0) + 1
    if number > step.count_max:
        raise _too_many(step)


def _too_many(step: Step) -> _Excess:
    excess = _Excess("TOO_MANY", f"at most {step.count_max}", may_be_split=step.may_be_split)
    excess.within(step.name)
    return excess


def _too_long(name: str, size: int, limit: int) -> _Excess:
    excess = _Excess("TOO_LONG", f"has {size} bytes; at most {limit}")
    excess.path = name
    return excess


def _too_deep() -> _Excess:
    return _Excess("TOO_DEEP", f"at most {limits.DEPTH_MAX} levels")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Read a number, and return where it ends.

    Raises:
        Undecodable: the number has no end.
    """
    value = 0
    for shift in range(0, 7 * _VARINT_BYTES_MAX, 7):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Undecodable


def pieces(raw: bytes) -> Iterator[bytes]:
    """Split a message into parts of whole fields, to be merged one by one.

    Decoding all of it in one call into C would block the whole process.
    """
    if len(raw) <= PIECE_BYTES:
        yield raw
        return
    began = at = 0
    while at < len(raw):
        at = _after_field(raw, at)
        if at - began >= PIECE_BYTES:
            yield raw[began:at]
            began = at
    if began < at:
        yield raw[began:]


def _after_field(raw: bytes, at: int) -> int:
    """Where a field of a scanned message ends."""
    tag, at = _varint(raw, at)
    wire = tag & 7
    if wire == SIZED:
        size, at = _varint(raw, at)
        return at + size
    return _after_number(raw, at, wire)


def _after_number(raw: bytes, at: int, wire: int) -> int:
    """Where the number that begins here ends.

    Raises:
        Undecodable: the field is a group, which no message of this contract has.
    """
    if wire == VARINT:
        return _varint(raw, at)[1] if raw[at] > 0x7F else at + 1
    if wire == FIXED64:
        return at + 8
    if wire == FIXED32:
        return at + 4
    raise Undecodable
