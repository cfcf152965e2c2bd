"""Authenticates values in Redis and in files by tags under the integrity key. Pure.

A tag covers a purpose and several byte strings in order. A value that was tagged for one purpose,
or beside one string, is refused for another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

KEY_BYTES_MIN: Final = 32
#: A rotation needs two. All keys are tried on a wrong tag, a microsecond each.
KEYS_MAX: Final = 8
#: Of the 32 bytes of SHA-256: a forger's chance is 2^-128.
TAG_BYTES: Final = 16
#: 32 random bytes rarely have fewer distinct values; a sample key such as 00…00 does.
DISTINCT_BYTES_MIN: Final = 16
_LABEL: Final = b"cqar integrity 1: "


class BadKey(ValueError):
    """A key cannot be used; the message does not contain it."""


class Seals:
    """Makes and checks the tags of one purpose.

    Args:
        keys: At least one. The first makes tags; all of them verify.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def tag(self, *parts: bytes) -> bytes:
        return _tag(self._keys[0], parts)

    def verifies(self, tag: bytes, *parts: bytes) -> bool:
        """Whether the tag is that of these parts under one of the keys."""
        return any(hmac.compare_digest(tag, _tag(key, parts)) for key in self._keys)


class Keyring:
    """The integrity keys of a process.

    Args:
        keys: At least one, each of `KEY_BYTES_MIN` random bytes or more.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise BadKey("there is no key")
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read a key file: one key a line, as hex or base64; `#` begins a comment line.

        Raises:
            BadKey: a line is not a key, or there is no key, or there are more than `KEYS_MAX`.
        """
        lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
        keys = [_key(n, line) for n, line in lines if line and not line.startswith("#")]
        if len(keys) > KEYS_MAX:
            raise BadKey(f"there are {len(keys)} keys; {KEYS_MAX} at most are tried")
        return cls(keys)

    def seals(self, purpose: str) -> Seals:
        """Derive the keys of a purpose by HKDF (RFC 5869, one block)."""
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
    # Each part follows its length, so that no byte can move from one part to the next.
    message = b"".join(piece for part in parts for piece in (len(part).to_bytes(8), part))
    return hmac.digest(key, message, "sha256")[:TAG_BYTES]
