"""Page tokens: opaque, and each of one query only."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Final

from cqar_shared.errors import FieldViolation, Invalid

_SEAL_BYTES: Final = 8


def mark_of(*query: Any) -> bytes:
    """Names a query, so that a token of another is known."""
    return repr(query).encode()


def make(mark: bytes, parts: Sequence[str]) -> str:
    """The token that says where a query goes on; no part but the last holds a slash."""
    body = "/".join(parts).encode()
    return base64.urlsafe_b64encode(_seal(mark, body) + body).decode()


def parts_in(token: str, mark: bytes, count: int) -> list[str]:
    """What `make` was given.

    Raises:
        Invalid: The token is none, or another query's.
    """
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        seal, body = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        parts = body.decode().split("/", count - 1)
    except (binascii.Error, UnicodeError, ValueError):
        raise other_query() from None
    if seal != _seal(mark, body) or len(parts) != count:
        raise other_query()
    return parts


def _seal(mark: bytes, body: bytes) -> bytes:
    """Tells a token of another query, and one that was cut or altered on its way."""
    return hashlib.sha256(hashlib.sha256(mark).digest() + body).digest()[:_SEAL_BYTES]


def whole_number(text: str, digits_max: int) -> int:
    """A part that is a number.

    Raises:
        Invalid: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= digits_max):
        raise other_query()
    return int(text)


def other_query() -> Invalid:
    return Invalid([FieldViolation("page_token", "OTHER_QUERY", "is not a token of this query")])
