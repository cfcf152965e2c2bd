"""Bybit's information on coins, with the networks and contracts of each. It needs a key."""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, flag, network_of
from cqar.importer.readers.fields import number
from cqar.importer.readers.product_line import (
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class BybitChain(RawRecord, frozen=True, rename="camel"):
    chain: str
    chain_type: str | None = None
    confirmation: str | None = None
    withdraw_fee: str | None = None
    withdraw_percentage_fee: str | None = None
    deposit_min: str | None = None
    withdraw_min: str | None = None
    chain_deposit: str | None = None
    chain_withdraw: str | None = None
    contract_address: str | None = None

    UNUSED: ClassVar = frozenset({"minAccuracy", "safeConfirmNumber"})


class BybitCoin(RawRecord, frozen=True):
    coin: str
    name: str | None = None
    chains: tuple[BybitChain, ...] | None = None

    UNUSED: ClassVar = frozenset({"remainAmount"})


def read_coin(record: BybitCoin) -> Currency:
    return currency_of(record.coin, record.name, map(_network, record.chains or ()))


def _network(chain: BybitChain) -> AssetNetwork:
    """A network; without a fee (an empty text) it cannot be withdrawn."""
    is_share = bool(number(chain.withdraw_percentage_fee, "withdrawPercentageFee"))
    return network_of(
        "bybit",
        chain.chain,
        words=(chain.chain_type,),
        contract=chain.contract_address,
        deposit=flag(chain.chain_deposit, "chainDeposit"),
        withdraw=flag(chain.chain_withdraw, "chainWithdraw"),
        min_deposit=chain.deposit_min,
        min_withdrawal=chain.withdraw_min,
        fee=None if is_share else chain.withdraw_fee,
        confirmations=chain.confirmation,
    )


CURRENCIES: Final = SideForm(
    requests=(Request("api.bybit.com/v5/asset/coin/query-info"),),
    record=BybitCoin,
    rows=each_object("result", "rows", name="coin"),
    read=read_coin,
    is_private=True,
)
