"""A list in a file is read within bounds, hashed, and refused whole where it is neither form."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cqar.importer.reference import list_file
from cqar.importer.reference.list_file import (
    UnreadableRow,
    as_record,
    decode_list,
    number_of,
    read_list,
    records_of,
    text_of,
)
from cqar.importer.saved_answers import UnusableAnswer


def test_a_list_is_called_as_it_calls_itself_or_as_it_is_named(tmp_path: Path) -> None:
    content = b'{"name": " Uniswap ", "tokens": []}'
    path = tmp_path / "list.json"
    path.write_bytes(content)
    read = read_list(path)
    assert (read.name, read.sha256) == ("Uniswap", hashlib.sha256(content).hexdigest())
    assert read_list(path, "mine").name == "mine"
    path.write_bytes(b"[]")
    assert read_list(path).name == "list.json"


def test_numbers_of_json_are_texts_and_a_csv_has_records_by_column() -> None:
    assert decode_list(b'[{"a": 1.50}]', "x", "x").value == [{"a": "1.50"}]
    read = decode_list(b"\xef\xbb\xbfa, b\n1,2\n", "x", "x")
    assert (read.is_csv, read.columns, read.value) == (True, ("a", "b"), [{"a": "1", "b": "2"}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[1, 2", "cut off"),
        (b"", "neither JSON nor CSV"),
        (b"\xff\xfe", "no UTF-8"),
        (b"a\n1\n", "neither JSON nor CSV"),
        (b"a,a\n1,2\n", "neither JSON nor CSV"),
        (b'a,b\n"1,2\n', "is no CSV"),
    ],
)
def test_what_is_neither_form_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UnusableAnswer, match=message):
        decode_list(content, "x", "x")


def test_a_list_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 3)
    monkeypatch.setattr(list_file, "ROWS_MAX", 2)
    with pytest.raises(UnusableAnswer, match="more than 2 rows"):
        read_list(path)
    with pytest.raises(UnusableAnswer, match="at most 2 are read"):
        records_of([1, 2, 3], "x")
    monkeypatch.setattr(list_file, "BYTES_MAX", 8)
    with pytest.raises(UnusableAnswer, match="at most 8 are read"):
        read_list(path)
    with pytest.raises(UnusableAnswer, match="No such file"):
        read_list(tmp_path / "absent")


def test_a_records_texts_and_numbers_are_checked() -> None:
    assert (text_of({"a": " x "}, "a"), text_of({}, "a"), number_of("8.0", "a")) == ("x", "", 8)
    for call in (
        lambda: text_of({"a": 1}, "a"),
        lambda: text_of({"a": "x" * (list_file.FIELD_CHARS_MAX + 1)}, "a"),
        lambda: number_of("1e3", "a"),
        lambda: number_of("9" * 19, "a"),
        lambda: as_record([]),
    ):
        with pytest.raises(UnreadableRow):
            call()
