"""What Bitfinex's lists and maps say of its codes: names, and the methods by which they move.

A method is of a coin on a chain (`TETHERUSX`), or of a chain's own coin (`BITCOIN`). No answer
states a contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, flag, network_of
from cqar.importer.readers.product_line import (
    Answers,
    CurrencyForm,
    NotTheAnswer,
    RawRecord,
    Request,
    Row,
    SideForm,
)

CODES: Final = "pub:list:currency"
LABELS: Final = "pub:map:currency:label"
METHODS: Final = "pub:map:tx:method"
STATUS: Final = "pub:info:tx:status"
#: Places in a method's status: whether deposits and withdrawals are open, and confirmations.
_DEPOSIT, _WITHDRAW, _CONFIRMATIONS = 1, 2, 11

Sections = Mapping[str, list[Any]]


class BitfinexMethod(RawRecord, frozen=True):
    name: str
    deposit: str | None = None
    withdraw: str | None = None
    confirmations: str | None = None


class BitfinexCurrency(RawRecord, frozen=True):
    code: str = msgspec.field(name="@code")
    label: str | None = msgspec.field(default=None, name="@label")
    methods: tuple[BitfinexMethod, ...] = msgspec.field(default=(), name="@methods")


def read_currency(record: BitfinexCurrency) -> Currency:
    networks = [
        network_of(
            "bitfinex",
            method.name,
            deposit=flag(method.deposit, "DEP_STATUS"),
            withdraw=flag(method.withdraw, "WD_STATUS"),
            confirmations=method.confirmations,
        )
        for method in record.methods
    ]
    return currency_of(record.code, record.label, networks)


def currency_forms(
    requests: tuple[Request, ...], sections_of: Callable[[Answers], Sections]
) -> tuple[CurrencyForm, ...]:
    """The form of what `requests` answer.

    Args:
        sections_of: Key -> the list that answers it.
    """

    def rows(answers: Answers) -> Iterator[Row]:
        sections = sections_of(answers)
        labels = dict(_pairs(sections, LABELS))
        methods = _methods(sections)
        for code in dict.fromkeys(
            str(code) for code in (*sections.get(CODES, ()), *labels, *methods)
        ):
            yield Row(
                code,
                {"@code": code, "@label": labels.get(code), "@methods": methods.get(code, [])},
            )

    return (
        SideForm(
            requests=requests, record=BitfinexCurrency, rows=rows, read=read_currency, joins=True
        ),
    )


def _methods(sections: Sections) -> dict[str, list[dict[str, Any]]]:
    """Code -> the methods by which it moves, with their states."""
    status = {str(entry[0]): entry for entry in _entries(sections, STATUS)}
    found: dict[str, list[dict[str, Any]]] = {}
    for method, codes in _pairs(sections, METHODS):
        if not isinstance(codes, list):
            raise NotTheAnswer(f"{METHODS} has no list of codes for {method[:80]}")
        state = status.get(method, [])
        told = {
            "name": method,
            "deposit": _at(state, _DEPOSIT),
            "withdraw": _at(state, _WITHDRAW),
            "confirmations": _at(state, _CONFIRMATIONS),
        }
        for code in codes:
            found.setdefault(str(code), []).append(told)
    return found


def _pairs(sections: Sections, key: str) -> Iterator[tuple[str, Any]]:
    for entry in _entries(sections, key):
        yield str(entry[0]), entry[1]


def _entries(sections: Sections, key: str) -> Iterator[list[Any]]:
    for entry in sections.get(key, ()):
        if not isinstance(entry, list) or len(entry) < len(("key", "value")):
            raise NotTheAnswer(f"{key} has an entry that is no pair: {str(entry)[:80]}")
        yield entry


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None
