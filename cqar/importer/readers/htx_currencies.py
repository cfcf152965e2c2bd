"""What HTX says of its currencies: networks in one answer, names and contracts in two others.

`v2/settings/common/currencies` has the full name (`fn`) of a code, `v1/settings/common/chains` the
contract (`ca`) of a network.

A network's id is of the coin, too (`trc20usdt`, `usdterc20`). What chain it is, `baseChain` says,
or `displayName` where the chain is its own base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.fields import word
from cqar.importer.readers.product_line import (
    Answers,
    NotTheAnswer,
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
    contract: str | None = msgspec.field(default=None, name="@contract")
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
    name: str | None = msgspec.field(default=None, name="@name")
    chains: tuple[HtxChain, ...] | None = None

    UNUSED: ClassVar = frozenset({"instStatus", "assetType"})


def read_currency(record: HtxCurrency) -> Currency:
    return currency_of(record.currency, record.name, map(_network, record.chains or ()))


def _network(chain: HtxChain) -> AssetNetwork:
    is_amount = chain.withdraw_fee_type is not None and word(
        chain.withdraw_fee_type, "withdrawFeeType", _FEES
    )
    return network_of(
        "htx",
        chain.chain,
        contract=chain.contract,
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


def _rows(answers: Answers) -> Iterator[Row]:
    names = dict(_values(answers, _NAMES, "cc", "fn"))
    contracts = dict(_values(answers, _CHAINS, "chain", "ca"))
    if contracts and _REFERENCE not in answers:
        raise NotTheAnswer(f"give the answer to {_REFERENCE.short_name}, too: it has the networks")
    listed: set[str] = set()
    for answer in answers_to(answers, _REFERENCE):
        for row in objects_at(answer.value, "data", name="currency"):
            listed.add(row.name)
            yield Row(row.name, _with(row.record, names.get(row.name), contracts))
    for code, name in names.items():
        if code not in listed:
            yield Row(code, {"currency": code, "@name": name})


def _values(answers: Answers, request: Request, key: str, field: str) -> Iterator[tuple[str, Any]]:
    """Key -> value of the records that have both."""
    for answer in answers_to(answers, request):
        for row in objects_at(answer.value, "data", name=key):
            if isinstance(row.record, dict) and row.record.get(field):
                yield row.name, row.record[field]


def _with(record: Any, name: Any, contracts: Mapping[str, Any]) -> Any:
    if not isinstance(record, dict):
        return record
    chains = record.get("chains")
    if isinstance(chains, list):
        chains = [
            {**chain, "@contract": contracts.get(str(chain.get("chain")))}
            if isinstance(chain, dict)
            else chain
            for chain in chains
        ]
    return {**record, "@name": name, "chains": chains}


_REFERENCE: Final = Request("api.huobi.pro/v2/reference/currencies")
_NAMES: Final = Request("api.huobi.pro/v2/settings/common/currencies")
_CHAINS: Final = Request("api.huobi.pro/v1/settings/common/chains")

CURRENCIES: Final = SideForm(
    requests=(_REFERENCE, _NAMES, _CHAINS),
    record=HtxCurrency,
    rows=_rows,
    read=read_currency,
    joins=True,
)
