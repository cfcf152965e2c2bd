"""Poloniex's list of currencies, with the networks and contracts of each."""

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

#: Whether a deposit needs an id beside the address.
_MEMO: Final = {"address": False, "address-payment-id": True}
#: "no minimum".
_NO_MINIMUM: Final = "-1"


class PoloniexNetwork(RawRecord, frozen=True, rename="camel"):
    blockchain: str
    currency_type: str | None = None
    deposit_enable: bool | None = None
    withdrawal_enable: bool | None = None
    min_confirm: str | None = None
    withdraw_fee: str | None = None
    withdraw_min: str | None = None
    contract_address: str | None = None

    UNUSED: ClassVar = frozenset({"id", "coin", "name", "decimals", "depositAddress"})


class PoloniexCurrency(RawRecord, frozen=True, rename="camel"):
    coin: str
    name: str | None = None
    network_list: tuple[PoloniexNetwork, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {"id", "delisted", "tradeEnable", "supportBorrow", "supportCollateral"}
    )


def read_currency(record: PoloniexCurrency) -> Currency:
    return currency_of(record.coin, record.name, map(_network, record.network_list or ()))


def _network(record: PoloniexNetwork) -> AssetNetwork:
    return network_of(
        "poloniex",
        record.blockchain,
        contract=record.contract_address,
        deposit=record.deposit_enable,
        withdraw=record.withdrawal_enable,
        min_withdrawal=None if record.withdraw_min == _NO_MINIMUM else record.withdraw_min,
        fee=record.withdraw_fee,
        confirmations=record.min_confirm,
        memo=None
        if record.currency_type is None
        else word(record.currency_type, "currencyType", _MEMO),
    )


CURRENCIES: Final = SideForm(
    requests=(Request("api.poloniex.com/v2/currencies"),),
    record=PoloniexCurrency,
    rows=each_object(name="coin"),
    read=read_currency,
)
