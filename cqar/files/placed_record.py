"""A record and where it stands; a file's text, and what a file is that cannot be used."""

from __future__ import annotations

from pathlib import Path
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


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        UnusableFile: It cannot be read, is too large, or is no UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise UnusableFile(f"{path} has {size} bytes: at most {FILE_BYTES_MAX} are read")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{path} is no UTF-8 text: byte {error.start}") from error
