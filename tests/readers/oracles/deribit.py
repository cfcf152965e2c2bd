"""Deribit: public/get_instruments. docs.deribit.com."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, instant, number, plain

KINDS: Final = {"option": "OPTION", "future_combo": "COMBO", "option_combo": "COMBO"}


def bands(record: Raw) -> Raw:
    """tick_size holds up to the first step's above_price, each step's from there on."""
    tick = Decimal(record["tick_size"])
    steps = record.get("tick_size_steps") or ()
    if not steps:
        return {"tick_size": tick}
    above = [(Decimal(each["above_price"]), Decimal(each["tick_size"])) for each in steps]
    return {"tick_bands": ((Decimal(0), tick), *above)}


def quote_of(record: Raw) -> str:
    """An inverse option's premium is in the coin, its strike in dollars.

    "counter_currency: counter currency for the instrument"; answers of 2021 had none, and all
    inverse contracts were against USD.
    """
    is_option = record["kind"].startswith("option")
    if is_option and record["quote_currency"] == record["base_currency"]:
        return str(record.get("counter_currency", "USD"))
    return str(record["quote_currency"])


def instrument(record: Raw) -> Raw:
    """Amounts: "for perpetual and inverse futures in USD units, for options in base coin"."""
    kind = record["kind"]
    is_perpetual = record.get("settlement_period") == "perpetual"
    symbol_type = KINDS.get(kind, "PERPETUAL" if is_perpetual else "FUTURE")
    # Of 2021, without a settlement currency, all are settled in the coin.
    settlement = str(record.get("settlement_currency", record["base_currency"]))
    is_inverse = settlement == record["base_currency"]
    is_option = kind.startswith("option")
    end = instant(record.get("expiration_timestamp"))
    least = number(record["min_trade_amount"])
    number_id = record.get("instrument_id")
    return {
        **plain(
            symbol_type=symbol_type,
            base=code(record["base_currency"]),
            quote=code(quote_of(record)),
            settlement=code(settlement),
            contract_kind="INVERSE" if is_inverse else "LINEAR",
            underlying=record.get("price_index"),
            # A perpetual's is in the year 3000.
            expiry=end if symbol_type in ("FUTURE", "OPTION") else None,
            ends_at=end if symbol_type == "COMBO" else None,
            strike=number(record.get("strike")),
            option_type=record["option_type"].upper() if "option_type" in record else None,
            status="ONLINE" if record["is_active"] else "HALTED",
            listed_at=instant(record["creation_timestamp"]),
            aliases={(number_id, "ID")} if number_id else None,
            order_unit="QUOTE" if is_inverse and not is_option else "BASE",
            min_order_size=least,
            lot_size=least,
            maker_fee=number(record["maker_commission"]),
            taker_fee=number(record["taker_commission"]),
            max_leverage=number(record.get("max_leverage")),
        ),
        **bands(record),
    }


def of_instruments(file: str, files: dict[str, Any]) -> Expectations:
    result = files[file]["result"]
    records = result if isinstance(result, list) else [result]
    return len(records), {record["instrument_name"]: instrument(record) for record in records}


_FILES: Final = (
    "deribit/get_instruments_BTC.json",
    "deribit/fixture_recent_get_instruments.json",
    "deribit/fixture_recent_get_instruments_future_combo.json",
    "deribit/fixture_recent_get_instruments_option_combo.json",
    "deribit/fixture_get_instrument_option.json",
)
EXPECT: Final[Expect] = {file: functools.partial(of_instruments, file) for file in _FILES}
