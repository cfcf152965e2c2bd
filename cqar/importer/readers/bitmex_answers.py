"""BitMEX's answers: instruments, with what wallet/assets says of their codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqar.importer.readers.product_line import (
    Answer,
    NotTheAnswer,
    Row,
    objects_at,
)

#: Records of one answer to /instrument where its query does not say `count`.
_PAGE_RECORDS: Final = 100
_CODES: Final = {"@base": "underlying", "@quote": "quoteCurrency", "@settlement": "settlCurrency"}
_STATED: Final = ("majorCurrency", "name", "scale")


def instruments(answers: Iterable[Answer], assets: Iterable[Answer]) -> Iterator[Row]:
    """All instruments of the answers.

    Each has beside its own fields what wallet/assets says of its codes.

    Raises:
        NotTheAnswer: An answer is no list of instruments.
    """
    known = _by_code(assets)
    for answer in answers:
        for row in objects_at(answer.value):
            yield _with_assets(row, known)


def missing(answers: Iterable[Answer]) -> str | None:
    """Why answers to /instrument, which comes in pages, do not hold all instruments."""
    pages = list(answers)
    if pages and all(_is_full(page) for page in pages):
        return "the last page of instruments is full: there may be more from `start` on"
    return None


def _is_full(page: Answer) -> bool:
    count = page.query.get("count", "")
    asked = int(count) if count.isdecimal() and len(count) <= 6 else _PAGE_RECORDS
    return len(page.value) >= asked


def _by_code(answers: Iterable[Answer]) -> dict[str, dict[str, str]]:
    """What wallet/assets says, by the unit's code and by the currency's own."""
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for row in objects_at(answer.value, name="currency"):
            if not isinstance(row.record, dict):
                raise NotTheAnswer("wallet/assets has a record that is no object")
            stated = {name: row.record.get(name) for name in _STATED}
            texts = {name: value for name, value in stated.items() if isinstance(value, str)}
            if "majorCurrency" in texts:
                found[row.name] = found[texts["majorCurrency"]] = texts
    return found


def _with_assets(row: Row, known: dict[str, dict[str, str]]) -> Row:
    if not isinstance(row.record, dict):
        return row
    added: dict[str, Any] = {}
    for name, field in _CODES.items():
        code = row.record.get(field)
        added[name] = known.get(code) if isinstance(code, str) else None
    return Row(row.name, row.record | added)
