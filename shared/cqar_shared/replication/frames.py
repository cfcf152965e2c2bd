"""Bytes with their length and checksum in front, so that what is torn or flipped is seen. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

_HEADER: Final = struct.Struct(">II")
#: More than anything that is framed here: a larger length is a flipped one.
PAYLOAD_BYTES_MAX: Final = 64 * 1024 * 1024


class TornFrame(Exception):
    """The bytes end within a frame, or are not what was written."""


def frame(payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def payloads(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield what was framed, in order.

    Raises:
        Torn: After the last whole payload.
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
