"""What an audit finds to differ: the first of it, and how much of each kind. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

#: Whoever finds so many looks no further: what they have in common is known by then.
DIFFERENCES_MAX: Final = 10_000
MISSING: Final = "missing"
EXTRA: Final = "not to be there"
#: Of what was found, for a person to see.
KEY_CHARS_MAX: Final = 200


class Difference(NamedTuple):
    """One thing that is not as the change sets make it.

    Attributes:
        table: Where it is.
        key: Of the row: its primary key's values, joined by "/"; of the outbox, EPOCH:REVISION.
        what: The column that differs; or `MISSING` or `EXTRA`, of a whole row.
        text: The same as a sentence.
    """

    table: str
    key: str
    what: str
    text: str


class TooManyDifferences(Exception):
    """`DIFFERENCES_MAX` were found."""


class Differences:
    """Those found so far.

    Attributes:
        first: The first of them.
        counts: (table, what) -> how many.
        is_all: Whether everything was looked at.
    """

    def __init__(self) -> None:
        self.first: Difference | None = None
        self.counts: Counter[tuple[str, str]] = Counter()
        self.is_all = True

    def __bool__(self) -> bool:
        return self.first is not None

    def add(self, table: str, key: str, what: str, text: str = "") -> None:
        """Note one.

        Raises:
            TooManyDifferences: There are so many that more say nothing.
        """
        key = key[:KEY_CHARS_MAX]
        if self.first is None:
            self.first = Difference(table, key, what, text or _sentence(table, key, what))
        self.counts[table, what] += 1
        if self.counts.total() >= DIFFERENCES_MAX:
            self.is_all = False
            raise TooManyDifferences


def _sentence(table: str, key: str, what: str) -> str:
    if what == MISSING:
        return f"`{table}` has no row {key!r}, which the change sets make"
    if what == EXTRA:
        return f"`{table}` has a row {key!r}, which no change set makes"
    return f"`{table}.{what}` was altered, in the row {key!r}"
