"""Bitvavo's list of assets, with the networks of each, without contracts."""

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

#: "OK", "MAINTENANCE" and "DELISTED" of deposits and of withdrawals.
_STATUS: Final = {"OK": True, "MAINTENANCE": False, "DELISTED": False}


class BitvavoAsset(RawRecord, frozen=True, rename="camel"):
    symbol: str
    name: str | None = None
    deposit_confirmations: str | None = None
    deposit_status: str | None = None
    withdrawal_fee: str | None = None
    withdrawal_min_amount: str | None = None
    withdrawal_status: str | None = None
    networks: tuple[str, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("displayTicker", "slug", "popularity", "decimals", "depositFee", "light", "dark"),
            *("visibility", "message"),
        }
    )


def read_asset(record: BitvavoAsset) -> Currency:
    """An asset. What it states of all its networks is said of one alone."""
    deposit = _flag(record.deposit_status, "depositStatus")
    withdraw = _flag(record.withdrawal_status, "withdrawalStatus")
    names = record.networks or ()
    is_one = len(names) == 1
    networks = [
        network_of(
            "bitvavo",
            name,
            deposit=deposit,
            withdraw=withdraw,
            min_withdrawal=record.withdrawal_min_amount if is_one else None,
            fee=record.withdrawal_fee if is_one else None,
            confirmations=record.deposit_confirmations if is_one else None,
        )
        for name in names
    ]
    return currency_of(record.symbol, record.name, networks, deposit=deposit, withdraw=withdraw)


def _flag(status: str | None, field: str) -> bool | None:
    return None if status is None else word(status, field, _STATUS)


CURRENCIES: Final = SideForm(
    requests=(Request("api.bitvavo.com/v2/assets"),),
    record=BitvavoAsset,
    rows=each_object(),
    read=read_asset,
)
