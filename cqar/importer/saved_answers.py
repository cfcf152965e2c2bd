"""A venue's answers, from saved files: decoded, with hash and time, and matched to requests.

Numbers are kept as the venue wrote them: JSON's numbers become texts. A file that is not one whole
JSON document is refused with what it seems to be.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqar.importer.readers.product_line import Answer, Request, matching

BYTES_MAX: Final = 256 * 1024 * 1024
#: Where venues tell their clock, in milliseconds.
_CLOCKS: Final = ("serverTime", "time", "ts")
#: Of an instant of 2001 to 2286 in milliseconds.
_MILLISECONDS_DIGITS: Final = 13


class SavedResponse(NamedTuple):
    name: str
    path: Path


class UnusableAnswer(Exception):
    """A file that cannot be used as it was named. Says what to do."""


class DecodedAnswer(NamedTuple):
    """A file's content.

    Attributes:
        name: The request that it answers, as it was named.
        sha256: Of the file's bytes, in hex.
        taken_at: The venue's clock, if the answer states it.
    """

    name: str
    value: Any
    sha256: str
    taken_at: dt.datetime | None


def decode_file(saved: SavedResponse) -> DecodedAnswer:
    """Read and decode a file.

    Raises:
        UnusableAnswer: It cannot be read, or is not one whole JSON object or list.
    """
    try:
        size = saved.path.stat().st_size
        if size > BYTES_MAX:
            raise UnusableAnswer(f"{saved.path} has {size} bytes: at most {BYTES_MAX} are read")
        content = saved.path.read_bytes()
    except OSError as error:
        raise UnusableAnswer(f"{saved.path}: {error.strerror or error}") from error
    return decode(saved.name, content, str(saved.path))


def decode(name: str, content: bytes, where: str) -> DecodedAnswer:
    """Decode an answer.

    Args:
        where: What messages call it.

    Raises:
        UnusableAnswer: It is not one whole JSON object or list.
    """
    value = decode_json(content, where)
    return DecodedAnswer(name, value, hashlib.sha256(content).hexdigest(), _clock(value))


def decode_json(content: bytes, where: str) -> Any:
    """JSON with its numbers as texts.

    Raises:
        UnusableAnswer: It is not one whole JSON object or list, or it has NaN, Infinity or a key
            twice in one object.
    """
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            parse_float=str,
            parse_int=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise UnusableAnswer(f"{where} {_seems(content, error)}") from error
    if not isinstance(value, dict | list):
        raise UnusableAnswer(f"{where} is no JSON object or list")
    return value


def _refuse_constant(text: str) -> Any:
    message = f"{text} is no JSON number"
    raise ValueError(message)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"an object has the key {twice[:80]!r} twice"
        raise ValueError(message)
    return found


def _seems(content: bytes, error: Exception) -> str:
    """What a file is that is no JSON."""
    start = content[:64].lstrip().lower()
    if content[:2] == b"\x1f\x8b":
        return "is compressed (gzip): decompress it first"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "is UTF-16: convert it to UTF-8"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not the venue's answer: was the request blocked?"
    if not start:
        return "is empty"
    if isinstance(error, UnicodeDecodeError):
        return f"is no UTF-8 text: {error.reason} at byte {error.start}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if start[:1] in (b"{", b"[") and content.rstrip()[-1:] not in (b"}", b"]"):
        return "is cut off: JSON ends in the middle"
    return f"is no JSON: {error}"


def _clock(value: Any) -> dt.datetime | None:
    told = value if isinstance(value, dict) else {}
    for name in _CLOCKS:
        text = str(told.get(name))
        if text.isdecimal() and len(text) == _MILLISECONDS_DIGITS:
            return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
    return None


def match_answers(
    answers: Iterable[DecodedAnswer], requests: tuple[Request, ...]
) -> tuple[dict[Request, list[Answer]], list[str]]:
    """Sort answers by request.

    Returns:
        The answers, and the names of those that answer no request.
    """
    found: dict[Request, list[Answer]] = {}
    unused: list[str] = []
    for answer in answers:
        match = matching(answer.name, requests)
        if match is None:
            unused.append(answer.name)
            continue
        request, query = match
        found.setdefault(request, []).append(Answer(query, answer.value, answer.name))
    return found, unused


def newest(answers: Iterable[DecodedAnswer], used: Mapping[str, Any] | None = None) -> Any:
    """The newest time that the answers state, or None."""
    told = [a.taken_at for a in answers if used is None or a.name in used]
    return max(filter(None, told), default=None)
