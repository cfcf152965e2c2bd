"""How the cursor and the values stand in Redis: each with a tag that only our key makes. Pure.

A value's tag is of the key that it stands under, its registry, generation and position, until when
it counts, and its payload: so it is not believed under another key, in another generation, behind
a cursor of before it, or after its time. What remains possible to who can write to Redis is to put
back what this very key held before in the same generation, until that value's own time is over;
the process that wrote what stood there last does not read that either (`WriteProgress`).
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Self

from cqar_shared.replication.positions import LogPosition
from cqar_shared.trust.seals import TAG_BYTES, Keyring

GENERATION_BYTES: Final = 8
#: Keys whose last write is remembered, at some 150 bytes each.
NOTED_KEYS_MAX: Final = 10_000
#: Generation, epoch, revision, and until when it counts in seconds of the wall clock; then the tag.
_HEADER: Final = struct.Struct(">8sQQQ")
_BEFORE_PAYLOAD: Final = _HEADER.size + TAG_BYTES


class ForgedValue(Exception):
    """Not made under our key, or not for where it was found."""


class CacheCursor(NamedTuple):
    """What every value of a generation is as of.

    Attributes:
        generation: Random; a value of another one does not count.
        stored: As it stood in Redis; empty where it was made here.
    """

    registry_id: bytes
    at: LogPosition
    generation: bytes
    stored: bytes = b""

    @classmethod
    def fresh(cls, registry_id: bytes, at: LogPosition) -> Self:
        return cls(registry_id, at, secrets.token_bytes(GENERATION_BYTES))

    def moved(self, at: LogPosition) -> Self:
        return self._replace(at=at, stored=b"")


class Value(NamedTuple):
    """What to set, and how long it counts at most.

    Attributes:
        payload: None for what is not known any more: it is found no longer.
    """

    payload: bytes | None
    ttl_s: int


class CacheFormat:
    """Reads and writes both under a keyring.

    Args:
        now_s: The wall clock, in seconds: writers and resolvers are on several machines.
    """

    def __init__(self, keyring: Keyring, now_s: Callable[[], float]) -> None:
        self._cursors = keyring.seals("cache cursor")
        self._values = keyring.seals("cache value")
        self._now_s = now_s

    def seal_cursor(self, cursor: CacheCursor) -> bytes:
        """As it stands in Redis: byte for byte what was read there, whichever key it is under."""
        if cursor.stored:
            return cursor.stored
        epoch, revision, chain = cursor.at
        ids = (cursor.registry_id.hex(), epoch, revision, chain.hex(), cursor.generation.hex())
        text = ":".join(map(str, ids)).encode()
        return text + b":" + self._cursors.tag(text).hex().encode()

    def open_cursor(self, stored: bytes | None) -> CacheCursor | None:
        """Read it; None where there is none.

        Raises:
            Forged: It is not of our making.
        """
        if stored is None:
            return None
        text, _, tag = stored.rpartition(b":")
        try:
            is_ours = self._cursors.verifies(bytes.fromhex(tag.decode()), text)
            registry_id, epoch, revision, chain, generation = text.decode().split(":")
            at = LogPosition(int(epoch), int(revision), bytes.fromhex(chain))
            found = CacheCursor(bytes.fromhex(registry_id), at, bytes.fromhex(generation), stored)
        except ValueError:
            raise ForgedValue("the cursor is none") from None
        if not is_ours or len(found.generation) != GENERATION_BYTES:
            raise ForgedValue("the cursor's tag is not ours")
        return found

    def seal(self, cursor: CacheCursor, key: str, value: Value) -> bytes:
        """A value of the cursor's generation; one that does not count where it has no payload."""
        if value.payload is None:
            return b""
        until_s = int(self._now_s()) + value.ttl_s
        header = _HEADER.pack(cursor.generation, cursor.at.epoch, cursor.at.revision, until_s)
        tag = self._values.tag(key.encode(), cursor.registry_id, header, value.payload)
        return header + tag + value.payload

    def open(
        self, cursor: CacheCursor, key: str, stored: bytes | None, least: int = 0
    ) -> bytes | None:
        """What stands under a key; None where that is nothing, of another generation, or too old.

        Args:
            least: The revision that it must have been written at, or later.

        Raises:
            Forged: It says that it is of this generation, and is not of our making, or was made
                for another key, or after what the cursor says.
        """
        if stored is None or not stored.startswith(cursor.generation):
            return None
        if len(stored) < _BEFORE_PAYLOAD:
            raise ForgedValue(f"the value of {key} is too short")
        header, tag = stored[: _HEADER.size], stored[_HEADER.size : _BEFORE_PAYLOAD]
        payload = stored[_BEFORE_PAYLOAD:]
        if not self._values.verifies(tag, key.encode(), cursor.registry_id, header, payload):
            raise ForgedValue(f"the tag of the value of {key} is not ours")
        _, epoch, revision, until_s = _HEADER.unpack(header)
        if epoch != cursor.at.epoch or revision > cursor.at.revision:
            raise ForgedValue(f"the value of {key} is of {epoch}:{revision}, after the cursor")
        return payload if revision >= least and self._now_s() < until_s else None


class WriteProgress:
    """The revision at which this process last wrote each key, in one generation.

    A tag does not tell the newest value of a key from an older one that somebody put back. The
    process that wrote the newest value does, and ignores the older one.
    """

    def __init__(self) -> None:
        self._generation = b""
        self._revisions: dict[str, int] = {}

    def note(self, cursor: CacheCursor, keys: Iterable[str]) -> None:
        """Note that keys were written as of a cursor: none of their values may be older now."""
        if cursor.generation != self._generation:
            self._generation = cursor.generation
            self._revisions.clear()
        for key in keys:
            before = self._revisions.pop(key, 0)  # to the end, as the newest
            self._revisions[key] = max(before, cursor.at.revision)
        while len(self._revisions) > NOTED_KEYS_MAX:
            del self._revisions[next(iter(self._revisions))]

    def least(self, cursor: CacheCursor, key: str) -> int:
        """The lowest revision that a key's value may have; 0 if that is not known."""
        return self._revisions.get(key, 0) if cursor.generation == self._generation else 0
