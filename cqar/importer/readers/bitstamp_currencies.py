"""Bitstamp's list of currencies, with the networks of each, without contracts."""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.fields import word
from cqar.importer.readers.product_line import (
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork

_ENABLED: Final = {"Enabled": True, "Disabled": False}


class BitstampNetwork(RawRecord, frozen=True):
    network: str
    deposit: str | None = None
    withdrawal: str | None = None
    withdrawal_minimum_amount: str | None = None

    UNUSED: ClassVar = frozenset({"withdrawal_decimals"})


class BitstampCurrency(RawRecord, frozen=True):
    currency: str
    name: str | None = None
    deposit: str | None = None
    withdrawal: str | None = None
    networks: tuple[BitstampNetwork, ...] | None = None

    UNUSED: ClassVar = frozenset({"type", "symbol", "decimals", "logo", "available_supply"})


def read_currency(record: BitstampCurrency) -> Currency:
    return currency_of(
        record.currency,
        record.name,
        map(_network, record.networks or ()),
        deposit=_flag(record.deposit, "deposit"),
        withdraw=_flag(record.withdrawal, "withdrawal"),
    )


def _network(record: BitstampNetwork) -> AssetNetwork:
    return network_of(
        "bitstamp",
        record.network,
        deposit=_flag(record.deposit, "deposit"),
        withdraw=_flag(record.withdrawal, "withdrawal"),
        min_withdrawal=record.withdrawal_minimum_amount,
    )


def _flag(value: str | None, field: str) -> bool | None:
    return None if value is None else word(value, field, _ENABLED)


CURRENCIES: Final = SideForm(
    requests=(Request("www.bitstamp.net/api/v2/currencies/"),),
    record=BitstampCurrency,
    rows=each_object(name="currency"),
    read=read_currency,
)
