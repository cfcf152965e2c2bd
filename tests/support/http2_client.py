"""One gRPC call by hand, with headers that a gRPC client would refuse to send."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
ANSWER_S: Final = 10.0

Header = tuple[bytes, bytes]


async def call(address: str, path: str, headers: Sequence[Header]) -> bytes:
    """Call a unary method with an empty request; returns all that the server sent back.

    Args:
        address: 127.0.0.1:PORT.
        headers: Beside those that each call has; not one byte of them is checked or encoded.
    """
    host, _, port = address.rpartition(":")
    usual = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", address.encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    block = b"".join(_literal(*header) for header in (*usual, *headers))
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        writer.write(_frame(_HEADERS, _END_HEADERS, 1, block))
        writer.write(_frame(_DATA, _END_STREAM, 1, bytes(5)))
        async with asyncio.timeout(ANSWER_S):
            return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Until the stream or the connection ends."""
    received = b""
    try:
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            received += head + payload
            kind, flags = head[3], head[4]
            if kind in (_RST_STREAM, _GOAWAY):
                return received
            if kind in (_HEADERS, _DATA) and flags & _END_STREAM:
                return received
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return received


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field as it is, never indexed (RFC 7541, 6.2.3)."""
    return b"\x10" + _string(name) + _string(value)


def _string(text: bytes) -> bytes:
    """Its length by a prefix of 7 bits (RFC 7541, 5.1), and its bytes."""
    rest = len(text) - 127
    if rest < 0:
        return bytes([len(text)]) + text
    length = [127]
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes([*length, rest]) + text
