"""Kraken Futures: derivatives/api/v3/instruments. docs.kraken.com, "Get instruments"."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, number, plain

TICKERS: Final = {"XBT": "BTC"}


def moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def currencies(record: Raw) -> tuple[str, str]:
    """Base and quote; before 2022 they stood in the symbol only: fi_xbtusd_210924."""
    if "base" in record:
        return record["base"], record["quote"]
    pair = record["symbol"].split("_")[1]
    return pair[:-3].upper(), pair[-3:].upper()


def contract(record: Raw) -> Raw:
    """futures_inverse: one contract is a dollar; flexible_futures: a unit of the base.

    Flexible futures are of multi-collateral accounts, which gain and lose in the quote currency.
    """
    if record["type"] == "spot index":
        return {"unsupported": "an index, which is not traded"}
    base, quote = currencies(record)
    is_inverse = record["type"] == "futures_inverse"
    # PI_, PF_: perpetual, inverse or flexible. FI_, FF_: with a last trading time, its maturity.
    is_perpetual = record["symbol"][0].upper() == "P"
    expiry = moment(record.get("lastTradingTime"))
    first = record["marginLevels"][0]
    precision = record.get("contractValueTradePrecision")
    status = "ONLINE" if record["tradeable"] else "HALTED"
    return plain(
        symbol_type="PERPETUAL" if is_perpetual else "FUTURE",
        base=code(base, TICKERS.get(base, base)),
        quote=code(quote),
        settlement=code(base, TICKERS.get(base, base)) if is_inverse else code(quote),
        contract_kind="INVERSE" if is_inverse else "LINEAR",
        underlying=record.get("underlying"),
        expiry=None if is_perpetual else expiry,
        listed_at=moment(record.get("openingDate")),
        status="POST_ONLY" if record.get("postOnly") else status,
        order_unit="CONTRACT",
        contract_size=Decimal(record["contractSize"]),
        tick_size=number(record["tickSize"]),
        # "Trade precision for the contract (e.g. 2 means trades are precise to 0.01)".
        lot_size=None if precision is None else Decimal(1).scaleb(-int(precision)),
        initial_margin_rate=number(first["initialMargin"]),
        maintenance_margin_rate=number(first["maintenanceMargin"]),
    )


def of_instruments(file: str, files: dict[str, Any]) -> Expectations:
    records = files[file]["instruments"]
    return len(records), {record["symbol"]: contract(record) for record in records}


_FILES: Final = (
    "krakenfutures/instruments_2021-07-22.json",
    "krakenfutures/fixture_recent_instruments.json",
)
EXPECT: Final[Expect] = {file: functools.partial(of_instruments, file) for file in _FILES}
