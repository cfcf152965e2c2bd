"""Binance's information on all coins, with the networks and contracts of each. It needs a key."""

from __future__ import annotations

from typing import ClassVar

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.product_line import (
    CurrencyForm,
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class BinanceNetwork(RawRecord, frozen=True, rename="camel"):
    network: str
    deposit_enable: bool | None = None
    withdraw_enable: bool | None = None
    withdraw_fee: str | None = None
    withdraw_min: str | None = None
    min_confirm: str | None = None
    deposit_dust: str | None = None
    contract_address: str | None = None
    #: "If the coin needs to provide memo to withdraw".
    same_address: bool | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("coin", "name", "addressRegex", "memoRegex", "depositDesc", "isDefault"),
            *("resetAddressStatus", "specialTips", "unLockConfirm", "withdrawDesc"),
            *("withdrawIntegerMultiple", "withdrawMax", "withdrawInternalMin", "busy"),
            *("estimatedArrivalTime", "contractAddressUrl", "denomination", "withdrawTag"),
            *("specialWithdrawTips",),
        }
    )


class BinanceCoin(RawRecord, frozen=True, rename="camel"):
    coin: str
    name: str | None = None
    network_list: tuple[BinanceNetwork, ...] | None = None
    deposit_all_enable: bool | None = None
    withdraw_all_enable: bool | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("free", "freeze", "ipoable", "ipoing", "isLegalMoney", "locked", "storage"),
            *("trading", "withdrawing"),
        }
    )


def read_coin(record: BinanceCoin) -> Currency:
    return currency_of(
        record.coin,
        record.name,
        map(_network, record.network_list or ()),
        deposit=record.deposit_all_enable,
        withdraw=record.withdraw_all_enable,
    )


def _network(record: BinanceNetwork) -> AssetNetwork:
    return network_of(
        "binance",
        record.network,
        contract=record.contract_address,
        deposit=record.deposit_enable,
        withdraw=record.withdraw_enable,
        min_deposit=record.deposit_dust,
        min_withdrawal=record.withdraw_min,
        fee=record.withdraw_fee,
        confirmations=record.min_confirm,
        memo=record.same_address,
    )


def currency_forms(host: str) -> tuple[CurrencyForm, ...]:
    request = Request(f"{host}/sapi/v1/capital/config/getall")
    return (
        SideForm(
            requests=(request,),
            record=BinanceCoin,
            rows=each_object(name="coin"),
            read=read_coin,
            is_private=True,
        ),
    )
