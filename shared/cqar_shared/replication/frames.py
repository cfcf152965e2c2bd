"""Frames of bytes with length and checksum, which reveal torn or flipped bytes. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

_HEADER: Final = struct.Struct(">II")
#: More than any payload here: a larger length is a flipped bit.
PAYLOAD_BYTES_MAX: Final = 64 * 1024 * 1024


class TornFrame(Exception):
    """The bytes end within a frame, or are not those that were written."""


def frame(payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def payloads(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield the payloads in order.

    Raises:
        TornFrame: after the last whole payload, the rest is torn.
    """
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise TornFrame(f"{len(data) - at} bytes are left over at {at}")
        size, crc = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        payload = bytes(data[at : at + size])
        if size > PAYLOAD_BYTES_MAX or len(payload) < size or zlib.crc32(payload) != crc:
            raise TornFrame(f"a frame of {size} bytes at {at} is cut off or not what was written")
        at += size
        yield payload
