"""Kraken's list of assets: whether each can be moved. It states neither names nor networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of
from cqar.importer.readers.fields import word
from cqar.importer.readers.product_line import (
    Answers,
    CurrencyForm,
    NotTheAnswer,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    entries_at,
)

#: "Status of asset": whether it can be deposited, and withdrawn.
_STATUS: Final = {
    "enabled": (True, True),
    "deposit_only": (True, False),
    "withdrawal_only": (False, True),
    "funding_temporarily_disabled": (False, False),
    "disabled": (False, False),
}


class KrakenAsset(RawRecord, frozen=True, rename={"key": "@key"}):
    key: str
    aclass: str
    altname: str | None = None
    status: str | None = None

    UNUSED: ClassVar = frozenset(
        {"decimals", "display_decimals", "collateral_value", "margin_rate"}
    )


def read_asset(record: KrakenAsset) -> Currency:
    deposit = withdraw = None
    if record.status is not None:
        deposit, withdraw = word(record.status, "status", _STATUS)
    return currency_of(record.key, None, deposit=deposit, withdraw=withdraw)


def _rows(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, *answers):
        for row in entries_at(answer.value, "result"):
            if isinstance(row.record, dict) and "aclass" not in row.record:
                raise NotTheAnswer("its records are no assets")
            yield row


def currency_forms(assets: Request) -> tuple[CurrencyForm, ...]:
    """The form; the listing's altnames are from the same answer."""
    return (SideForm(requests=(assets,), record=KrakenAsset, rows=_rows, read=read_asset),)
