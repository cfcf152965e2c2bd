"""Reading is total: whatever JSON stands in a record, it has one outcome and nothing is made up."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cqar.importer.answer_reader import Reading, read_answers, read_row
from cqar.importer.readers.product_line import Form, Row
from cqar.importer.readers.registry import product_line_of
from cqar.importer.record_fields import parts_of
from cqar.importer.saved_answers import (
    DecodedAnswer,
    SavedResponse,
    UnusableAnswer,
    decode,
    decode_file,
    match_answers,
)
from tests.readers.listing_files import VENUES, Listing
from tests.readers.test_readers import FILES

#: Of each file so many records, spread over it.
RECORDS: Final = 3
JUNK: Final[tuple[Any, ...]] = (
    *(None, True, "", "x", "-1", "0", "1e400", "1e-400", "NaN", "9" * 70, "1" * 5_000),
    *(
        "2099-99-99T99:99:99Z",
        "\x00",
        "💥",
        "\ud800",
        [],
        {},
        [[]],
        [None],
        {"a": {"b": []}},
        ["x"],
    ),
)


def places_in(record: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values in a record, the record itself among them."""
    yield path
    if isinstance(record, dict):
        for key, value in record.items():
            yield from places_in(value, (*path, key))
    elif isinstance(record, list):
        for place, value in enumerate(record[:2]):
            yield from places_in(value, (*path, place))


def changed_at(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    whole = copy.deepcopy(record)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return whole


def _rows(listing: Listing) -> tuple[str, list[tuple[Form[Any], list[Row]]]]:
    line = product_line_of(listing.venue_id)
    assert line is not None
    answers = [_answer(listing.file, listing.request, listing.restored)]
    answers += [_answer(*beside) for beside in listing.beside]
    matched, _ = match_answers(answers, line.requests)
    forms = [form for form in line.forms if any(r in matched for r in form.lists)]
    own = [{r: matched[r] for r in (*f.lists, *f.also) if r in matched} for f in forms]
    return line.venue_id, [(f, list(f.rows(a))) for f, a in zip(forms, own, strict=True)]


def _answer(file: str, request: str, restored: Any = None) -> DecodedAnswer:
    answer = decode_file(SavedResponse(request, VENUES / file))
    return answer if restored is None else answer._replace(value=restored(answer.value))


@pytest.mark.parametrize("listing", FILES, ids=[listing.name for listing in FILES])
def test_any_json_in_place_of_any_field_has_one_outcome(listing: Listing) -> None:
    _, forms = _rows(listing)
    for form, rows in forms:
        step = max(1, len(rows) // RECORDS)
        for row in rows[::step][:RECORDS]:
            for path in places_in(row.record):
                for value in JUNK:
                    reading = Reading("a-reader/1", frozenset())
                    read_row(reading, form, Row(row.name, changed_at(row.record, path, value)))
                    assert sum(reading.outcomes.values()) == 1, (path, value)


def test_a_part_of_another_form_makes_its_record_unreadable() -> None:
    tried = set()
    for listing in FILES:
        _, forms = _rows(listing)
        for form, rows in forms:
            for row in rows[:RECORDS]:
                for name in parts_of(form.record):
                    part = row.record.get(name)
                    whole = part[0] if isinstance(part, list) and part else part
                    if not isinstance(whole, dict) or not whole:
                        continue
                    tried.add((listing.venue_id, name))
                    moved = {"of another form": part}
                    changed = [moved] if isinstance(part, list) else moved
                    reading = Reading("a-reader/1", frozenset())
                    read_row(reading, form, Row(row.name, row.record | {name: changed}))
                    assert reading.outcomes["UNREADABLE"] == 1, (listing.name, name)
    assert len(tried) > 20


BROKEN: Final = {
    "is cut off": lambda content: content[: len(content) // 2],
    "is compressed": lambda _: b"\x1f\x8b\x08\x00junk",
    "is UTF-16": lambda content: content.decode("utf-8-sig").encode("utf-16"),
    "is a web page": lambda _: b"<!DOCTYPE html><html><body>Blocked</body></html>",
    "is empty": lambda _: b"  ",
    "is no UTF-8 text": lambda _: b'{"a": "\xff\xff"}',
    "NaN is no JSON number": lambda _: b'{"symbols": [NaN]}',
    "twice": lambda _: b'{"symbols": [], "symbols": []}',
    "is nested too deeply": lambda _: b"[" * 100_000,
    "is no JSON object or list": lambda _: b"42",
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_file_that_is_no_whole_json_document_is_refused_with_what_it_is(said: str) -> None:
    content = (VENUES / "binance/spot_exchangeInfo_2025-08-07_25symbols.json").read_bytes()
    with pytest.raises(UnusableAnswer, match=said):
        decode("exchangeInfo", BROKEN[said](content), "a file")


@pytest.mark.parametrize(
    "value",
    [{}, [], {"symbols": {}}, {"code": "-1121", "msg": "Invalid symbol."}, {"symbols": [None, 7]}],
    ids=str,
)
def test_another_answer_is_refused_and_junk_between_records_is_counted(value: Any) -> None:
    line = product_line_of("binance")
    assert line is not None
    answer = DecodedAnswer("exchangeInfo", value, "", None)
    if value == {"symbols": [None, 7]}:
        reading = read_answers(line, [answer])
        assert reading.outcomes == {"MARKET": 0, "UNSUPPORTED": 0, "UNREADABLE": 2}
        assert [row.name for row in reading.unreadable] == ["#1", "#2"]
        return
    with pytest.raises(UnusableAnswer, match="not the answer of binance"):
        read_answers(line, [answer])


def test_a_record_that_stands_there_twice_is_trusted_neither_time() -> None:
    path: Path = VENUES / "binance/spot_exchangeInfo_2025-08-07_25symbols.json"
    answer = decode_file(SavedResponse("exchangeInfo", path))
    symbols = answer.value["symbols"]
    symbols.append(symbols[0])
    line = product_line_of("binance")
    assert line is not None
    reading = read_answers(line, [answer])
    assert reading.outcomes == {"MARKET": 24, "UNSUPPORTED": 0, "UNREADABLE": 2}
    assert {row.reason for row in reading.unreadable} == {"the answers name it more than once"}
