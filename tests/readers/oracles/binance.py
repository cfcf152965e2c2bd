"""Binance: spot, USD-M, COIN-M and options. developers.binance.com, "Exchange Information"."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
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

FUNDING: Final = "binance/usdm_fundingInfo_2025-08.json"

# ENUM definitions. BREAK: not traded now, whatever the cause; orders can be cancelled only.
SPOT_STATUS: Final = {"TRADING": "ONLINE", "BREAK": "HALTED"}
# "Contract status": PENDING_TRADING is not open yet. Before settlement (PRE_SETTLE, half an hour)
# positions can be closed and none opened; SETTLING and DELIVERING are closed. A contract keeps
# its row for years after its settlement, with the date: by then it is over.
CONTRACT_STATUS: Final = {
    "TRADING": "ONLINE",
    "PENDING_TRADING": "PREOPEN",
    "PRE_SETTLE": "REDUCE_ONLY",
    "SETTLING": "SETTLING",
    "DELIVERING": "SETTLING",
}
ENDING: Final = ("PRE_SETTLE", "SETTLING", "DELIVERING")
PERPETUALS: Final = ("PERPETUAL", "PERPETUAL DELIVERING", "TRADIFI_PERPETUAL")
QUARTERLIES: Final = ("CURRENT_QUARTER", "NEXT_QUARTER", "CURRENT_QUARTER DELIVERING")
CLASSES: Final = {
    "COIN": "CRYPTO",
    "INDEX": "INDEX",
    "EQUITY": "EQUITY",
    "COMMODITY": "COMMODITY",
    # It says when it trades, not what it is.
    "PREMARKET": None,
}


def sizes(filters: dict[str, Raw]) -> Raw:
    """PRICE_FILTER's bounds and MARKET_LOT_SIZE "are disabled on 0"."""
    price = filters.get("PRICE_FILTER", {})
    lot = filters.get("LOT_SIZE", {})
    market = filters.get("MARKET_LOT_SIZE", {})
    return plain(
        tick_size=number(price.get("tickSize")),
        min_price=above_zero(price.get("minPrice")),
        max_price=above_zero(price.get("maxPrice")),
        lot_size=number(lot.get("stepSize")),
        min_order_size=above_zero(lot.get("minQty")),
        max_order_size=number(lot.get("maxQty")),
        market_lot_size=above_zero(market.get("stepSize")),
        market_min_size=above_zero(market.get("minQty")),
        market_max_size=above_zero(market.get("maxQty")),
    )


def spot_bands(filters: dict[str, Raw]) -> Raw:
    """PERCENT_PRICE bounds both sides. Where there are both filters they say the same."""
    both = filters.get("PERCENT_PRICE", {})
    by_side = filters.get("PERCENT_PRICE_BY_SIDE", {})
    return plain(
        bid_multiplier_up=number(by_side.get("bidMultiplierUp", both.get("multiplierUp"))),
        bid_multiplier_down=number(by_side.get("bidMultiplierDown", both.get("multiplierDown"))),
        ask_multiplier_up=number(by_side.get("askMultiplierUp", both.get("multiplierUp"))),
        ask_multiplier_down=number(by_side.get("askMultiplierDown", both.get("multiplierDown"))),
    )


def spot_notionals(filters: dict[str, Raw]) -> Raw:
    """NOTIONAL took MIN_NOTIONAL's place; each says whether market orders are bound by it."""
    least = filters.get("MIN_NOTIONAL", {})
    both = filters.get("NOTIONAL", {})
    low = number(both.get("minNotional", least.get("minNotional")))
    high = number(both.get("maxNotional"))
    is_low_for_market = both.get("applyMinToMarket", least.get("applyToMarket"))
    return plain(
        min_notional=low,
        max_notional=high,
        market_min_notional=low if is_low_for_market else None,
        market_max_notional=high if both.get("applyMaxToMarket") else None,
    )


def spot(record: Raw) -> Raw:
    filters = {each["filterType"]: each for each in record["filters"]}
    # "permissionSets": one of each inner list is needed. Before: "permissions", one of the list.
    groups = record.get("permissionSets") or [record["permissions"]]
    status = SPOT_STATUS[record["status"]]
    # "isSpotTradingAllowed": false is no spot market for anybody, whatever the status.
    if status == "ONLINE" and not record["isSpotTradingAllowed"]:
        status = "HALTED"
    return {
        "symbol_type": "SPOT",
        "base": code(record["baseAsset"]),
        "quote": code(record["quoteAsset"]),
        "status": status,
        "order_unit": "BASE",
        "order_types": tuple(record["orderTypes"]),
        "permission_groups": tuple(tuple(group) for group in groups if group),
        **sizes(filters),
        **spot_bands(filters),
        **spot_notionals(filters),
    }


def of_spot(file: str, files: dict[str, Any]) -> Expectations:
    records = files[file]["symbols"]
    return len(records), {record["symbol"]: spot(record) for record in records}


