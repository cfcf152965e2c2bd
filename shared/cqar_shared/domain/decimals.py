"""Exact decimals on the wire: plain notation, no exponent, no trailing zeros.

A double that comes alone is read as its shortest decimal form: 0.1 is "0.1".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

#: Longer than any real step (18 digits before, 30 after the point), short enough to be cheap.
CHARS_MAX: Final = 64

#: Steps and sizes are the same few ones at most listings.
KNOWN_MAX: Final = 4_096

_PLAIN: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


@lru_cache(KNOWN_MAX)
def parse(text: str) -> Decimal:
    """Read plain notation; trailing zeros are dropped.

    Raises:
        ValueError: Not a plain decimal (an exponent, an underscore, NaN, a leading plus…).
    """
    if len(text) > CHARS_MAX or not _PLAIN.fullmatch(text):
        message = "must be a plain decimal such as 0.001"
        raise ValueError(message)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text == "-0" else text)


def from_double(value: float) -> Decimal:
    """The shortest decimal that reads back as this double.

    Raises:
        ValueError: NaN or infinite.
    """
    if not math.isfinite(value):
        message = "must be a finite number"
        raise ValueError(message)
    return parse(format(Decimal(repr(value)), "f"))


def plain(value: Decimal) -> str:
    """Plain notation of a value that may carry an exponent (PostgreSQL answers 1E-8)."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
