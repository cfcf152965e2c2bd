"""HTX, formerly Huobi: spot, linear swaps, coin-margined swaps and futures."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, instant, number, plain
from tests.readers.oracles.venue_numbers import decimals

_SPOT: Final = "huobi/common_symbols_2021-04-17.json"
_LINEAR: Final = "huobi/linear_swap_contract_info_2022-02-19.json"
_COIN_SWAP: Final = "huobi/swap_contract_info_2022-02-19.json"
_COIN_FUTURE: Final = "huobi/contract_contract_info_2021-07-22.json"

# '"online" - Listed, available for trading, "offline" - de-listed, not available for trading'.
_STATES: Final = {"online": "ONLINE", "offline": "DELISTED"}
# "0: Delisting, 1: Listing, 2: Pending Listing, 3: Suspension, 4: Suspending of Listing, 5: In
# Settlement, 6: Delivering, 7: Settlement Completed, 8: Delivered, 9: Suspending of Trade".
_CONTRACT_STATUS: Final = {"1": "ONLINE", "3": "HALTED"}


def _leverage(row: Raw) -> Decimal | None:
    """The largest of isolated margin, cross margin and lending.

    "The leverage-ratio represents the isolated-margin ratio. The super-margin-leverage-ratio
    represents the cross-margin. The value 0 indicates that the trading symbols doesn't support
    margin trading."
    """
    names = ("leverage-ratio", "super-margin-leverage-ratio", "funding-leverage-ratio")
    return max((Decimal(row[name]) for name in names if name in row), default=None) or None


def _pair(row: Raw) -> dict[str, Any]:
    assert row["api-trading"] == "enabled"
    in_usdt = row["quote-currency"] == "usdt"
    return plain(
        symbol_type="SPOT",
        # Codes are in lower case in the API only: names for people are in upper case.
        base=code(row["base-currency"], row["base-currency"].upper()),
        quote=code(row["quote-currency"], row["quote-currency"].upper()),
        # The pair that a leveraged token (ETP) follows.
        underlying=row.get("underlying"),
        status=_STATES[row["state"]],
        order_unit="BASE",
        tick_size=decimals(row["price-precision"]),
        lot_size=decimals(row["amount-precision"]),
        min_order_size=number(row["limit-order-min-order-amt"]),
        max_order_size=number(row["limit-order-max-order-amt"]),
        market_min_size=number(row["sell-market-min-order-amt"]),
        market_max_size=number(row["sell-market-max-order-amt"]),
        # "Minimum order value of limit order and buy-market order in quote currency".
        min_notional=number(row["min-order-value"]),
        market_min_notional=number(row["min-order-value"]),
        # "Max order value of limit order and buy-market order in usdt".
        max_notional=number(row.get("max-order-value")) if in_usdt else None,
        # "Max order value of buy-market order in quote currency".
        market_max_notional=number(row["buy-market-max-order-value"]),
        max_leverage=_leverage(row),
    )


def _contract(row: Raw) -> dict[str, Any]:
    linear = "trade_partition" in row
    quote = row["trade_partition"] if linear else "USD"
    dated = bool(row["delivery_time"])
    # create_date is a day, no instant: when the contract was listed is not known.
    return plain(
        symbol_type="FUTURE" if dated else "PERPETUAL",
        base=code(row["symbol"]),
        quote=code(quote),
        settlement=code(quote if linear else row["symbol"]),
        contract_kind="LINEAR" if linear else "INVERSE",
        expiry=instant(row["delivery_time"]),
        status=_CONTRACT_STATUS[row["contract_status"]],
        order_unit="CONTRACT",
        contract_size=number(row["contract_size"]),
        tick_size=number(row["price_tick"]),
        # An order's "volume: long, Numbers of orders (volume)": whole contracts.
        lot_size=Decimal(1),
    )


def _listing(file: str, name: str, read: Any, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]["data"]
    return len(rows), {row[name]: read(row) for row in rows}


EXPECT: Final[Expect] = {
    _SPOT: functools.partial(_listing, _SPOT, "symbol", _pair),
    **{
        f: functools.partial(_listing, f, "contract_code", _contract)
        for f in (_LINEAR, _COIN_SWAP, _COIN_FUTURE)
    },
}
