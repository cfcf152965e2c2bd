"""Reads from X.509 files when certificates expire. Pure.

Python's `ssl` tells this only of a peer's certificate that is trusted.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from typing import Final, NamedTuple

_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
#: RFC 5280, 4.1: the version has this tag and may be absent; then serial number, signature, issuer.
_VERSION_TAG: Final = 0xA0
_BEFORE_VALIDITY: Final = 3
_UTC_TIME: Final = 0x17
#: RFC 5280, 4.1.2.5.1: a year of two digits from here on is of the last century.
_LAST_CENTURY: Final = "50"


class _Value(NamedTuple):
    tag: int
    content: bytes


def earliest_end(pem: bytes) -> dt.datetime:
    """Return when the first of a file's certificates expires.

    Raises:
        ValueError: there is no certificate, or one cannot be read.
    """
    blocks = _BLOCK.findall(pem)
    if not blocks:
        raise ValueError("there is no certificate")
    try:
        return min(_end_of(base64.b64decode(block)) for block in blocks)
    except (IndexError, binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"a certificate cannot be read: {error}") from error


def _end_of(certificate: bytes) -> dt.datetime:
    (whole,) = _values(certificate)
    body = _values(_values(whole.content)[0].content)
    place = _BEFORE_VALIDITY + (body[0].tag == _VERSION_TAG)
    _, end = _values(body[place].content)
    text = end.content.decode("ascii")
    if end.tag == _UTC_TIME:
        text = ("19" if text[:2] >= _LAST_CENTURY else "20") + text
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)


def _values(der: bytes) -> list[_Value]:
    """Split DER into its consecutive values."""
    found, at = [], 0
    while at < len(der):
        tag, length, start = der[at], der[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[at + 2 : start], "big")
        if start + length > len(der):
            raise ValueError("a value ends beyond what holds it")
        found.append(_Value(tag, der[start : start + length]))
        at = start + length
    return found
