"""Tags that only who holds the integrity key can make: what Redis and files hold is ours. Pure.

A tag is of a purpose, and of several byte strings in their order: what is tagged for one purpose,
or beside one string, is not believed beside another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

KEY_BYTES_MIN: Final = 32
#: A rotation takes two; each of them is tried on what fails, which costs a microsecond.
KEYS_MAX: Final = 8
#: Of SHA-256's 32: a forger has one chance in 2^128, and learns nothing from failing.
TAG_BYTES: Final = 16
#: 32 random bytes repeat a few; a sample key such as 00…00 has hardly any that differ.
DISTINCT_BYTES_MIN: Final = 16
_LABEL: Final = b"cqar integrity 1: "


class BadKey(ValueError):
    """A key that cannot be used; the message does not contain it."""


class Seals:
    """Makes and checks the tags of one purpose.

    Args:
        keys: One at least. The first makes tags, each of them checks.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def tag(self, *parts: bytes) -> bytes:
        return _tag(self._keys[0], parts)

    def verifies(self, tag: bytes, *parts: bytes) -> bool:
        """Whether a tag was made of these parts, under any of the keys."""
        return any(hmac.compare_digest(tag, _tag(key, parts)) for key in self._keys)


class Keyring:
    """The integrity keys of a process.

    Args:
        keys: One at least, of `KEY_BYTES_MIN` random bytes each.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise BadKey("there is no key")
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read a key file: a key a line, as hex or base64; empty lines and `#` lines do not count.

        Raises:
            BadKey: A line is no key, or there is none, or more than `KEYS_MAX`.
        """
        lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
        keys = [_key(n, line) for n, line in lines if line and not line.startswith("#")]
        if len(keys) > KEYS_MAX:
            raise BadKey(f"there are {len(keys)} keys; {KEYS_MAX} at most are tried")
        return cls(keys)

    def seals(self, purpose: str) -> Seals:
        """Keys of their own for a purpose, as HKDF expands them (RFC 5869, one block)."""
        info = _LABEL + purpose.encode() + b"\x01"
        return Seals([hmac.digest(key, info, "sha256") for key in self._keys])


def _key(number: int, line: str) -> bytes:
    try:
        key = bytes.fromhex(line)
    except ValueError:
        try:
            key = base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            raise BadKey(f"line {number} is neither hex nor base64") from None
    if len(key) < KEY_BYTES_MIN:
        raise BadKey(f"line {number} has {len(key)} bytes; {KEY_BYTES_MIN} are the least")
    if len(set(key)) < DISTINCT_BYTES_MIN:
        raise BadKey(f"line {number} is not random")
    return key


def _tag(key: bytes, parts: Sequence[bytes]) -> bytes:
    # Each behind its length, so that no byte moves from one part to the next.
    message = b"".join(piece for part in parts for piece in (len(part).to_bytes(8), part))
    return hmac.digest(key, message, "sha256")[:TAG_BYTES]
