"""An API key as text: how one is made, and by what it is known. Needs no server's packages."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

#: By which scanners for leaked secrets know one.
PREFIX: Final = "cqar_"


def fresh_key() -> str:
    """A new key, of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What is stored of one."""
    return hashlib.sha256(key.encode()).hexdigest()
