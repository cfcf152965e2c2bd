"""A record and where it stands, and what a file is that cannot be used."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

#: Of one file; a million listings take 600 MB of lines.
FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
RECORDS_MAX: Final = 2_000_000


class UnusableFile(Exception):
    """A file that is not read. Says where, why, and what to do."""


class PlacedRecord(NamedTuple):
    """A record and where it stands.

    Attributes:
        place: File and line, for people.
        values: By field; `kind` among them.
    """

    place: str
    values: dict[str, Any]
