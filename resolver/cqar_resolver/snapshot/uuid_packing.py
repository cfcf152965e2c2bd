"""Entities without the UUIDs in them, the key that they are held under and those of others. Pure.

A UUID takes 37 bytes as text, and 16 as a number; the key stands beside the entity anyhow. Of a
million listings, their symbols included, that is 80 MB in memory, and in the last good file. To
put back what was cut takes a microsecond.

What is held is the entity without them, then the others' numbers, then a byte for each UUID: how
far behind the one before it was; then a byte: how many they are, and which of them is the key.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from typing import Final

#: A UUID's. What has another key is held whole.
KEY_CHARS: Final = 36
#: Text in the entity, and between it what is not: as protobuf writes it, its length comes first.
_split: Final = re.compile(rb"\$([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})").split
_NUMBER_BYTES: Final = 16
#: What is beyond so many stays in the entity. Where one is further behind, all of them do.
UUIDS_MAX: Final = 14
GAP_MAX: Final = 255
#: Instead of which one is the key.
_NONE: Final = 15
_UNCUT: Final = bytes((_NONE << 4,))


def pack(key: str, payload: bytes) -> bytes:
    """What is held of an entity."""
    if len(key) != KEY_CHARS:
        return payload
    some = _split(payload, UUIDS_MAX)
    rest, uuids = some[::2], some[1::2]
    try:
        gaps = bytes(map(len, rest[:-1]))
    except ValueError:
        return payload + _UNCUT
    own, number_of_own = key.encode(), _NONE
    if own in uuids:
        number_of_own = uuids.index(own)
        del uuids[number_of_own]
    numbers = unhexlify(b"".join(uuids).replace(b"-", b""))
    return b"".join((*rest, numbers, gaps, bytes((len(gaps) | number_of_own << 4,))))


def unpack(key: str, held: bytes) -> bytes:
    """The entity again, byte for byte."""
    if len(key) != KEY_CHARS:
        return held
    count, number_of_own = held[-1] & 15, held[-1] >> 4
    gaps_at = len(held) - 1 - count
    end = gaps_at - _NUMBER_BYTES * (count - (number_of_own != _NONE))
    digits = held[end:gaps_at].hex()
    parts: list[bytes] = []
    begin = at = 0
    for number, gap in enumerate(held[gaps_at:-1]):
        text = key
        if number != number_of_own:
            one = digits[at : at + 32]
            text = f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"
            at += 32
        parts += (held[begin : begin + gap], b"$", text.encode())
        begin += gap
    return b"".join((*parts, held[begin:end]))