def contract(record: Raw, hours: dict[str, str], taken_at: dt.datetime) -> Raw:
    filters = {each["filterType"]: each for each in record["filters"]}
    kind = record["contractType"]
    if kind not in (*PERPETUALS, *QUARTERLIES):
        return {"unreadable": f"contractType {kind!r} says no product"}
    if "PRICE_FILTER" in filters and not Decimal(filters["PRICE_FILTER"]["tickSize"]):
        return {"unreadable": "a tick of zero"}
    is_perpetual = kind in PERPETUALS
    delivery = instant(record["deliveryDate"])
    assert delivery is not None
    # 2100-12-25 stands where there is no delivery.
    end = delivery if delivery.year < 2100 else None
    word = record["contractStatus" if "contractStatus" in record else "status"]
    is_over = end is not None and end <= taken_at and word in ENDING
    status = "DELISTED" if is_over else CONTRACT_STATUS[word]
    if record["underlyingType"] == "PREMARKET" and status == "ONLINE":
        status = "PRE_MARKET"
    is_inverse = record["marginAsset"] == record["baseAsset"]
    notional = number(filters.get("MIN_NOTIONAL", {}).get("notional"))
    bands = filters.get("PERCENT_PRICE", {})
    funding = hours.get(record["symbol"])
    is_index = record["underlyingType"] == "INDEX"
    return {
        **plain(
            symbol_type="PERPETUAL" if is_perpetual else "FUTURE",
            base=code(record["baseAsset"]),
            quote=code(record["quoteAsset"]),
            settlement=code(record["marginAsset"]),
            contract_kind="INVERSE" if is_inverse else "LINEAR",
            underlying_class=CLASSES[record["underlyingType"]],
            underlying=record["baseAsset"] if is_index else None,
            expiry=None if is_perpetual else end,
            ends_at=end if is_perpetual else None,
            delisted_at=end if is_over else None,
            listed_at=instant(record["onboardDate"]),
            status=status,
            # COIN-M: "quantity measured by contract number, not by coin".
            order_unit="CONTRACT" if "contractSize" in record else "BASE",
            contract_size=number(record.get("contractSize")),
            # "Since MARKET orders have no price, the mark price is used": it binds them, too.
            min_notional=notional,
            market_min_notional=notional,
            # "BUY: price <= markPrice * multiplierUp; SELL: price >= markPrice * multiplierDown".
            bid_multiplier_up=number(bands.get("multiplierUp")),
            ask_multiplier_down=number(bands.get("multiplierDown")),
            funding_interval_s=int(funding) * 3600 if funding else None,
            order_types=tuple(record["orderTypes"]),
            time_in_force=tuple(record["timeInForce"]),
        ),
        **sizes(filters),
    }


def of_contracts(file: str, files: dict[str, Any]) -> Expectations:
    hours = {each["symbol"]: each["fundingIntervalHours"] for each in files.get(FUNDING, ())}
    taken_at = instant(files[file]["serverTime"])
    assert taken_at is not None
    records = files[file]["symbols"]
    return len(records), {record["symbol"]: contract(record, hours, taken_at) for record in records}


def option(record: Raw, contracts: dict[str, Raw]) -> Raw:
    of = contracts[record["underlying"]]
    filters = {each["filterType"]: each for each in record["filters"]}
    return {
        "symbol_type": "OPTION",
        "base": code(of["baseAsset"]),
        "quote": code(record["quoteAsset"]),
        "settlement": code(of["settleAsset"]),
        "contract_kind": "LINEAR",
        "underlying": record["underlying"],
        "expiry": instant(record["expiryDate"]),
        "strike": Decimal(record["strikePrice"]),
        "option_type": record["side"],
        "order_unit": "CONTRACT",
        # "Contract unit, the quantity of the underlying asset represented by a single contract".
        "contract_size": Decimal(record["unit"]),
        "maker_fee": Decimal(record["makerFeeRate"]),
        "taker_fee": Decimal(record["takerFeeRate"]),
        "initial_margin_rate": Decimal(record["initialMargin"]),
        "maintenance_margin_rate": Decimal(record["maintenanceMargin"]),
        **sizes(filters),
    }


def of_options(file: str, files: dict[str, Any]) -> Expectations:
    contracts = {each["underlying"]: each for each in files[file]["optionContracts"]}
    records = files[file]["optionSymbols"]
    return len(records), {record["symbol"]: option(record, contracts) for record in records}


_SPOT: Final = (
    "binance/spot_exchangeInfo_2021-10-12.json",
    "binance/spot_exchangeInfo_2022-11-28.json",
    "binance/spot_exchangeInfo_2024-09-08.json",
    "binance/spot_exchangeInfo_2025-08-07_25symbols.json",
    "binance/fixture_recent_spot_exchangeInfo.json",
)
_CONTRACTS: Final = (
    "binance/usdm_exchangeInfo_2021-07-22.json",
    "binance/usdm_exchangeInfo_2022-05-04.json",
    "binance/usdm_exchangeInfo_2024-09-10.json",
    "binance/usdm_exchangeInfo_2024-12-13.json",
    "binance/usdm_exchangeInfo_2025-08-07_25symbols.json",
    "binance/usdm_exchangeInfo_2025-08-22.json",
    "binance/testnet_usdm_exchangeInfo_2025-01-09.json",
    "binance/testnet_usdm_exchangeInfo_2025-12-24.json",
    "binance/coinm_exchangeInfo_2021-07-22.json",
    "binance/coinm_exchangeInfo_2025-08-07_25symbols.json",
)
_OPTIONS: Final = "binance/docsample_eapi_exchangeInfo.json"

EXPECT: Final[Expect] = {
    **{file: functools.partial(of_spot, file) for file in _SPOT},
    **{file: functools.partial(of_contracts, file) for file in _CONTRACTS},
    _OPTIONS: functools.partial(of_options, _OPTIONS),
}
