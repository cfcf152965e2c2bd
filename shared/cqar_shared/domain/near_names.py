"""Suggests a known name that is close to an unknown one. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

#: Names that are compared, and their length. A comparison takes some 20 µs.
NAMES_MAX: Final = 500
CHARS_MAX: Final = 64
#: Largest difference in length to a near name.
LENGTHS_APART_MAX: Final = 3
#: What venues spell differently.
SEPARATORS: Final = re.compile(r"[\s\-_/:.]+")


def without_separators(spelling: str) -> str:
    """The spelling without separators and case: what two spellings of one thing share."""
    return SEPARATORS.sub("", spelling).casefold()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `(did you mean 'binance'?)`, or an empty text if no name is near."""
    if len(name) > CHARS_MAX:
        return ""
    near = (one for one in known if abs(len(one) - len(name)) <= LENGTHS_APART_MAX)
    found = difflib.get_close_matches(name.lower(), islice(near, NAMES_MAX), n=1)
    return f"(did you mean {found[0]!r}?)" if found else ""
