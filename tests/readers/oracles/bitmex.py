"""BitMEX: every kind of instrument in one list; also its testnet."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Name, Raw, code, number, plain

_ACTIVE: Final = "bitmex/instrument_active_2021-07-22.json"
_ALL: Final = "bitmex/instrument_activeAndIndices_2022-11-22.json"
_SPREAD: Final = "bitmex/fixture_recent_instrument_spread.json"
_TESTNET: Final = "bitmex/testnet_instrument_active_2025-01-30.json"

# "Perpetual Contracts - FFWCSX; Perpetual Contracts (FX underliers) - FFWCSF; Spot - IFXXXP;
# Futures - FFCCSX"; FFMCSX are calendar spreads.
_TYPES: Final = {
    "FFWCSX": "PERPETUAL",
    "FFWCSF": "PERPETUAL",
    "IFXXXP": "SPOT",
    "FFCCSX": "FUTURE",
    "FFMCSX": "COMBO",
}
# "BitMEX Basket Index - MRBXXX; Crypto - MRC…; FX - MRF…; Lending/Premium - MRR…; Volatility -
# MRI…"; FFICSX are prediction markets, quoted in XXX.
_INEXPRESSIBLE: Final = {"MR": "an index", "FFICSX": "a prediction market"}
# An unlisted instrument that is no index has a date of listing to come.
_STATES: Final = {"Open": "ONLINE", "Unlisted": "PREOPEN"}

#: What wallet/assets says of units: the coin, and the decimals of the unit.
_UNITS: Final = {"XBt": ("BTC", 8), "USDt": ("USDT", 6), "Gwei": ("ETH", 9), "BBx": ("BBX", None)}


def _coin(venue: str) -> Name:
    return code(venue, "BTC" if venue == "XBT" else venue)


def _time(text: str | None) -> dt.datetime | None:
    """An instant; dates of the next century stand for none."""
    found = dt.datetime.fromisoformat(text) if text else None
    return found if found and found.year < 2100 else None


def _interval_s(text: str | None) -> int | None:
    """Seconds since the beginning of 2000: 2000-01-01T08:00 is eight hours."""
    if not text:
        return None
    since = dt.datetime.fromisoformat(text) - dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    return int(since.total_seconds())


def _paid_in(unit: str) -> Any:
    """The currency of which settlCurrency names the unit: "XBt is a satoshi, 1e-8 XBT"."""
    ticker = _UNITS[unit][0]
    return code("XBT" if ticker == "BTC" else ticker, ticker)


def _settled(row: Raw) -> dict[str, Any]:
    """The settlement, the kind by isQuanto and isInverse, and the size of a contract.

    "For Inverse Contracts: Contract Size = Multiplier/underlyingToSettleMultiplier. For Linear
    Contracts: 1/underlyingToPositionMultiplier. For Quanto Contracts: multiplier in settlCurrency".
    """
    unit = row["settlCurrency"]
    _, scale = _UNITS[unit]
    size: Decimal | None
    if row["isInverse"]:
        kind = "INVERSE"
        size = Decimal(row["multiplier"]) / Decimal(row["underlyingToSettleMultiplier"])
    elif row["isQuanto"]:
        kind = "QUANTO"
        size = None if scale is None else Decimal(row["multiplier"]).scaleb(-scale)
    else:
        kind = "LINEAR"
        size = 1 / Decimal(row["underlyingToPositionMultiplier"])
    return plain(settlement=_paid_in(unit), contract_kind=kind, contract_size=size)


def _margins(row: Raw) -> dict[str, Any]:
    return plain(
        initial_margin_rate=number(row.get("initMargin")),
        maintenance_margin_rate=number(row.get("maintMargin")),
        funding_interval_s=_interval_s(row.get("fundingInterval")),
    )


def _followed(row: Raw) -> dict[str, Any]:
    """The index, and its class where a word of the record says it."""
    words = {"FFWCSF": "FX"}
    found = "INDEX" if row["rootSymbol"] == "BASKET" else words.get(row["typ"])
    return plain(underlying=row.get("referenceSymbol") or None, underlying_class=found)


def _spot(row: Raw) -> dict[str, Any]:
    # "The quantity is denoted in currency. E.g. to buy 0.01 XBT, orderQty is 1,000,000 (XBt)":
    # an order counts small units, of which underlyingToPositionMultiplier are one coin.
    size = 1 / Decimal(row["underlyingToPositionMultiplier"])
    return {**_margins(row), "contract_size": size}


def _combination(row: Raw) -> dict[str, Any]:
    unit = row["settlCurrency"]
    return plain(
        settlement=_paid_in(unit),
        contract_kind="INVERSE",
        ends_at=_time(row["expiry"]),
        legs=((row["nearLegSymbol"], Decimal(1)), (row["farLegSymbol"], Decimal(-1))),
    )


def _of_its_type(row: Raw, symbol_type: str) -> dict[str, Any]:
    if symbol_type == "SPOT":
        return _spot(row)
    if symbol_type == "COMBO":
        return _combination(row)
    expiry = _time(row["expiry"]) if symbol_type == "FUTURE" else None
    return {**_settled(row), **_margins(row), **_followed(row), **plain(expiry=expiry)}


def _instrument(row: Raw) -> dict[str, Any]:
    for start, reason in _INEXPRESSIBLE.items():
        if row["typ"].startswith(start):
            return {"unsupported": reason}
    symbol_type = _TYPES[row["typ"]]
    return {
        **_of_its_type(row, symbol_type),
        **plain(
            symbol_type=symbol_type,
            base=_coin(row["underlying"]),
            quote=_coin(row["quoteCurrency"]),
            status=_STATES[row["state"]],
            listed_at=_time(row["listing"]),
            # "orderQty: Order quantity in units of the instrument (i.e. contracts)".
            order_unit="CONTRACT",
            tick_size=number(row["tickSize"]),
            lot_size=number(row["lotSize"]),
            max_order_size=number(row["maxOrderQty"]),
            min_price=number(row.get("minPrice")),
            max_price=number(row["maxPrice"]),
            maker_fee=number(row["makerFee"]),
            taker_fee=number(row["takerFee"]),
        ),
    }


def _rows(answer: Any) -> list[Raw]:
    """A list; the sources also have one object, or objects by ccxt's symbols."""
    if isinstance(answer, list):
        return answer
    return [answer] if "symbol" in answer else list(answer.values())


def _listing(file: str, answers: dict[str, Any]) -> Expectations:
    rows = _rows(answers[file])
    return len(rows), {row["symbol"]: _instrument(row) for row in rows}


EXPECT: Final[Expect] = {
    f: functools.partial(_listing, f) for f in (_ACTIVE, _ALL, _SPREAD, _TESTNET)
}
