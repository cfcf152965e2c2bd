"""KuCoin: spot of two versions, and futures."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, instant, number, plain

_SPOT_V1: Final = "kucoin/symbols_2021-04-25.json"
_SPOT_V2: Final = "kucoin/docsample_v2_symbols.json"
_FUTURES: Final = "kucoin/docsample_futures_contracts_active.json"

# "FFWCSX: Standardized swap contracts, … expiration swap funding rates"; "FFICSX: Futures".
_TYPES: Final = {"FFWCSX": "PERPETUAL", "FFICSX": "FUTURE"}
_FUTURES_STATUS: Final = {"Open": "ONLINE"}


def _spot(row: Raw) -> dict[str, Any]:
    renamed = row["name"] != row["symbol"]
    # priceLimitRate, a "threshold for price protection", is of executions against the book: no
    # documentation says that it bounds an order's price.
    return plain(
        symbol_type="SPOT",
        base=code(row["baseCurrency"]),
        quote=code(row["quoteCurrency"]),
        # "Available for transaction or not".
        status="ONLINE" if row["enableTrading"] else "HALTED",
        trading_starts_at=instant(row.get("tradingStartTime")),
        # "Name of trading pairs, it would change after renaming".
        aliases={(row["name"], None)} if renamed else None,
        order_unit="BASE",
        tick_size=number(row["priceIncrement"]),
        lot_size=number(row["baseIncrement"]),
        min_order_size=number(row["baseMinSize"]),
        max_order_size=number(row["baseMaxSize"]),
        min_notional=number(row.get("minFunds")),
        # "The minimum (maximum) order funds required to place a market order".
        market_min_notional=number(row["quoteMinSize"]),
        market_max_notional=number(row["quoteMaxSize"]),
    )


def _contract(row: Raw) -> dict[str, Any]:
    # XBT is KuCoin's code of bitcoin in its futures.
    names = {"XBT": "BTC"}
    base, quote, settled = (
        code(row[f"{part}Currency"], names.get(row[f"{part}Currency"], ""))
        for part in ("base", "quote", "settle")
    )
    granularity = row.get("fundingRateGranularity")
    return plain(
        symbol_type=_TYPES[row["type"]],
        base=base,
        quote=quote,
        settlement=settled,
        contract_kind="LINEAR" if settled == quote else "INVERSE",
        underlying=row["indexSymbol"],
        status=_FUTURES_STATUS[row["status"]],
        listed_at=instant(row["firstOpenDate"]),
        expiry=instant(row["expireDate"]),
        order_unit="CONTRACT",
        contract_size=abs(Decimal(row["multiplier"])),
        tick_size=number(row["tickSize"]),
        lot_size=number(row["lotSize"]),
        max_order_size=number(row["maxOrderQty"]),
        # buyLimit and sellLimit move with the market: prices of the moment, not terms.
        max_price=number(row["maxPrice"]),
        maker_fee=number(row["makerFeeRate"]),
        taker_fee=number(row["takerFeeRate"]),
        max_leverage=number(row["maxLeverage"]),
        initial_margin_rate=number(row["initialMargin"]),
        maintenance_margin_rate=number(row["maintainMargin"]),
        # "Funding interval (milliseconds)".
        funding_interval_s=int(granularity) // 1000 if granularity else None,
    )


def _listing(file: str, read: Any, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]["data"]
    return len(rows), {row["symbol"]: read(row) for row in rows}


EXPECT: Final[Expect] = {
    **{f: functools.partial(_listing, f, _spot) for f in (_SPOT_V1, _SPOT_V2)},
    _FUTURES: functools.partial(_listing, _FUTURES, _contract),
}
