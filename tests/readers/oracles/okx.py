"""OKX: public/instruments of every instType. okx.com/docs-v5, "Get instruments"."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import (
    Expect,
    Expectations,
    Raw,
    code,
    instant,
    number,
    plain,
)

# "state": live, suspend, preopen, test.
STATUS: Final = {"live": "ONLINE", "suspend": "HALTED", "preopen": "PREOPEN"}
OPTION_TYPES: Final = {"C": "CALL", "P": "PUT"}


def of_all(record: Raw) -> Raw:
    """What every type has."""
    status = STATUS[record["state"]]
    number_id = record.get("instIdCode")
    return plain(
        listed_at=instant(record["listTime"]),
        trading_starts_at=instant(record.get("contTdSwTime")),
        status="PRE_MARKET" if record.get("ruleType") == "pre_market" else status,
        aliases={(number_id, "ID")} if number_id else None,
        tick_size=number(record["tickSz"]),
        lot_size=number(record["lotSz"]),
        min_order_size=number(record["minSz"]),
        max_order_size=number(record["maxLmtSz"]),
        quote_alternatives=tuple(record.get("tradeQuoteCcyList", ())),
    )


def spot(record: Raw) -> Raw:
    """A pair. "lever: max leverage, not applicable to SPOT".

    "maxMktSz: if it is SPOT, the value is the quantity in USDT"; "maxLmtAmt, maxMktAmt: max USD
    amount for a single limit, market order": values of an order where its quote is that currency.
    """
    amounts = {"USDT": (None, record["maxMktSz"])}
    if "maxMktAmt" in record:
        amounts["USD"] = (record["maxLmtAmt"], record["maxMktAmt"])
    limit_amount, market_amount = amounts.get(record["quoteCcy"], (None, None))
    return {
        **of_all(record),
        **plain(
            symbol_type="SPOT",
            base=code(record["baseCcy"]),
            quote=code(record["quoteCcy"]),
            ends_at=instant(record["expTime"]),
            order_unit="BASE",
            max_notional=number(limit_amount),
            market_max_notional=number(market_amount),
        ),
    }


def contract(record: Raw) -> Raw:
    """Orders count contracts; one has ctVal times ctMult of ctValCcy."""
    base, quote = record["uly"].split("-")
    settlement = record["settleCcy"]
    kinds = {quote: "LINEAR", base: "INVERSE"}
    end = instant(record["expTime"])
    is_swap = record["instType"] == "SWAP"
    # "The time premarket swap switched to normal swap": a phase with its end.
    switch = instant(record.get("preMktSwTime"))
    return {
        **of_all(record),
        **plain(
            symbol_type={"SWAP": "PERPETUAL", "FUTURES": "FUTURE"}.get(
                record["instType"], record["instType"]
            ),
            base=code(base),
            quote=code(quote),
            settlement=code(settlement),
            contract_kind=kinds.get(settlement, "QUANTO"),
            underlying=record["uly"],
            ends_at=end if is_swap else None,
            expiry=None if is_swap else end,
            strike=number(record["stk"]),
            option_type=OPTION_TYPES.get(record["optType"]),
            phases=(("PRE_MARKET", None, switch),) if switch else None,
            order_unit="CONTRACT",
            contract_size=Decimal(record["ctVal"]) * Decimal(record["ctMult"]),
            market_max_size=number(record["maxMktSz"]),
            max_leverage=number(record["lever"]),
        ),
    }


def margin(record: Raw) -> Raw:
    """The pair of that spelling is read from SPOT's answer: lending is no second market."""
    return {"unsupported": f"{record['instId']} is the spot pair"}


def of_answer(file: str, files: dict[str, Any]) -> Expectations:
    read = {"SPOT": spot, "MARGIN": margin}
    records = files[file]["data"]
    return len(records), {
        record["instId"]: read.get(record["instType"], contract)(record) for record in records
    }


_FILES: Final = (
    "okx/instruments_SPOT_2022-05-13.json",
    "okx/instruments_SWAP_2022-05-13.json",
    "okx/instruments_SWAP_2025-10-02_part1.json",
    "okx/instruments_FUTURES_2022-05-13.json",
    "okx/instruments_OPTION_BTC-USD_2022-05-13.json",
    "okx/fixture_recent_instruments_spot.json",
    "okx/fixture_recent_instruments_margin.json",
    "okx/fixture_recent_instruments_swap.json",
    "okx/fixture_recent_instruments_futures.json",
    "okx/fixture_recent_instruments_option.json",
)
EXPECT: Final[Expect] = {file: functools.partial(of_answer, file) for file in _FILES}
