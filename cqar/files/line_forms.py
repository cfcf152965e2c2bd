"""Records as lines: JSON, one record a line; CSV and Parquet, one kind a file.

In CSV and Parquet every field of the kind is a column, whatever the data; a value is its text, a
list or an object is its JSON, and what is unset is empty.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from cqar.files.placed_record import PlacedRecord, UnusableFile, read_text
from cqar.files.record_form import Plain, record_fields
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME

_ENCODER: Final = msgspec.json.Encoder()
#: A field of CSV; metadata has 16 KiB.
csv.field_size_limit(1024 * 1024)


def json_line(record: Mapping[str, Any]) -> str:
    return _ENCODER.encode(record).decode() + "\n"


def read_json_lines(path: Path) -> Iterator[PlacedRecord]:
    """The records of a file.

    Raises:
        UnusableFile: It cannot be read, or a line is no JSON object, or has a key twice.
    """
    for number, line in enumerate(io.StringIO(read_text(path)), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            value = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise UnusableFile(f"{place}: {str(error)[:300]}") from error
        if not isinstance(value, dict):
            raise UnusableFile(f"{place}: a record is an object of fields, with its kind")
        yield PlacedRecord(place, value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        message = "an object has a key twice"
        raise ValueError(message)
    return found


#: Numbers keep their text: 0.1 is exact, and 1e400 is no infinity.
_DECODER: Final = json.JSONDecoder(
    parse_float=Plain, parse_int=Plain, parse_constant=Plain, object_pairs_hook=_unique
)


def columns_of(kind: AnyKind) -> list[str]:
    """The columns of a kind's table: all fields of a record, in their order."""
    fields = record_fields(kind.entity, kind.message.DESCRIPTOR)
    return ["kind", *(field.field.name for field in fields)]


def cells_of(record: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
    return [_cell(record.get(name)) for name in columns]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def csv_text(kind: AnyKind, records: Iterable[Mapping[str, Any]]) -> str:
    """The records of one kind, with a header."""
    columns = columns_of(kind)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(cells_of(record, columns) for record in records)
    return text.getvalue()


def read_csv(path: Path) -> Iterator[PlacedRecord]:
    """The records of a file.

    Raises:
        UnusableFile: It cannot be read, has no header with `kind`, or a row has another length.
    """
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(rows, [])
        if "kind" not in header or len(set(header)) < len(header):
            raise UnusableFile(f"{path}:1: the first line must name the columns, kind among them")
        for row in rows:
            place = f"{path}:{rows.line_num}"
            if len(row) != len(header):
                raise UnusableFile(f"{place} has {len(row)} values for {len(header)} columns")
            yield PlacedRecord(place, _values(dict(zip(header, row, strict=True)), place))
    except csv.Error as error:
        raise UnusableFile(f"{path}:{rows.line_num}: {error}") from error


def _values(cells: dict[str, str], place: str) -> dict[str, Any]:
    """The cells that say something; lists and objects are read from their JSON."""
    kind = KIND_BY_NAME.get(cells["kind"])
    nested = set()
    if kind is not None:
        fields = record_fields(kind.entity, kind.message.DESCRIPTOR)
        nested = {f.field.name for f in fields if f.field.type in (tuple, dict)}
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell == "":
            continue
        try:
            found[name] = _DECODER.decode(cell) if name in nested else cell
        except (ValueError, RecursionError) as error:
            raise UnusableFile(f"{place}: {name}: {str(error)[:200]}") from error
    return found


def write_parquet(path: Path, kind: AnyKind, records: Iterable[Mapping[str, Any]]) -> None:
    """Write the records of one kind as a table of texts.

    Raises:
        UnusableFile: pyarrow is not installed.
    """
    arrow, parquet = _parquet()
    columns = columns_of(kind)
    rows = [[cell or None for cell in cells_of(record, columns)] for record in records]
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [arrow.array(list(column), type=arrow.string()) for column in values]
    parquet.write_table(arrow.Table.from_arrays(arrays, names=columns), path)


def read_parquet(path: Path) -> Iterator[PlacedRecord]:
    """The records of a file that `write_parquet` wrote, or that has the same columns.

    Raises:
        UnusableFile: pyarrow is not installed, or the file is no such table.
    """
    arrow, parquet = _parquet()
    try:
        rows = parquet.read_table(path).to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise UnusableFile(f"{path}: {str(error)[:300]}") from error
    for number, row in enumerate(rows, 1):
        cells = {name: "" if value is None else str(value) for name, value in row.items()}
        place = f"{path}, row {number}"
        if "kind" not in cells:
            raise UnusableFile(f"{place}: there is no column kind")
        yield PlacedRecord(place, _values(cells, place))


def _parquet() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise UnusableFile("Parquet needs pyarrow: pip install 'cqar[parquet]'") from error
