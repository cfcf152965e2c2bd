"""Spellings that a venue has beside an unknown one: a hint after a miss, never an answer. Pure.

They differ from it by case and separators alone. Memory has no index for that, so the ways in which
it may be spelled are looked up: some 100 of them, each in a dict.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from cqar_shared.domain import near_names
from cqar_shared.queries.reader import Reader

#: What venues put between the parts of a spelling.
JOINTS: Final = ("", "-", "_", "/", ":")
#: Spellings without separators that are taken apart at any place; longer ones are not.
PARTED_CHARS_MAX: Final = 24
#: Parts that are joined anew.
PARTS_MAX: Final = 8
#: Spellings that are told.
NEAR_MAX: Final = 5


def near_spellings(reader: Reader, venue_id: str, spelling: str) -> tuple[str, ...]:
    """Return what the venue lists, of the ways in which the spelling may be written."""
    ways = dict.fromkeys(_ways(spelling))
    known = (way for way in ways if list(reader.find("venue_symbol", "spelling", venue_id, way)))
    return tuple(sorted(itertools.islice(known, NEAR_MAX)))


def _ways(spelling: str) -> Iterator[str]:
    parts = [part for part in near_names.SEPARATORS.split(spelling) if part]
    if not parts or len(parts) > PARTS_MAX:
        return
    ways = [parts]
    whole = "".join(parts)
    if len(whole) <= PARTED_CHARS_MAX:
        ways += ([whole[:at], whole[at:]] for at in range(1, len(whole)))
    for way, separator in itertools.product(ways, JOINTS):
        joined = separator.join(way)
        yield from (joined, joined.upper(), joined.lower())
