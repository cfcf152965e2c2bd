"""A reference list in a file: read within bounds, hashed, decoded as JSON or CSV."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqar.importer.saved_answers import UnusableAnswer, decode_json

#: The largest public list that is known has 8 MB.
BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_MAX: Final = 100_000
#: Characters of one CSV field.
FIELD_CHARS_MAX: Final = 16_384
Record = dict[str, Any]


class ListFile(NamedTuple):
    """A file's content.

    Attributes:
        name: What findings, evidence and reasons call the list.
        sha256: Of the file's bytes, in hex.
        value: JSON with its numbers as texts; of CSV, one record a row, by column.
        columns: Of CSV; empty for JSON.
    """

    name: str
    sha256: str
    value: Any
    columns: tuple[str, ...] = ()

    @property
    def is_csv(self) -> bool:
        return bool(self.columns)


def read_list(path: Path, name: str | None = None) -> ListFile:
    """Read and decode a file.

    Args:
        name: What the list is called; None: as it calls itself, or else as its file.

    Raises:
        UnusableAnswer: It cannot be read, is too large, or is neither JSON nor CSV.
    """
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise UnusableAnswer(f"{path} has {size} bytes: at most {BYTES_MAX} are read")
        content = path.read_bytes()
    except OSError as error:
        raise UnusableAnswer(f"{path}: {error.strerror or error}") from error
    return decode_list(content, str(path), name or path.name, is_named=name is not None)


def decode_list(content: bytes, where: str, name: str, *, is_named: bool = True) -> ListFile:
    """Decode a list's bytes.

    Args:
        where: What messages call it.
        is_named: Whether `name` overrules what the list calls itself.

    Raises:
        UnusableAnswer: It is neither JSON nor CSV, or has too many rows.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        value = decode_json(content, where)
        own = value.get("name") if isinstance(value, dict) else None
        if not is_named and isinstance(own, str) and own.strip():
            name = own.strip()[:128]
        return ListFile(name, sha256, value)
    columns, rows = _decode_csv(content, where)
    return ListFile(name, sha256, rows, columns)


def _decode_csv(content: bytes, where: str) -> tuple[tuple[str, ...], list[Record]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{where} is no UTF-8 text: {error.reason} at byte {error.start}"
        raise UnusableAnswer(message) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Record] = []
    try:
        columns = tuple(name.strip() for name in reader.fieldnames or ())
        reader.fieldnames = list(columns)
        for row in reader:
            if len(rows) == ROWS_MAX:
                raise UnusableAnswer(f"{where} has more than {ROWS_MAX} rows: divide it")
            rows.append(row)
    except csv.Error as error:
        raise UnusableAnswer(f"{where} is no CSV: line {reader.line_num}: {error}") from error
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise UnusableAnswer(f"{where} is neither JSON nor CSV with a line of column names")
    return columns, rows


def records_of(value: Any, where: str) -> list[Any]:
    """Return a JSON list's records.

    Raises:
        UnusableAnswer: It is no list, or it is too long.
    """
    if not isinstance(value, list):
        raise UnusableAnswer(f"{where}: a list of records was expected")
    if len(value) > ROWS_MAX:
        raise UnusableAnswer(f"{where} has {len(value)} records: at most {ROWS_MAX} are read")
    return value


class UnreadableRow(Exception):
    """A record that does not have its list's form."""


def text_of(record: Record, field: str) -> str:
    """Return a text of a record, without white space around it; empty where it has none.

    Raises:
        UnreadableRow: It is no text, or is too long.
    """
    value = record.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableRow(f"{field} is no text")
    if len(value) > FIELD_CHARS_MAX:
        raise UnreadableRow(f"{field} has {len(value)} characters; at most {FIELD_CHARS_MAX}")
    return value.strip()


def required(record: Record, field: str) -> str:
    """Return a text of a record.

    Raises:
        UnreadableRow: The record has none.
    """
    if not (text := text_of(record, field)):
        raise UnreadableRow(f"{field} is missing")
    return text


#: More digits are no decimals, and no number of a network.
_DIGITS_MAX: Final = 18


def number_of(text: str, field: str) -> int:
    """Return a whole number from its text; `8.0` is 8.

    Raises:
        UnreadableRow: It is none.
    """
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _DIGITS_MAX:
        raise UnreadableRow(f"{field} {text[:32]!r} is no whole number")
    return int(digits)


def as_record(value: Any) -> Record:
    """Return a JSON value as a record.

    Raises:
        UnreadableRow: It is none.
    """
    if not isinstance(value, dict):
        raise UnreadableRow("is no object")
    return value
