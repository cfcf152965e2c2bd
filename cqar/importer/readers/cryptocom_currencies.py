"""Crypto.com's map of currencies, with the networks of each, without contracts. It needs a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.product_line import (
    Answers,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    entries_at,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class CryptocomNetwork(RawRecord, frozen=True):
    network_id: str
    withdrawal_fee: str | None = None
    withdraw_enabled: bool | None = None
    min_withdrawal_amount: str | None = None
    deposit_enabled: bool | None = None
    confirmation_required: str | None = None


class CryptocomCurrency(RawRecord, frozen=True, rename={"key": "@key"}):
    key: str
    full_name: str | None = None
    network_list: tuple[CryptocomNetwork, ...] | None = None

    UNUSED: ClassVar = frozenset({"default_network"})


def read_currency(record: CryptocomCurrency) -> Currency:
    return currency_of(record.key, record.full_name, map(_network, record.network_list or ()))


def _network(record: CryptocomNetwork) -> AssetNetwork:
    return network_of(
        "cryptocom",
        record.network_id,
        deposit=record.deposit_enabled,
        withdraw=record.withdraw_enabled,
        min_withdrawal=record.min_withdrawal_amount,
        fee=record.withdrawal_fee,
        confirmations=record.confirmation_required,
    )


def _rows(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, *answers):
        yield from entries_at(answer.value, "result", "currency_map")


CURRENCIES: Final = SideForm(
    requests=(
        Request("api.crypto.com/exchange/v1/private/get-currency-networks", is_post=True),
        Request("api.crypto.com/v2/private/get-currency-networks", is_post=True, is_former=True),
    ),
    record=CryptocomCurrency,
    rows=_rows,
    read=read_currency,
    is_private=True,
)
