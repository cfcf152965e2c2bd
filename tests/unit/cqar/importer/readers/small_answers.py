"""Reads small answers that stand in a test, as their files would be read."""

from __future__ import annotations

import json
from typing import Any

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.market import Market, UnsupportedRecord
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import decode


def reading_of(venue_id: str, **answers: Any) -> Reading:
    """A reading of answers, by request; `__` stands for `/` in a request's name."""
    line = product_line_of(venue_id)
    assert line is not None
    decoded = [
        decode(name.replace("__", "/"), json.dumps(value).encode(), name)
        for name, value in answers.items()
    ]
    found = read_answers(line, decoded)
    assert len(found.markets) + len(found.unsupported) + len(found.unreadable) == found.records
    return found


def the_market(reading: Reading) -> Market:
    """The only market of a reading, whose fields are all known."""
    assert not reading.unreadable, reading.unreadable
    assert not reading.new_fields, reading.new_fields
    (found,) = reading.markets
    return found


def the_unsupported(reading: Reading) -> UnsupportedRecord:
    (found,) = reading.unsupported
    return found


def the_reason(reading: Reading) -> str:
    """Why the only record is unreadable."""
    assert not reading.markets
    (found,) = reading.unreadable
    return found.reason
