"""Phemex's answer: its products, with what the same answer says of their currencies and risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqar.importer.readers.product_line import Answer, Row, objects_at

#: Lists of contracts beside `products`, which are null where there are none.
_NEWER: Final = ("perpProductsV2", "perpProductsPilot")


def products(answers: Iterable[Answer]) -> Iterator[Row]:
    """All products of the answers, each with its currencies' names and its first tier of risk.

    Raises:
        NotTheAnswer: An answer has no list of products.
    """
    for answer in answers:
        data = answer.value.get("data") if isinstance(answer.value, dict) else None
        newer = [name for name in _NEWER if isinstance(data, dict) and data.get(name) is not None]
        names = _names(data)
        tiers = _tiers(data)
        for row in _lists(answer.value, newer):
            yield _with(row, names, tiers) if isinstance(row.record, dict) else row


def _lists(value: Any, newer: list[str]) -> Iterator[Row]:
    for name in ("products", *newer):
        yield from objects_at(value, "data", name)


def _with(row: Row, names: dict[str, Any], tiers: dict[str, Any]) -> Row:
    """A product with the names of its currencies and the first tier of its risk limits."""
    found = {
        "@baseName": _found(names, row.record.get("baseCurrency")),
        "@quoteName": _found(names, row.record.get("quoteCurrency")),
        "@tier": _found(tiers, row.name),
    }
    return Row(row.name, row.record | found)


def _found(known: dict[str, Any], key: Any) -> Any:
    return known.get(key) if isinstance(key, str) else None


def _names(data: Any) -> dict[str, str]:
    found = {}
    for record in _objects(data, "currencies"):
        code, name = record.get("currency"), record.get("name")
        if isinstance(code, str) and isinstance(name, str) and name:
            found[code] = name
    return found


def _tiers(data: Any) -> dict[str, Any]:
    found = {}
    for record in _objects(data, "riskLimits", "riskLimitsV2"):
        tiers = record.get("riskLimits")
        if isinstance(record.get("symbol"), str) and isinstance(tiers, list) and tiers:
            found[record["symbol"]] = tiers[0]
    return found


def _objects(data: Any, *lists: str) -> Iterator[dict[str, Any]]:
    for name in lists:
        value = data.get(name) if isinstance(data, dict) else None
        for record in value if isinstance(value, list) else ():
            if isinstance(record, dict):
                yield record
