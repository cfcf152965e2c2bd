"""Every field of every record of every file: what a reader reads and what an oracle expects."""

from __future__ import annotations

import enum
import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.market import Alias, Market
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import DecodedAnswer, SavedResponse, decode_file
from tests.readers import files_a, files_b
from tests.readers.accepted import ACCEPTED
from tests.readers.listing_files import VENUES, Listing
from tests.readers.oracles.plain import Expectations

FILES: Final = (*files_a.LISTINGS, *files_b.LISTINGS)
OUTSIDE: Final = {**files_a.NO_LISTINGS, **files_a.NO_READER, **files_b.NO_LISTINGS}
DIFFERENCES_SHOWN: Final = 20

_DEFAULTS: Final = {
    field.name: set() if field.name == "aliases" else field.default
    for field in msgspec.structs.fields(Market)
}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, msgspec.Struct):
        return tuple(_plain(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        items = [_plain(item) for item in value]
        return set(items) if value and isinstance(value[0], Alias) else tuple(items)
    return value


def _outcomes(reading: Reading) -> dict[str, dict[str, Any]]:
    """Spelling -> what became of the record, in the oracles' forms."""
    found: dict[str, dict[str, Any]] = {}
    for market in reading.markets:
        fields = {name: _plain(getattr(market, name)) for name in Market.__struct_fields__}
        found[market.spelling] = {**fields, "aliases": fields["aliases"] or set()}
    for record in reading.unsupported:
        found[record.spelling] = {"unsupported": f"{record.kind}: {record.reason}"}
    for name, reason in reading.unreadable:
        found[name] = {"unreadable": reason}
    return found


def _outcome(expected: dict[str, Any]) -> str:
    return next((word for word in ("unsupported", "unreadable") if word in expected), "market")


def _differing(read: dict[str, Any] | None, expected: dict[str, Any] | None) -> Iterator[Any]:
    """Yield (field, what the reader says, what the oracle says)."""
    if read is None or expected is None:
        yield "record", read and _outcome(read), expected and _outcome(expected)
    elif (is_read := _outcome(read)) != (is_expected := _outcome(expected)):
        yield "outcome", read.get(is_read, is_read), expected.get(is_expected, is_expected)
    elif is_read == "market":
        for name, default in _DEFAULTS.items():
            if name != "spelling" and read[name] != expected.get(name, default):
                yield name, read[name], expected.get(name, default)


def _answer(file: str, request: str, restored: Callable[[Any], Any] | None = None) -> DecodedAnswer:
    answer = decode_file(SavedResponse(request, VENUES / file))
    return answer if restored is None else answer._replace(value=restored(answer.value))


def reading_of(listing: Listing) -> Reading:
    line = product_line_of(listing.venue_id)
    assert line is not None, f"no reader reads {listing.venue_id}"
    answers = [_answer(listing.file, listing.request, listing.restored)]
    return read_answers(line, answers + [_answer(*beside) for beside in listing.beside])


def expected_of(listing: Listing) -> Expectations:
    """What the venue's oracle expects of a file: the number of records, and each by spelling."""
    folder = listing.file.partition("/")[0]
    oracle = importlib.import_module(f"tests.readers.oracles.{folder}")
    files = [listing.file, *(beside.file for beside in listing.beside)]
    decoded = {
        file: json.loads((VENUES / file).read_text("utf-8-sig"), parse_float=str, parse_int=str)
        for file in files
    }
    expectations: Expectations = oracle.EXPECT[listing.name](decoded)
    return expectations


def _require_known_fields(expected: dict[str, dict[str, Any]]) -> None:
    known = {*_DEFAULTS, "unsupported", "unreadable"}
    unknown = {name for fields in expected.values() for name in fields} - known
    assert not unknown, f"the oracle expects {sorted(unknown)}, which a market does not have"


@pytest.mark.parametrize("listing", FILES, ids=[listing.name for listing in FILES])
def test_reader_and_oracle_agree_in_every_field(listing: Listing) -> None:
    reading = reading_of(listing)
    records, expected = expected_of(listing)
    _require_known_fields(expected)
    read = _outcomes(reading)
    found = {
        (listing.name, spelling, field): f"{spelling} {field}: reader {said!r}, oracle {should!r}"
        for spelling in sorted(read.keys() | expected.keys())
        for field, said, should in _differing(read.get(spelling), expected.get(spelling))
    }
    gone = [key for key in ACCEPTED if key[0] == listing.name and key not in found]
    differences = [text for key, text in found.items() if key not in ACCEPTED]
    shown = "\n".join(differences[:DIFFERENCES_SHOWN])
    assert not differences, f"{len(differences)} differences\n{shown}"
    assert not gone, f"accepted differences that are none any more: {gone}"
    assert reading.records == records
    outcomes = len(reading.markets) + len(reading.unsupported) + len(reading.unreadable)
    assert outcomes == records, "every record has one outcome"
    assert not reading.unused, f"files that answer no request: {reading.unused}"
    assert not reading.new_fields, "a reader names every field of the files that are kept"


def test_every_file_is_read_or_said_to_be_no_listing() -> None:
    there = {_name(path) for path in VENUES.rglob("*") if path.is_file()}
    listed = {listing.file for listing in FILES}
    assert listed | OUTSIDE.keys() == there
    assert not listed & OUTSIDE.keys()


def test_accepted_differences_are_of_files_that_are_read() -> None:
    assert {name for name, _, _ in ACCEPTED} <= {listing.name for listing in FILES}


def _name(path: Path) -> str:
    return path.relative_to(VENUES).as_posix()
