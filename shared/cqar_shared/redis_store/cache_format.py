"""The form of cursor and values in Redis, each with a tag under the integrity key. Pure.

The tag of a value covers its key, registry, generation, position, expiry and payload. So a value is
refused under another key, in another generation, with an earlier cursor, or after its expiry. An
attacker who can write to Redis can only restore an older value of the same key and generation
before it expires; the process that wrote the newer one ignores even that (`WriteProgress`).
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
#: Generation, epoch, revision, and expiry in seconds of the wall clock; the tag follows.
_HEADER: Final = struct.Struct(">8sQQQ")
_BEFORE_PAYLOAD: Final = _HEADER.size + TAG_BYTES


class ForgedValue(Exception):
    """A value is not made under our key, or not for its place."""


class CacheCursor(NamedTuple):
    """The position of all values of a generation.

    Attributes:
        generation: Random; values of another one are ignored.
        stored: The bytes in Redis; empty if the cursor was made here.
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
    """A value to set, and its time to live.

    Attributes:
        payload: None to remove the value.
    """

    payload: bytes | None
    ttl_s: int


class CacheFormat:
    """Encodes and verifies cursors and values under a keyring.

    Args:
        now_s: The wall clock in seconds, since processes on several machines compare it.
    """

    def __init__(self, keyring: Keyring, now_s: Callable[[], float]) -> None:
        self._cursors = keyring.seals("cache cursor")
        self._values = keyring.seals("cache value")
        self._now_s = now_s

    def seal_cursor(self, cursor: CacheCursor) -> bytes:
        """Encode a cursor; one that was read gives the same bytes, whichever key made its tag."""
        if cursor.stored:
            return cursor.stored
        epoch, revision, chain = cursor.at
        ids = (cursor.registry_id.hex(), epoch, revision, chain.hex(), cursor.generation.hex())
        text = ":".join(map(str, ids)).encode()
        return text + b":" + self._cursors.tag(text).hex().encode()

    def open_cursor(self, stored: bytes | None) -> CacheCursor | None:
        """Verify and decode a cursor; None if there is none.

        Raises:
            ForgedValue: the bytes are not a cursor with our tag.
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
            raise ForgedValue("the cursor cannot be read") from None
        if not is_ours or len(found.generation) != GENERATION_BYTES:
            raise ForgedValue("the cursor's tag is not ours")
        return found

    def seal(self, cursor: CacheCursor, key: str, value: Value) -> bytes:
        """Encode a value of the cursor's generation; empty without a payload."""
        if value.payload is None:
            return b""
        until_s = int(self._now_s()) + value.ttl_s
        header = _HEADER.pack(cursor.generation, cursor.at.epoch, cursor.at.revision, until_s)
        tag = self._values.tag(key.encode(), cursor.registry_id, header, value.payload)
        return header + tag + value.payload

    def open(
        self, cursor: CacheCursor, key: str, stored: bytes | None, least: int = 0
    ) -> bytes | None:
        """Verify a value; None if it is absent, of another generation, expired or too old.

        Args:
            least: The lowest revision that it may have.

        Raises:
            ForgedValue: the value claims this generation, but its tag is not ours, or it is for
                another key, or later than the cursor.
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
