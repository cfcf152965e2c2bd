"""Gate's list of currencies, with the networks and contracts of each."""

from __future__ import annotations

from typing import ClassVar, Final

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.product_line import (
    RawRecord,
    Request,
    SideForm,
    each_object,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork


class GateChain(RawRecord, frozen=True):
    name: str
    addr: str | None = None
    withdraw_disabled: bool | None = None
    deposit_disabled: bool | None = None

    UNUSED: ClassVar = frozenset({"withdraw_delayed"})


class GateCurrency(RawRecord, frozen=True):
    currency: str
    name: str | None = None
    chain: str | None = None
    chains: tuple[GateChain, ...] | None = None
    withdraw_disabled: bool | None = None
    deposit_disabled: bool | None = None

    UNUSED: ClassVar = frozenset({"delisted", "withdraw_delayed", "trade_disabled", "fixed_rate"})


def read_currency(record: GateCurrency) -> Currency:
    """A currency; before `chains` came, there was a currency for each chain: `USDT_TRX`."""
    if record.chains is not None:
        networks = [_network(chain) for chain in record.chains]
    else:
        networks = [network_of("gate", record.chain)] if record.chain else []
    return currency_of(
        record.currency,
        record.name,
        networks,
        deposit=_not(record.deposit_disabled),
        withdraw=_not(record.withdraw_disabled),
    )


def _network(chain: GateChain) -> AssetNetwork:
    return network_of(
        "gate",
        chain.name,
        contract=chain.addr,
        deposit=_not(chain.deposit_disabled),
        withdraw=_not(chain.withdraw_disabled),
    )


def _not(flag: bool | None) -> bool | None:
    return None if flag is None else not flag


CURRENCIES: Final = SideForm(
    requests=(Request("api.gateio.ws/api/v4/spot/currencies"),),
    record=GateCurrency,
    rows=each_object(name="currency"),
    read=read_currency,
)
