"""Crypto.com Exchange: instruments of v2 (spot) and v1 (all)."""

from __future__ import annotations

from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, instant, number, plain
from tests.readers.oracles.venue_numbers import decimals

_V2: Final = "cryptocom/get_instruments_2021-11-23.json"
_V1: Final = "cryptocom/docsample_v1_get_instruments.json"


def _pair(row: Raw) -> dict[str, Any]:
    return plain(
        symbol_type="SPOT",
        base=code(row["base_currency"]),
        quote=code(row["quote_currency"]),
        order_unit="BASE",
        tick_size=decimals(row["price_decimals"]),
        lot_size=decimals(row["quantity_decimals"]),
    )


def _perpetual(row: Raw) -> dict[str, Any]:
    assert row["inst_type"] == "PERPETUAL_SWAP"
    return plain(
        symbol_type="PERPETUAL",
        base=code(row["base_ccy"]),
        quote=code(row["quote_ccy"]),
        settlement=code(row["quote_ccy"]),
        contract_kind="LINEAR",
        underlying=row["underlying_symbol"],
        status="ONLINE" if row["tradable"] else "HALTED",
        # A perpetual has no expiry: a date on one is its announced end.
        ends_at=instant(row["expiry_timestamp_ms"]),
        order_unit="BASE",
        # "Minimum price tick size"; "Minimum trading quantity / tick size".
        tick_size=number(row["price_tick_size"]),
        lot_size=number(row["qty_tick_size"]),
        max_leverage=number(row["max_leverage"]),
    )


def _v2(answers: dict[str, Any]) -> Expectations:
    rows = answers[_V2]["result"]["instruments"]
    return len(rows), {row["instrument_name"]: _pair(row) for row in rows}


def _v1(answers: dict[str, Any]) -> Expectations:
    rows = answers[_V1]["result"]["data"]
    return len(rows), {row["symbol"]: _perpetual(row) for row in rows}


EXPECT: Final[Expect] = {_V2: _v2, _V1: _v1}
