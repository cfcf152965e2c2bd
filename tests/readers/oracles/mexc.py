"""MEXC: spot."""

from __future__ import annotations

from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, above_zero, code, number, plain
from tests.readers.oracles.venue_numbers import decimals

_SPOT: Final = "mexc/exchangeInfo_2025-09-21_part1.json"

# "1 - online, 2 - Pause, 3 - offline".
_STATUS: Final = {"1": "ONLINE", "2": "HALTED", "3": "DELISTED"}


def _pair(row: Raw) -> dict[str, Any]:
    # tradeSideType: "1 - All, 2 - buy order only, 3 - Sell order only, 4 - Close".
    assert (row["status"], row["tradeSideType"]) in {("1", "1"), ("2", "4")}
    # "isSpotTradingAllowed: allow api spot trading": without it no order is taken from a program.
    status = _STATUS[row["status"]] if row["isSpotTradingAllowed"] else "HALTED"
    # Bands are unknown: the documentation says orderPrice <= lastPrice * bidMultiplierUp, and the
    # records say 0.2 or 0.005, by which no order near the market could be placed.
    return plain(
        symbol_type="SPOT",
        base=code(row["baseAsset"], name=row["fullName"] or None),
        quote=code(row["quoteAsset"]),
        status=status,
        order_unit="BASE",
        tick_size=decimals(row["quotePrecision"]),
        lot_size=decimals(row["baseAssetPrecision"]),
        # "min order quantity"; zero is none.
        min_order_size=above_zero(row["baseSizePrecision"]),
        # "min order amount", "max Quote Amount", and the same "in market order".
        min_notional=number(row["quoteAmountPrecision"]),
        max_notional=number(row["maxQuoteAmount"]),
        market_min_notional=number(row["quoteAmountPrecisionMarket"]),
        market_max_notional=number(row["maxQuoteAmountMarket"]),
        maker_fee=number(row["makerCommission"]),
        taker_fee=number(row["takerCommission"]),
        permission_groups=(tuple(row["permissions"]),),
        order_types=tuple(row["orderTypes"]),
    )


def _spot(answers: dict[str, Any]) -> Expectations:
    rows = answers[_SPOT]["symbols"]
    return len(rows), {row["symbol"]: _pair(row) for row in rows}


EXPECT: Final[Expect] = {_SPOT: _spot}
