"""Gemini: details of symbols, spot and perpetual swaps."""

from __future__ import annotations

import functools
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, number, plain

_FILES: Final = (
    "gemini/symbols_details_2021-06-24.json",
    "gemini/symbols_details_all_recent.json",
)
# "Status of the current order book. Can be open, closed, cancel_only, post_only, limit_only".
_STATUS: Final = {"open": "ONLINE", "closed": "HALTED", "limit_only": "ONLINE"}


def _swap(row: Raw, quote: Any) -> dict[str, Any]:
    assert (row["product_type"], row["contract_type"]) == ("swap", "linear")
    assert row["contract_price_currency"] == row["quote_currency"]
    return plain(symbol_type="PERPETUAL", settlement=quote, contract_kind="LINEAR")


def _symbol(row: Raw) -> dict[str, Any]:
    quote = code(row["quote_currency"])
    is_spot = row.get("product_type", "spot") == "spot"
    return {
        **({"symbol_type": "SPOT"} if is_spot else _swap(row, quote)),
        **plain(
            base=code(row["base_currency"]),
            quote=quote,
            status=_STATUS[row["status"]],
            order_types=("LIMIT",) if row["status"] == "limit_only" else None,
            order_unit="BASE",
            # "tick_size: The number of decimal places in the base_currency. quote_increment: … in
            # the quote_currency (i.e. price increment)".
            tick_size=number(row["quote_increment"]),
            lot_size=number(row["tick_size"]),
            min_order_size=number(row["min_order_size"]),
        ),
    }


def _listing(file: str, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]
    return len(rows), {row["symbol"]: _symbol(row) for row in rows}


EXPECT: Final[Expect] = {file: functools.partial(_listing, file) for file in _FILES}
