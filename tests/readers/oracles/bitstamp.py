"""Bitstamp: trading pairs."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, plain
from tests.readers.oracles.venue_numbers import decimals

_FILES: Final = (
    "bitstamp/trading_pairs_info_2022-01-05.json",
    "bitstamp/trading_pairs_info_recent.json",
)
_ORDER_TYPES: Final = {"Enabled": ("LIMIT", "MARKET", "INSTANT"), "Disabled": ("LIMIT",)}
_TRADING: Final = {"Enabled": "ONLINE", "Disabled": "HALTED"}


def _pair(row: Raw) -> dict[str, Any]:
    base, counter = row["name"].split("/")
    base_name, counter_name = row["description"].split(" / ")
    least, currency = row["minimum_order"].split(" ")
    assert currency == counter, "a minimum in another currency than the price's"
    return plain(
        symbol_type="SPOT",
        base=code(base, name=base_name),
        quote=code(counter, name=counter_name),
        status=_TRADING[row["trading"]],
        # Lists of all open orders name a market so: "currency_pair": "BTC/USD".
        aliases={(row["name"], None)},
        order_unit="BASE",
        # "Decimal precision for counter currency", and "for base currency".
        tick_size=decimals(row["counter_decimals"]),
        lot_size=decimals(row["base_decimals"]),
        # "Minimum order size", of any order: error 400.020, "lower than minimum order value".
        min_notional=Decimal(least),
        market_min_notional=Decimal(least),
        order_types=_ORDER_TYPES.get(row.get("instant_and_market_orders", "")),
    )


def _listing(file: str, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]
    # Orders are placed at /api/v2/buy/{url_symbol}/.
    return len(rows), {row["url_symbol"]: _pair(row) for row in rows}


EXPECT: Final[Expect] = {file: functools.partial(_listing, file) for file in _FILES}
