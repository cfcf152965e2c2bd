"""Exact decimals on the wire: plain notation, no exponent, no trailing zeros.

A double without an exact text is read as its shortest decimal form: 0.1 is "0.1".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

#: Longer than any real step (18 digits before, 30 after the point), short enough to be cheap.
CHARS_MAX: Final = 64

#: Parsed values that are cached: most listings share a few steps and sizes.
KNOWN_MAX: Final = 4_096

_PLAIN: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


@lru_cache(KNOWN_MAX)
def parse(text: str) -> Decimal:
    """Read plain notation and drop trailing zeros.

    Raises:
        ValueError: the text is not a plain decimal, such as one with an exponent, NaN or +1.
    """
    if len(text) > CHARS_MAX or not _PLAIN.fullmatch(text):
        message = "must be a plain decimal such as 0.001"
        raise ValueError(message)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text == "-0" else text)


def from_double(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this double.

    Raises:
        ValueError: the number is NaN or infinite.
    """
    if not math.isfinite(value):
        message = "must be a finite number"
        raise ValueError(message)
    return parse(format(Decimal(repr(value)), "f"))


def plain(value: Decimal) -> str:
    """Write a decimal in plain notation; it may have an exponent (PostgreSQL: 1E-8)."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
