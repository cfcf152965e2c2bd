"""Collects the differences that an audit finds: the first one, and counts by kind. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

#: An audit stops at this many differences: by then their pattern is known.
DIFFERENCES_MAX: Final = 10_000
MISSING: Final = "missing"
EXTRA: Final = "not to be there"
#: Maximum length of a key in a report.
KEY_CHARS_MAX: Final = 200


class Difference(NamedTuple):
    """A value in the database that differs from what the change sets produce.

    Attributes:
        key: The row's primary key, its values joined by "/"; for the outbox, EPOCH:REVISION.
        what: The column that differs; `MISSING` or `EXTRA` for a whole row.
        text: The difference as a sentence.
    """

    table: str
    key: str
    what: str
    text: str


class TooManyDifferences(Exception):
    """`DIFFERENCES_MAX` differences were found."""


class Differences:
    """The differences found so far.

    Attributes:
        counts: (table, what) -> number.
        is_all: Whether everything was compared.
    """

    def __init__(self) -> None:
        self.first: Difference | None = None
        self.counts: Counter[tuple[str, str]] = Counter()
        self.is_all = True

    def __bool__(self) -> bool:
        return self.first is not None

    def add(self, table: str, key: str, what: str, text: str = "") -> None:
        """Add a difference.

        Raises:
            TooManyDifferences: `DIFFERENCES_MAX` is reached.
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
        return f"`{table}` has no row {key!r}, which the change sets produce"
    if what == EXTRA:
        return f"`{table}` has a row {key!r}, which no change set produces"
    return f"`{table}.{what}` was altered, in the row {key!r}"
