"""HTX's reference of currencies: networks of each, without names and contracts.

A network's id is of the coin, too (`trc20usdt`, `usdterc20`). What chain it is, `baseChain` says,
or `displayName` where the chain is its own base.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.fields import word
from cqar.importer.readers.product_line import (
    Answers,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    objects_at,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork

#: "allowed,prohibited" of deposits and of withdrawals.
_STATUS: Final = {"allowed": True, "prohibited": False}
#: How a fee is stated: as an amount, by the amount's size, or as a share.
_FEES: Final = {"fixed": True, "circulated": False, "ratio": False}


class HtxChain(RawRecord, frozen=True, rename="camel"):
    chain: str
    display_name: str | None = None
    base_chain: str | None = None
    base_chain_protocol: str | None = None
    deposit_status: str | None = None
    withdraw_status: str | None = None
    min_deposit_amt: str | None = None
    min_withdraw_amt: str | None = None
    withdraw_fee_type: str | None = None
    transact_fee_withdraw: str | None = None
    num_of_confirmations: str | None = None
    addr_with_tag: bool | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("fullName", "isDynamic", "numOfFastConfirmations", "withdrawPrecision"),
            *("maxWithdrawAmt", "withdrawQuotaPerDay", "withdrawQuotaPerYear"),
            *("withdrawQuotaTotal", "addrDepositTag", "minTransactFeeWithdraw"),
            *("maxTransactFeeWithdraw", "transactFeeRateWithdraw"),
        }
    )


class HtxCurrency(RawRecord, frozen=True, rename="camel"):
    currency: str
    chains: tuple[HtxChain, ...] | None = None

    UNUSED: ClassVar = frozenset({"instStatus", "assetType"})


def read_currency(record: HtxCurrency) -> Currency:
    return currency_of(record.currency, None, map(_network, record.chains or ()))


def _network(chain: HtxChain) -> AssetNetwork:
    is_amount = chain.withdraw_fee_type is not None and word(
        chain.withdraw_fee_type, "withdrawFeeType", _FEES
    )
    return network_of(
        "htx",
        chain.chain,
        words=(chain.base_chain, chain.base_chain_protocol, chain.display_name),
        deposit=_flag(chain.deposit_status, "depositStatus"),
        withdraw=_flag(chain.withdraw_status, "withdrawStatus"),
        min_deposit=chain.min_deposit_amt,
        min_withdrawal=chain.min_withdraw_amt,
        fee=chain.transact_fee_withdraw if is_amount else None,
        confirmations=chain.num_of_confirmations,
        memo=chain.addr_with_tag,
    )


def _flag(status: str | None, field: str) -> bool | None:
    return None if status is None else word(status, field, _STATUS)


def _rows(answers: Answers) -> Iterable[Row]:
    for answer in answers_to(answers, *answers):
        yield from objects_at(answer.value, "data", name="currency")


CURRENCIES: Final = SideForm(
    requests=(Request("api.huobi.pro/v2/reference/currencies"),),
    record=HtxCurrency,
    rows=_rows,
    read=read_currency,
)
