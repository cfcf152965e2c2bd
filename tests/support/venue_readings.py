"""Reads answers that a test writes down, as an import would read files of them."""

from __future__ import annotations

import json
from typing import Any

from cqar.importer.market import Market, Unsupported
from cqar.importer.readers.registry import product_line_of
from cqar.importer.reading import Reading, Unreadable, read_answers
from cqar.importer.saved_answers import decode


def read(venue_id: str, answers: dict[str, Any]) -> Reading:
    """Read answers by the names that files of them would be given."""
    line = product_line_of(venue_id)
    assert line is not None, venue_id
    decoded = [decode(name, json.dumps(a).encode(), name) for name, a in answers.items()]
    found = read_answers(line, decoded)
    outcomes = len(found.markets) + len(found.unsupported) + len(found.unreadable)
    assert found.records == outcomes
    assert not found.new_fields
    return found


def the_market(found: Reading) -> Market:
    """The only market of a reading that has no other outcome."""
    assert not found.unreadable
    (market,) = found.markets
    return market


def the_unreadable(found: Reading) -> Unreadable:
    """The only outcome, an unreadable record."""
    assert not found.markets
    (unreadable,) = found.unreadable
    return unreadable


def the_unsupported(found: Reading) -> Unsupported:
    """The only outcome, a record that the registry cannot express."""
    assert not found.markets
    (unsupported,) = found.unsupported
    return unsupported
