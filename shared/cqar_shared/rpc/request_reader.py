"""Decodes a method's request from bytes, within the limits of `rpc.request_limits`.

It is the innermost middleware: a caller without permission, or one who calls too often, is refused
before the request is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.rpc import message_shapes, wire_scan
from cqar_shared.rpc import request_limits as limits
from cqar_shared.rpc.middleware import Middleware

M = TypeVar("M", bound=Message)


def parsed(message: type[M], raw: bytes, bytes_max: int) -> M:
    """Decode a request.

    Raises:
        TooLarge: the request has more than `bytes_max` bytes, or too many items.
        Invalid: the bytes are not such a message, or a list, text or depth exceeds its limit.
    """
    if len(raw) > bytes_max:
        text = f"the request has {len(raw)} bytes; at most {bytes_max} of this method"
        raise TooLarge(f"{text}: ask for less at once")
    try:
        if _is_small(message, raw):
            return message.FromString(raw)
        wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))
        made = message()
        for piece in wire_scan.pieces(raw):
            made.MergeFromString(piece)
    except (DecodeError, ValueError, wire_scan.Undecodable) as error:
        raise undecodable() from error
    return made


def _is_small(message: type[Message], raw: bytes) -> bool:
    """Whether a request needs no scan: it is small, or its method counts its items."""
    size = len(raw)
    if size <= limits.SMALL_BYTES:
        return True
    return size <= limits.SMALL_BYTES_OF.get(message.DESCRIPTOR.full_name, 0)


async def read(message: type[M], raw: bytes, bytes_max: int) -> M:
    """Decode a request, in a thread if it is large.

    Raises:
        TooLarge: See `parsed`.
        Invalid: See `parsed`.
    """
    if limits.ASIDE_BYTES < len(raw) <= bytes_max and not _is_small(message, raw):
        return await asyncio.to_thread(parsed, message, raw, bytes_max)
    return parsed(message, raw, bytes_max)


def undecodable() -> Invalid:
    return Invalid([FieldViolation("", "UNDECODABLE", "the request is not this method's message")])


class RequestReader(Middleware):
    """Gives a method its request as a message; everything outside sees bytes."""

    def wrapped(self, handler: Any, method: str) -> Any:
        message = _message_of(handler.request_deserializer)
        if message is None:
            return handler
        if handler.stream_stream is not None:
            return handler._replace(request_deserializer=_or_empty(message))
        reading = partial(read, message, bytes_max=limits.bytes_max(method))
        if handler.unary_unary is not None:
            handler = handler._replace(unary_unary=_asked(handler.unary_unary, reading))
        elif handler.unary_stream is not None:
            handler = handler._replace(unary_stream=_asked_stream(handler.unary_stream, reading))
        else:
            return handler
        return handler._replace(request_deserializer=None)


def _message_of(decode: Any) -> type[Message] | None:
    """The message type of a `FromString`; None if the handler takes bytes."""
    message = getattr(decode, "__self__", None)
    is_message = isinstance(message, type) and issubclass(message, Message)
    return message if is_message else None


def _asked(call: Any, reading: Callable[[bytes], Any]) -> Any:
    async def asked(raw: bytes, context: Any) -> Any:
        return await call(await reading(raw), context)

    return asked


def _asked_stream(call: Any, reading: Callable[[bytes], Any]) -> Any:
    async def asked(raw: bytes, context: Any) -> AsyncIterator[Any]:
        async for answer in call(await reading(raw), context):
            yield answer

    return asked


def _or_empty(message: type[Message]) -> Callable[[bytes], Message]:
    """Return a decoder for a stream's requests; an unreadable one becomes empty, and is refused."""

    def decode(raw: bytes) -> Message:
        try:
            return parsed(message, raw, limits.REQUEST_BYTES_MAX)
        except (Invalid, TooLarge):
            return message()

    return decode
