"""Every file of tests/readers as its reader reads it, compared with the oracle's expectations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from cqar.importer.answer_reader import Reading
from tests.readers.accepted import ACCEPTED
from tests.readers.listing_files import Listing
from tests.readers.test_readers import FILES, _differing, _outcomes, expected_of, reading_of

_DATE: Final = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
#: Beginning of a file's name -> what it is, if it has no date.
_KINDS: Final = {"fixture": "a test's fixture", "docsample": "sample of the documentation"}
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\b[\w.-]*\d[\w.-]*\b")

Progress = Callable[[int, int], None]


class FileReading(NamedTuple):
    """What a file's records became.

    Attributes:
        unsupported: Kind -> number of records.
        unreadable: Reason, with its values left out -> number of records.
        wrong: Number of fields in which reader and oracle differ.
    """

    listing: Listing
    reading: Reading
    unsupported: Counter[str]
    unreadable: Counter[str]
    wrong: int

    @property
    def date(self) -> str:
        """Of when the file is, or what it is."""
        name = self.listing.file.rpartition("/")[2]
        found = _DATE.search(name)
        kind = next((text for word, text in _KINDS.items() if name.startswith(word)), "not dated")
        return found.group() if found and not name.startswith("docsample") else kind


def without_values(reason: str) -> str:
    """A reason by which records can be counted together."""
    return _QUOTED.sub("…", reason)


def read_files(progress: Progress = lambda _, __: None) -> list[FileReading]:
    """Read all files, in the order of their venues."""
    found = []
    ordered = sorted(FILES, key=lambda listing: (listing.venue_id, listing.file))
    for done, listing in enumerate(ordered, 1):
        reading = reading_of(listing)
        unsupported = Counter(record.kind for record in reading.unsupported)
        unreadable = Counter(without_values(row.reason) for row in reading.unreadable)
        wrong = _wrong_fields(listing, reading)
        found.append(FileReading(listing, reading, unsupported, unreadable, wrong))
        progress(done, len(ordered))
    return found


def _wrong_fields(listing: Listing, reading: Reading) -> int:
    read, (_, expected) = _outcomes(reading), expected_of(listing)
    return sum(
        (listing.name, spelling, field) not in ACCEPTED
        for spelling in read.keys() | expected.keys()
        for field, _, _ in _differing(read.get(spelling), expected.get(spelling))
    )
