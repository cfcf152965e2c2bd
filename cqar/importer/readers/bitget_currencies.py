"""Bitget's list of coins, with the networks and contracts of each."""

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


class BitgetChain(RawRecord, frozen=True, rename="camel"):
    chain: str
    need_tag: str | bool | None = None
    withdrawable: str | bool | None = None
    rechargeable: str | bool | None = None
    withdraw_fee: str | None = None
    extra_withdraw_fee: str | None = None
    deposit_confirm: str | None = None
    min_deposit_amount: str | None = None
    min_withdraw_amount: str | None = None
    contract_address: str | None = None

    UNUSED: ClassVar = frozenset(
        {"withdrawConfirm", "browserUrl", "withdrawStep", "withdrawMinScale", "congestion"}
    )


class BitgetCoin(RawRecord, frozen=True, rename="camel"):
    coin: str
    chains: tuple[BitgetChain, ...] | None = None

    UNUSED: ClassVar = frozenset({"coinId", "transfer", "areaCoin"})


def read_coin(record: BitgetCoin) -> Currency:
    return currency_of(record.coin, None, map(_network, record.chains or ()))


def _network(chain: BitgetChain) -> AssetNetwork:
    """A network. `extraWithdrawFee` is a share of the amount beside the fee."""
    is_share = bool(number(chain.extra_withdraw_fee, "extraWithdrawFee"))
    return network_of(
        "bitget",
        chain.chain,
        contract=chain.contract_address,
        deposit=flag(chain.rechargeable, "rechargeable"),
        withdraw=flag(chain.withdrawable, "withdrawable"),
        min_deposit=chain.min_deposit_amount,
        min_withdrawal=chain.min_withdraw_amount,
        fee=None if is_share else chain.withdraw_fee,
        confirmations=chain.deposit_confirm,
        memo=flag(chain.need_tag, "needTag"),
    )


CURRENCIES: Final = SideForm(
    requests=(Request("api.bitget.com/api/v2/spot/public/coins"),),
    record=BitgetCoin,
    rows=each_object("data", name="coin"),
    read=read_coin,
)
