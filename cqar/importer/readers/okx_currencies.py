"""OKX's list of currencies, one record for each network of each. It needs a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import msgspec

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
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


class OkxChain(RawRecord, frozen=True, rename="camel"):
    chain: str
    name: str | None = None
    ct_addr: str | None = None
    can_dep: bool | None = None
    can_wd: bool | None = None
    min_dep: str | None = None
    min_wd: str | None = None
    fee: str | None = None
    min_dep_arrival_confirm: str | None = None
    need_tag: bool | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("ccy", "logoLink", "mainNet", "canInternal", "maxFee", "minFee", "maxWd", "wdTickSz"),
            *("wdQuota", "usedWdQuota", "minInternal", "depQuotaFixed", "usedDepQuotaFixed"),
            *("depQuoteDailyLayer2", "minWdUnlockConfirm", "maxFeeForCtAddr", "minFeeForCtAddr"),
            *("burningFeeRate", "depEstOpenTime", "wdEstOpenTime"),
        }
    )


class OkxCurrency(RawRecord, frozen=True):
    code: str = msgspec.field(name="@code")
    chains: tuple[OkxChain, ...] = msgspec.field(name="@chains")


def read_currency(record: OkxCurrency) -> Currency:
    name = next((chain.name for chain in record.chains if chain.name), None)
    return currency_of(record.code, name, [_network(record.code, c) for c in record.chains])


def _network(code: str, chain: OkxChain) -> AssetNetwork:
    """A network: its id begins with the currency, `USDT-Arbitrum One`."""
    return network_of(
        "okx",
        chain.chain,
        words=(chain.chain.removeprefix(f"{code}-"),),
        contract=chain.ct_addr,
        deposit=chain.can_dep,
        withdraw=chain.can_wd,
        min_deposit=chain.min_dep,
        min_withdrawal=chain.min_wd,
        fee=chain.fee,
        confirmations=chain.min_dep_arrival_confirm,
        memo=chain.need_tag,
    )


def _rows(answers: Answers) -> Iterator[Row]:
    """A row for each currency; a record that names none is one by itself."""
    found: dict[str, list[Any]] = {}
    for answer in answers_to(answers, *answers):
        for row in objects_at(answer.value, "data", name="ccy"):
            code = row.record.get("ccy") if isinstance(row.record, dict) else None
            if not isinstance(code, str) or not code:
                yield row
                continue
            found.setdefault(code, []).append(row.record)
    for code, chains in found.items():
        yield Row(code, {"@code": code, "@chains": chains})


CURRENCIES: Final = SideForm(
    requests=(Request("www.okx.com/api/v5/asset/currencies"),),
    record=OkxCurrency,
    rows=_rows,
    read=read_currency,
    is_private=True,
)
