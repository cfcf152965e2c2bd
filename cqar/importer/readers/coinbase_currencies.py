"""Coinbase Exchange's list of currencies, with the networks and contracts of each."""

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

#: A network that is offline moves nothing; one that is online may be closed to one direction.
_STATUS: Final[dict[str, bool | None]] = {"online": None, "offline": False, "delisted": False}


class CoinbaseNetwork(RawRecord, frozen=True):
    id: str
    name: str | None = None
    status: str | None = None
    contract_address: str | None = None
    min_withdrawal_amount: str | None = None
    network_confirmations: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("crypto_address_link", "crypto_transaction_link", "max_withdrawal_amount"),
            *("processing_time_seconds", "network_map", "destination_tag_regex"),
        }
    )


class CoinbaseCurrency(RawRecord, frozen=True):
    id: str
    name: str | None = None
    supported_networks: tuple[CoinbaseNetwork, ...] | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("min_size", "status", "message", "max_precision", "convertible_to", "details"),
            *("default_network", "display_name", "funding_account_id"),
        }
    )


def read_currency(record: CoinbaseCurrency) -> Currency:
    return currency_of(record.id, record.name, map(_network, record.supported_networks or ()))


def _network(record: CoinbaseNetwork) -> AssetNetwork:
    is_open = word(record.status, "status", _STATUS) if record.status is not None else None
    return network_of(
        "coinbase",
        record.id,
        words=(record.name,),
        contract=record.contract_address,
        deposit=is_open,
        withdraw=is_open,
        min_withdrawal=record.min_withdrawal_amount,
        confirmations=record.network_confirmations,
    )


CURRENCIES: Final = SideForm(
    requests=(
        Request("api.exchange.coinbase.com/currencies"),
        Request("api.pro.coinbase.com/currencies", is_former=True),
    ),
    record=CoinbaseCurrency,
    rows=each_object(name="id"),
    read=read_currency,
)
