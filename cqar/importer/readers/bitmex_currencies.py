"""BitMEX's wallet assets, with the networks and contracts of each.

Amounts are in the smallest unit that the venue counts, 10^-scale of the coin: here they are of the
coin. `currency` names that unit (XBt, LAMp); the code here is the coin's (XBT, SOL).
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import msgspec

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.fields import number, places
from cqar.importer.readers.product_line import (
    CurrencyForm,
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class BitmexNetwork(RawRecord, frozen=True, rename="camel"):
    asset: str
    token_address: str | None = None
    deposit_enabled: bool | None = None
    withdrawal_enabled: bool | None = None
    withdrawal_fee: str | None = None

    UNUSED: ClassVar = frozenset({"minFee", "maxFee", "scale"})


class BitmexWalletAsset(RawRecord, frozen=True, rename="camel"):
    asset: str
    scale: str
    currency: str | None = None
    name: str | None = None
    min_deposit_amount: str | None = None
    min_withdrawal_amount: str | None = None
    memo_required: bool | None = None
    networks: tuple[BitmexNetwork, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("majorCurrency", "currencyType", "enabled", "isMarginCurrency"),
            "maxWithdrawalAmount",
        }
    )


def read_asset(record: BitmexWalletAsset, operator: str) -> Currency:
    networks = [_network(record, network, operator) for network in record.networks or ()]
    found = currency_of(record.asset, record.name, networks)
    unit = record.currency
    units = (unit,) if unit and unit != record.asset else ()
    return msgspec.structs.replace(found, units=units)


def _network(record: BitmexWalletAsset, network: BitmexNetwork, operator: str) -> AssetNetwork:
    return network_of(
        operator,
        network.asset,
        contract=network.token_address,
        deposit=network.deposit_enabled,
        withdraw=network.withdrawal_enabled,
        min_deposit=_in_coins(record.min_deposit_amount, record, "minDepositAmount"),
        min_withdrawal=_in_coins(record.min_withdrawal_amount, record, "minWithdrawalAmount"),
        fee=_in_coins(network.withdrawal_fee, record, "withdrawalFee"),
        memo=record.memo_required,
    )


def _in_coins(amount: str | None, record: BitmexWalletAsset, field: str) -> str | None:
    units, unit = number(amount, field), places(record.scale, "scale")
    return None if units is None or unit is None else decimals.plain(units * unit)


def currency_forms(assets: Request, operator: str) -> tuple[CurrencyForm, ...]:
    """The form; the listing's units are from the same answer."""
    read = partial(read_asset, operator=operator)
    return (
        SideForm(
            requests=(assets,), record=BitmexWalletAsset, rows=each_object(name="asset"), read=read
        ),
    )
