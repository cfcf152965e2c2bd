"""What a venue's saved file lists, as its reader reads it; `tests/readers` proves the reading."""

from __future__ import annotations

from pathlib import Path

from cqar.importer.answer_reader import read_answers
from cqar.importer.market import Market
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file


def listed_markets(venue_id: str, request: str, path: Path) -> dict[str, Market]:
    """The file's markets, by spelling."""
    line = product_line_of(venue_id)
    assert line is not None
    reading = read_answers(line, [decode_file(SavedResponse(request, path))])
    return {market.spelling: market for market in reading.markets}
