"""KuCoin's list of currencies, with the networks and contracts of each."""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.fields import number
from cqar.importer.readers.product_line import (
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class KucoinChain(RawRecord, frozen=True, rename="camel"):
    chain_name: str
    #: The id that other requests take; the first answers of version 3 had none.
    chain_id: str | None = None
    withdrawal_min_size: str | None = None
    deposit_min_size: str | None = None
    withdraw_fee_rate: str | None = None
    withdrawal_min_fee: str | None = None
    is_withdraw_enabled: bool | None = None
    is_deposit_enabled: bool | None = None
    confirms: str | None = None
    contract_address: str | None = None
    need_tag: bool | None = None

    UNUSED: ClassVar = frozenset({"preConfirms", "withdrawPrecision", "maxWithdraw", "maxDeposit"})


class KucoinCurrency(RawRecord, frozen=True, rename="camel"):
    currency: str
    full_name: str | None = None
    chains: tuple[KucoinChain, ...] | None = None

    # Its own contractAddress and confirms are of the time before `chains`, and null now.
    UNUSED: ClassVar = frozenset(
        {
            *("name", "precision", "isMarginEnabled", "isDebitEnabled"),
            *("confirms", "contractAddress"),
        }
    )


def read_currency(record: KucoinCurrency) -> Currency:
    networks = map(_network, record.chains or ())
    return currency_of(record.currency, record.full_name, networks)


def _network(chain: KucoinChain) -> AssetNetwork:
    """A network. With a rate, `withdrawalMinFee` is the least fee, not the fee."""
    is_share = bool(number(chain.withdraw_fee_rate, "withdrawFeeRate"))
    return network_of(
        "kucoin",
        chain.chain_id or chain.chain_name,
        words=(chain.chain_name,),
        contract=chain.contract_address,
        deposit=chain.is_deposit_enabled,
        withdraw=chain.is_withdraw_enabled,
        min_deposit=chain.deposit_min_size,
        min_withdrawal=chain.withdrawal_min_size,
        fee=None if is_share else chain.withdrawal_min_fee,
        confirmations=chain.confirms,
        memo=chain.need_tag,
    )


CURRENCIES: Final = SideForm(
    requests=(Request("api.kucoin.com/api/v3/currencies"),),
    record=KucoinCurrency,
    rows=each_object("data", name="currency"),
    read=read_currency,
)
