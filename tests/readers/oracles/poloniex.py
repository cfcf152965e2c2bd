"""Poloniex: spot."""

from __future__ import annotations

import functools
from typing import Any, Final

from tests.readers.oracles.plain import (
    Expect,
    Expectations,
    Raw,
    above_zero,
    code,
    instant,
    number,
    plain,
)
from tests.readers.oracles.venue_numbers import decimals

_FILES: Final = ("poloniex/markets_2022-08-21.json", "poloniex/markets_fixture.json")
# "symbol state: NORMAL, PAUSE, POST_ONLY".
_STATES: Final = {"NORMAL": "ONLINE", "PAUSE": "HALTED", "POST_ONLY": "POST_ONLY"}


def _market(row: Raw) -> dict[str, Any]:
    limits = row["symbolTradeLimit"]
    # "min amount (quote)" and the maximum are of any order; a market order to buy is given as an
    # amount.
    least, most = number(limits["minAmount"]), above_zero(limits.get("maxAmount"))
    return plain(
        symbol_type="SPOT",
        base=code(row["baseCurrencyName"]),
        quote=code(row["quoteCurrencyName"]),
        status=_STATES[row["state"]],
        listed_at=instant(row["visibleStartTime"]),
        trading_starts_at=instant(row["tradableStartTime"]),
        order_unit="BASE",
        tick_size=decimals(limits["priceScale"]),
        lot_size=decimals(limits["quantityScale"]),
        min_order_size=number(limits["minQuantity"]),
        # A maximum of zero is none.
        max_order_size=above_zero(limits.get("maxQuantity")),
        min_notional=least,
        max_notional=most,
        market_min_notional=least,
        market_max_notional=most,
        max_leverage=number(row.get("crossMargin", {}).get("maxLeverage")),
    )


def _listing(file: str, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]
    return len(rows), {row["symbol"]: _market(row) for row in rows}


EXPECT: Final[Expect] = {file: functools.partial(_listing, file) for file in _FILES}
