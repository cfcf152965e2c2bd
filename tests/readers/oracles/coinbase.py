"""Coinbase: Exchange's products, and those of Advanced Trade. docs.cdp.coinbase.com."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import (
    Expect,
    Expectations,
    Raw,
    code,
    number,
    plain,
)


def status_of(record: Raw) -> str:
    """Flags narrow what `status` says. limit_only is no status: market orders alone are refused."""
    if record["status"] == "delisted":
        return "DELISTED"
    flags = (
        ("trading_disabled", "HALTED"),
        ("is_disabled", "HALTED"),
        ("view_only", "HALTED"),
        ("cancel_only", "CANCEL_ONLY"),
        ("auction_mode", "AUCTION"),
        ("post_only", "POST_ONLY"),
    )
    assert record["status"] in ("online", "")
    return next((status for flag, status in flags if record.get(flag)), "ONLINE")


def product(record: Raw) -> Raw:
    """Exchange.

    Coinbase's blog, "Upcoming Changes to Order Size Limits", 2022-05-17: base_min_size goes, and
    "we will continue to maintain min_market_funds, with the new logic checking notional size of
    the order", for "limit orders and market buys". Before, it bound market orders only.
    """
    is_before = "base_min_size" in record
    least = number(record["min_market_funds"])
    # "Percentage to calculate highest price for limit buy order": 0.03 above the last price.
    high = number(record.get("high_bid_limit_percentage"))
    return plain(
        symbol_type="SPOT",
        base=code(record["base_currency"]),
        quote=code(record["quote_currency"]),
        status=status_of(record),
        order_unit="BASE",
        order_types=("LIMIT",) if record["limit_only"] else None,
        tick_size=number(record["quote_increment"]),
        lot_size=number(record["base_increment"]),
        min_order_size=number(record.get("base_min_size")),
        max_order_size=number(record.get("base_max_size")),
        min_notional=None if is_before else least,
        market_min_notional=least,
        market_max_notional=number(record.get("max_market_funds")),
        bid_multiplier_up=None if high is None else 1 + high,
    )


def sizes(record: Raw) -> Raw:
    """What Advanced Trade says of any product. Sizes of its contracts count contracts."""
    return plain(
        tick_size=number(record["price_increment"]),
        lot_size=number(record["base_increment"]),
        min_order_size=number(record["base_min_size"]),
        max_order_size=number(record["base_max_size"]),
        order_types=("LIMIT",) if record["limit_only"] else None,
    )


def advanced_spot(record: Raw) -> Raw:
    """quote_min_size and quote_max_size bound `quote_size`, which market orders have."""
    return {
        "symbol_type": "SPOT",
        "base": code(record["base_currency_id"], name=record["base_name"] or None),
        "quote": code(record["quote_currency_id"], name=record["quote_name"] or None),
        "status": status_of(record),
        "order_unit": "BASE",
        "market_min_notional": number(record["quote_min_size"]),
        "market_max_notional": number(record["quote_max_size"]),
        **sizes(record),
    }


def advanced_future(record: Raw) -> Raw:
    """CDE's contracts expire, those with funding in five years' time: contract_expiry_type."""
    details = record["future_product_details"]
    assert details["contract_expiry_type"] == "EXPIRING"
    quote = code(record["quote_currency_id"], name=record["quote_name"] or None)
    is_crypto = details["futures_asset_type"] == "FUTURES_ASSET_TYPE_CRYPTO"
    interval = details["funding_interval"]
    return {
        **plain(
            symbol_type="FUTURE",
            base=code(details["contract_root_unit"]),
            quote=quote,
            settlement=quote,
            contract_kind="LINEAR",
            underlying_class="CRYPTO" if is_crypto else None,
            expiry=dt.datetime.fromisoformat(details["contract_expiry"]),
            status=status_of(record),
            order_unit="CONTRACT",
            contract_size=Decimal(details["contract_size"]),
            funding_interval_s=int(interval.removesuffix("s")) if interval else None,
        ),
        **sizes(record),
    }


def of_exchange(file: str, files: dict[str, Any]) -> Expectations:
    records = files[file]
    return len(records), {record["id"]: product(record) for record in records}


def of_advanced(file: str, files: dict[str, Any]) -> Expectations:
    read = {"SPOT": advanced_spot, "FUTURE": advanced_future}
    records = files[file]["products"]
    return len(records), {
        record["product_id"]: read[record["product_type"]](record) for record in records
    }


_EXCHANGE: Final = (
    "coinbase/exchange_products_2021-04-17.json",
    "coinbase/exchange_products_2024-04-22.json",
)
_ADVANCED: Final = (
    "coinbase/fixture_recent_advanced_products.json",
    "coinbase/fixture_recent_advanced_products_future.json",
)
EXPECT: Final[Expect] = {
    **{file: functools.partial(of_exchange, file) for file in _EXCHANGE},
    **{file: functools.partial(of_advanced, file) for file in _ADVANCED},
}
