"""Looks at a serialised message before it is built, and refuses what is too much of anything. Pure.

Two bytes on the wire can be a message of 400 in memory, and each takes microseconds to look at. So
a request is read here first: from its bytes alone, with nothing kept but counts, and only up to the
first excess. What passes holds `FIELDS_MAX` fields at most, and no list, text or depth beyond its
limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.rpc import request_limits as limits
from cqar_shared.rpc.message_shapes import FIXED32, FIXED64, SIZED, VARINT, Shape, Step

_VARINT_BYTES_MAX: Final = 10
#: A varint's last byte has no high bit: what is left without the others is as long as there are.
_CONTINUED: Final = bytes(range(0x80, 0x100))
#: Bytes that are read into a message by one call.
PIECE_BYTES: Final = 64 * 1024


class Undecodable(Exception):
    """The bytes are no such message."""


class _Excess(Exception):
    """Too much of something; the path to it grows on the way out."""

    def __init__(self, reason: str, message: str, *, may_be_split: bool = False) -> None:
        self.reason = reason
        self.message = message
        self.may_be_split = may_be_split
        self.path = ""

    def within(self, name: str) -> None:
        self.path = f"{name}.{self.path}" if self.path else name


class _Overfull(Exception):
    """More fields in all than one request may have, wherever they are."""


def require_bounded(raw: bytes, shape: Shape) -> None:
    """Refuse a message that is too much of anything.

    Raises:
        Undecodable: It is no message.
        Invalid: A list, a text or a depth is beyond its limit; names where.
        TooLarge: The same of what can be sent in parts.
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
    """Look at a message's fields; returns how many more there may be.

    Args:
        counts: By tag how many there were; of a message that does not repeat its own counts, since
            one that is stated twice is the two together.
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
    """Look at a message in a message."""
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
    """Count a text of many, or numbers that are packed."""
    size, number = stop - at, 1
    if step.width > 0:
        number = size // step.width
    elif step.width == 0:
        # None takes more bytes: so many are not looked at.
        is_much = size > step.count_max * _VARINT_BYTES_MAX
        number = size if is_much else len(raw[at:stop].translate(None, _CONTINUED))
    elif size > limits.TEXT_BYTES_MAX:
        place = counts.get(tag, 0)
        raise _too_long(f"{step.name}[{place}]", size, limits.TEXT_BYTES_MAX)
    counts[tag] = number = counts.get(tag, 0) + number
    if number > step.count_max:
        raise _too_many(step)


def _count_number(tag: int, step: Step, counts: dict[int, Any]) -> None:
    """Count a number of many that is not packed; both forms may be mixed."""
    key = tag & ~7 | SIZED
    counts[key] = number = counts.get(key, 0) + 1
    if number > step.count_max:
        raise _too_many(step)


def _too_many(step: Step) -> _Excess:
    excess = _Excess("TOO_MANY", f"at most {step.count_max}", may_be_split=step.may_be_split)
    excess.within(step.name)
    return excess


def _too_long(name: str, size: int, most: int) -> _Excess:
    excess = _Excess("TOO_LONG", f"has {size} bytes; at most {most}")
    excess.path = name
    return excess


def _too_deep() -> _Excess:
    return _Excess("TOO_DEEP", f"at most {limits.DEPTH_MAX} levels")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends.

    Raises:
        Undecodable: It does not end.
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
    """Yield a message in parts, each of whole fields: merged one by one they are the message.

    All of it at once would be one call into C, for which everything else in the process waits.
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
    """Where a field ends, of a message that was looked at."""
    tag, at = _varint(raw, at)
    wire = tag & 7
    if wire == SIZED:
        size, at = _varint(raw, at)
        return at + size
    return _after_number(raw, at, wire)


def _after_number(raw: bytes, at: int, wire: int) -> int:
    """Where a number ends that begins here.

    Raises:
        Undecodable: It is a group: no message of ours has one.
    """
    if wire == VARINT:
        return _varint(raw, at)[1] if raw[at] > 0x7F else at + 1
    if wire == FIXED64:
        return at + 8
    if wire == FIXED32:
        return at + 4
    raise Undecodable
