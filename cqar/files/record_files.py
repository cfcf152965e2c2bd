"""Files and folders of records: found, read by their endings, and written whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cqar.files.folder_layout import by_file
from cqar.files.line_forms import (
    csv_text,
    json_line,
    read_csv,
    read_json_lines,
    read_parquet,
    write_parquet,
)
from cqar.files.placed_record import RECORDS_MAX, PlacedRecord, UnusableFile
from cqar.files.yaml_form import SEPARATOR, read_yaml, written_anew, yaml_block
from cqar_shared.domain.kinds import KIND_BY_NAME

Records = list[dict[str, Any]]
_READERS: Final[Mapping[str, Callable[[Path], Iterator[PlacedRecord]]]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".jsonl": read_json_lines,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
FORMATS: Final = ("yaml", "jsonl", "csv", "parquet")
FILES_MAX: Final = 10_000


def found_files(given: Iterable[Path]) -> list[Path]:
    """The files that are named, and those with a known ending in folders that are named.

    Raises:
        UnusableFile: A file has no known ending, is not there, or there are none or too many.
    """
    found: list[Path] = []
    for path in given:
        inside = sorted(p for p in path.rglob("*") if p.suffix in _READERS) if path.is_dir() else []
        found += inside or [path]
        if len(found) > FILES_MAX:
            raise UnusableFile(f"more than {FILES_MAX} files")
    for path in found:
        if not path.exists():
            raise UnusableFile(f"{path} is not there")
        if path.is_dir():
            raise UnusableFile(f"{path} has no file that ends with {', '.join(_READERS)}")
        if path.suffix not in _READERS:
            raise UnusableFile(f"{path}: give a file that ends with {', '.join(_READERS)}")
    return found


def read_records(paths: Iterable[Path]) -> Iterator[PlacedRecord]:
    """The records of all files, in their order.

    Raises:
        UnusableFile: A file cannot be read, or there are more than RECORDS_MAX records.
    """
    count = 0
    for path in paths:
        for record in _READERS[path.suffix](path):
            count += 1
            if count > RECORDS_MAX:
                raise UnusableFile(f"{record.place}: more than {RECORDS_MAX} records")
            yield record


def text_of(records: Records, form: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The text of one file, in parts.

    Raises:
        UnusableFile: The form holds one kind, and there are several; or it is no text.
    """
    if form == "jsonl":
        yield from map(json_line, records)
        return
    if form == "yaml":
        for record in records:
            yield SEPARATOR
            yield yaml_block(record, labels)
        return
    kinds = {record["kind"] for record in records}
    if form != "csv" or len(kinds) > 1:
        raise UnusableFile(f"{form} holds one kind a file: give --out FOLDER, or --kind and csv")
    for name in kinds:
        yield csv_text(KIND_BY_NAME[name], records)


def write_folder(
    folder: Path, records: Records, form: str, labels: Mapping[str, str]
) -> tuple[int, int]:
    """Write records to the files of a folder; comments of people in YAML stay.

    Returns:
        How many files there are, and how many of them are new or have changed.

    Raises:
        UnusableFile: A file is there that no export wrote, or it cannot be written.
    """
    files = by_file(records)
    changed = 0
    for name, chosen in files.items():
        path = folder / f"{name}.{form}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            changed += _write(path, chosen, form, labels)
        except OSError as error:
            raise UnusableFile(f"{path}: {error.strerror or error}") from error
    return len(files), changed


def _write(path: Path, records: Records, form: str, labels: Mapping[str, str]) -> bool:
    """Write one file whole, or leave it as it is; say whether it changed."""
    before = path.read_bytes() if path.exists() else None
    if form == "parquet":
        write_parquet(path, KIND_BY_NAME[records[0]["kind"]], records)
        return path.read_bytes() != before
    if form == "yaml":
        text = written_anew([(r, yaml_block(r, labels)) for r in records], path)
    else:
        text = "".join(text_of(records, form, labels))
    if text.encode() == before:
        return False
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(text.encode())
    new.replace(path)
    return True
