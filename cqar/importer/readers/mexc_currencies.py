"""What MEXC says of its codes: the list of coins, which needs a key, or what symbols state.

A symbol states `contractAddress` without a network, and often a word in its place (`eosio.token`,
`sats`, `BNB`): only what is unmistakably an address counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from cqar.importer.contract_texts import unmistakable_contract
from cqar.importer.market import Currency, UnreadableRecord
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.product_line import (
    Answers,
    CurrencyForm,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    each_object,
    objects_at,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class MexcNetwork(RawRecord, frozen=True, rename="camel"):
    network: str | None = None
    net_work: str | None = None
    contract: str | None = None
    deposit_enable: bool | None = None
    withdraw_enable: bool | None = None
    withdraw_fee: str | None = None
    withdraw_min: str | None = None
    min_confirm: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("coin", "depositDesc", "Name", "name", "withdrawIntegerMultiple", "withdrawMax"),
            *("sameAddress", "withdrawTips", "depositTips"),
        }
    )


class MexcCoin(RawRecord, frozen=True, rename="camel"):
    coin: str
    name: str | None = None
    #: As version 3 first wrote it.
    first_name: str | None = msgspec.field(default=None, name="Name")
    network_list: tuple[MexcNetwork, ...] | None = None


def read_coin(record: MexcCoin) -> Currency:
    networks = map(_network, record.network_list or ())
    return currency_of(record.coin, record.name or record.first_name, networks)


def _network(record: MexcNetwork) -> AssetNetwork:
    """A network: `netWork` is its id, `network` what it is called."""
    return network_of(
        "mexc",
        record.net_work or record.network,
        words=(record.network,),
        contract=record.contract,
        deposit=record.deposit_enable,
        withdraw=record.withdraw_enable,
        min_withdrawal=record.withdraw_min,
        fee=record.withdraw_fee,
        confirmations=record.min_confirm,
    )


class MexcBase(RawRecord, frozen=True):
    """What the symbols of one base say of it, each text once."""

    code: str = msgspec.field(name="@code")
    names: tuple[str, ...] = msgspec.field(name="@names")
    contracts: tuple[str, ...] = msgspec.field(name="@contracts")


def read_base(record: MexcBase) -> Currency:
    if len(record.names) > 1:
        raise UnreadableRecord(f"its symbols name it differently: {', '.join(record.names)[:200]}")
    found = map(unmistakable_contract, record.contracts)
    return msgspec.structs.replace(
        currency_of(record.code, record.names[0] if record.names else None),
        contracts=tuple(address for address in found if address is not None),
    )


def _bases(answers: Answers) -> Iterator[Row]:
    """A row for each base; what states no base is counted with the symbols alone."""
    found: dict[str, dict[str, Any]] = {}
    for answer in answers_to(answers, *answers):
        for row in objects_at(answer.value, "symbols"):
            code = row.record.get("baseAsset") if isinstance(row.record, dict) else None
            if not isinstance(code, str) or not code:
                continue
            base = found.setdefault(code, {"@code": code, "@names": [], "@contracts": []})
            for field, key in (("fullName", "@names"), ("contractAddress", "@contracts")):
                value = row.record.get(field)
                if value not in (None, "") and value not in base[key]:
                    base[key].append(value)
    for code, record in found.items():
        yield Row(code, record)


def currency_forms(listing: Request) -> tuple[CurrencyForm, ...]:
    """The forms; the second one is what the listing itself says."""
    coins = Request("api.mexc.com/api/v3/capital/config/getall")
    return (
        SideForm(
            requests=(coins,),
            record=MexcCoin,
            rows=each_object(name="coin"),
            read=read_coin,
            is_private=True,
        ),
        SideForm(requests=(listing,), record=MexcBase, rows=_bases, read=read_base, joins=True),
    )
