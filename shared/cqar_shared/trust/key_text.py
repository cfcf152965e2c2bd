"""API keys as text: makes and hashes them. Needs no packages of a server."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

#: Scanners for leaked secrets recognise keys by it.
PREFIX: Final = "cqar_"


def fresh_key() -> str:
    """Make a key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """Hash a key; only the hash is stored."""
    return hashlib.sha256(key.encode()).hexdigest()
