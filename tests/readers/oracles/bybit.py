"""Bybit v5 instruments-info, by category, and v2's symbols. bybit-exchange.github.io/docs/v5."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, instant, number, plain

# "Enums Definitions", status: PreLaunch, Trading, Delivering, Closed.
STATUS: Final = {"Trading": "ONLINE", "Delivering": "SETTLING", "Closed": "DELISTED"}
# symbolType, where it says what the base is. Empty, absent, innovation: nothing about that.
CLASSES: Final = {"stock": "EQUITY", "xstocks": "EQUITY", "commodity": "COMMODITY"}


def listed(answer: Any) -> list[Raw]:
    """The source of one file has keyed the records by their symbols."""
    return list(answer["result"]["list"] if "result" in answer else answer.values())


def spot(record: Raw) -> Raw:
    lot = record["lotSizeFilter"]
    # "minOrderQty, maxOrderQty, maxOrderAmt: deprecated, no longer check" where the record has
    # maxLimitOrderQty and maxMarketOrderQty instead. "minOrderAmt: minimum order amount".
    is_new = "maxLimitOrderQty" in lot
    return plain(
        symbol_type="SPOT",
        base=code(record["baseCoin"]),
        quote=code(record["quoteCoin"]),
        underlying_class=CLASSES.get(record.get("symbolType", "")),
        # Shares in one token of xStocks.
        unit_multiplier=number(record.get("xstockMultiplier")),
        status=STATUS[record["status"]],
        order_unit="BASE",
        tick_size=number(record["priceFilter"]["tickSize"]),
        lot_size=number(lot["basePrecision"]),
        min_order_size=None if is_new else number(lot["minOrderQty"]),
        max_order_size=number(lot["maxLimitOrderQty" if is_new else "maxOrderQty"]),
        market_max_size=number(lot.get("maxMarketOrderQty")),
        min_notional=number(lot["minOrderAmt"]),
        market_min_notional=number(lot["minOrderAmt"]),
        max_notional=None if is_new else number(lot["maxOrderAmt"]),
        market_max_notional=None if is_new else number(lot["maxOrderAmt"]),
    )


def contract(record: Raw) -> Raw:
    """Linear orders count the base coin, inverse ones USD: "order quantity"."""
    price, lot = record["priceFilter"], record["lotSizeFilter"]
    is_perpetual = record["contractType"] in ("LinearPerpetual", "InversePerpetual")
    is_inverse = record["settleCoin"] == record["baseCoin"]
    delivery = instant(record["deliveryTime"])
    notional = number(lot.get("minNotionalValue"))
    return plain(
        symbol_type="PERPETUAL" if is_perpetual else "FUTURE",
        base=code(record["baseCoin"]),
        quote=code(record["quoteCoin"]),
        settlement=code(record["settleCoin"]),
        contract_kind="INVERSE" if is_inverse else "LINEAR",
        underlying_class=CLASSES.get(record.get("symbolType", "")),
        # "Perpetual: delisting time, 0 where there is none. Expired futures: delivery time".
        ends_at=delivery if is_perpetual else None,
        expiry=None if is_perpetual else delivery,
        listed_at=instant(record["launchTime"]),
        status=STATUS[record["status"]],
        order_unit="QUOTE" if is_inverse else "BASE",
        tick_size=number(price["tickSize"]),
        min_price=number(price["minPrice"]),
        max_price=number(price["maxPrice"]),
        lot_size=number(lot["qtyStep"]),
        min_order_size=number(lot["minOrderQty"]),
        # "Maximum quantity for Limit and PostOnly order", "for Market order".
        max_order_size=number(lot["maxOrderQty"]),
        market_max_size=number(lot.get("maxMktOrderQty")),
        min_notional=notional,
        market_min_notional=notional,
        max_leverage=number(record["leverageFilter"]["maxLeverage"]),
        # "Funding interval (minute)".
        funding_interval_s=int(record["fundingInterval"]) * 60 if is_perpetual else None,
    )


def option(record: Raw) -> Raw:
    price, lot = record["priceFilter"], record["lotSizeFilter"]
    return plain(
        symbol_type="OPTION",
        base=code(record["baseCoin"]),
        quote=code(record["quoteCoin"]),
        settlement=code(record["settleCoin"]),
        contract_kind="LINEAR",
        expiry=instant(record["deliveryTime"]),
        # BTC-27MAR26-70000-P-USDT: base, day, strike, type, settlement where it is not USDC.
        strike=Decimal(record["symbol"].split("-")[2]),
        option_type=record["optionsType"].upper(),
        listed_at=instant(record["launchTime"]),
        status=STATUS[record["status"]],
        order_unit="BASE",
        tick_size=number(price["tickSize"]),
        min_price=number(price["minPrice"]),
        max_price=number(price["maxPrice"]),
        lot_size=number(lot["qtyStep"]),
        min_order_size=number(lot["minOrderQty"]),
        max_order_size=number(lot["maxOrderQty"]),
    )


def old_contract(record: Raw) -> Raw:
    """v2. BTCUSDU21, alias BTCUSD0924: of September 2021, delivered on the 24th at 8 AM UTC."""
    name, alias = record["name"], record["alias"]
    is_perpetual = name == alias
    day = alias[-4:]
    price, lot = record["price_filter"], record["lot_size_filter"]
    is_inverse = record["quote_currency"] == "USD"
    expiry = (
        None
        if is_perpetual
        else dt.datetime(2000 + int(name[-2:]), int(day[:2]), int(day[2:]), 8, tzinfo=dt.UTC)
    )
    return plain(
        symbol_type="PERPETUAL" if is_perpetual else "FUTURE",
        base=code(record["base_currency"]),
        quote=code(record["quote_currency"]),
        settlement=code(record["base_currency" if is_inverse else "quote_currency"]),
        contract_kind="INVERSE" if is_inverse else "LINEAR",
        expiry=expiry,
        status=STATUS[record["status"]],
        aliases=None if is_perpetual else {(alias, None)},
        order_unit="QUOTE" if is_inverse else "BASE",
        tick_size=number(price["tick_size"]),
        min_price=number(price["min_price"]),
        max_price=number(price["max_price"]),
        lot_size=number(lot["qty_step"]),
        min_order_size=number(lot["min_trading_qty"]),
        max_order_size=number(lot["max_trading_qty"]),
        maker_fee=number(record["maker_fee"]),
        taker_fee=number(record["taker_fee"]),
        max_leverage=number(record["leverage_filter"]["max_leverage"]),
    )


def of_answer(file: str, read: Any, files: dict[str, Any]) -> Expectations:
    records = listed(files[file])
    return len(records), {record["symbol"]: read(record) for record in records}


def of_v2(quote: str, files: dict[str, Any]) -> Expectations:
    """The one answer has contracts of both lines: USD is inverse, USDT linear."""
    other = {"unsupported": "a contract of the other line"}
    every = files["bybit/v2_symbols_2021-04-17.json"]["result"]
    return len(every), {
        record["name"]: old_contract(record) if record["quote_currency"] == quote else other
        for record in every
    }


_READ: Final = {
    "bybit/docsample_v5_instruments_spot.json": spot,
    "bybit/fixture_recent_instruments_spot.json": spot,
    "bybit/fixture_recent_instruments_spot_xstocks.json": spot,
    "bybit/fixture_recent_instruments_linear.json": contract,
    "bybit/fixture_recent_instruments_linear_symbol_type.json": contract,
    "bybit/linear_instruments_2025-01-23_incomplete.json": contract,
    "bybit/linear_instruments_2025-09-21.json": contract,
    "bybit/fixture_recent_instruments_inverse.json": contract,
    "bybit/fixture_recent_instruments_inverse_symbol_type.json": contract,
    "bybit/docsample_v5_instruments_option.json": option,
    "bybit/fixture_recent_instruments_option.json": option,
}
EXPECT: Final[Expect] = {
    **{file: functools.partial(of_answer, file, read) for file, read in _READ.items()},
    "bybit/v2_symbols_2021-04-17.json as bybit-linear": functools.partial(of_v2, "USDT"),
    "bybit/v2_symbols_2021-04-17.json as bybit-inverse": functools.partial(of_v2, "USD"),
}
