"""Deribit's list of currencies: the full names."""

from __future__ import annotations

from typing import ClassVar

from cqar.importer.market import Currency
from cqar.importer.readers.currency_fields import currency_of
from cqar.importer.readers.product_line import (
    CurrencyForm,
    RawRecord,
    Request,
    SideForm,
    each_object,
)


class DeribitCurrency(RawRecord, frozen=True):
    currency: str
    currency_long: str | None = None

    UNUSED: ClassVar = frozenset(
        {
            *("coin_type", "network_fee", "min_withdrawal_fee", "apr", "withdrawal_fee"),
            *("network_currency", "withdrawal_priorities", "min_confirmations", "decimals"),
            *("in_cross_collateral_pool", "fee_precision", "disabled_deposit_address_creation"),
        }
    )


def read_currency(record: DeribitCurrency) -> Currency:
    return currency_of(record.currency, record.currency_long)


def currency_forms(host: str) -> tuple[CurrencyForm, ...]:
    request = Request(f"{host}/api/v2/public/get_currencies")
    return (
        SideForm(
            requests=(request,),
            record=DeribitCurrency,
            rows=each_object("result", name="currency"),
            read=read_currency,
        ),
    )
