"""What a venue's own saved file states about each market: the oracle of the import tests.

It shares nothing with what it judges: no ccxt, no import from the project, no arithmetic but
ten to a negative power. Number literals stay the text the venue wrote. It is strict, so that
silence means agreement: a record, a status or a spelling it does not know stops the reading.

Sizes are in the venue's own order units: contracts for Binance COIN-M and OKX swaps and futures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class RawListing(NamedTuple):
    """One market. Steps are plain notation without trailing zeros; None is "not stated"."""

    spelling: str
    aliases: tuple[str, ...]
    base: str
    quote: str
    tick_size: str | None
    lot_size: str | None
    min_order_size: str | None
    status: str
    kind: str


Record = dict[str, Any]

BINANCE_STATUS: Final = {
    "TRADING": "ONLINE",
    "BREAK": "HALTED",
    "HALT": "HALTED",
    "PENDING_TRADING": "PREOPEN",
    # Futures at the end of their life: still listed, no longer tradable.
    "PRE_SETTLE": "HALTED",
    "SETTLING": "HALTED",
    "PRE_DELIVERING": "HALTED",
    "DELIVERING": "HALTED",
    "DELIVERED": "HALTED",
    "CLOSE": "HALTED",
}
BINANCE_KIND: Final = {
    "PERPETUAL": "PERPETUAL",
    # GALAUSD_PERP in 2025: a perpetual that is being wound up.
    "PERPETUAL DELIVERING": "PERPETUAL",
    "CURRENT_QUARTER": "FUTURE",
    "NEXT_QUARTER": "FUTURE",
}
#: The delivery date (2100-12-25) that Binance gives to what is never delivered.
BINANCE_NEVER: Final = "4133404800000"
KRAKEN_STATUS: Final = {
    "online": "ONLINE",
    "cancel_only": "CANCEL_ONLY",
    "post_only": "POST_ONLY",
    "limit_only": "ONLINE",
    "reduce_only": "REDUCE_ONLY",
}
# Gate also documents `buyable`. No saved file has it and no MarketStatus says "buy only".
GATE_STATUS: Final = {"tradable": "ONLINE", "untradable": "HALTED", "sellable": "REDUCE_ONLY"}
OKX_STATUS: Final = {"live": "ONLINE", "suspend": "HALTED", "preopen": "PREOPEN"}
# No OPTION, and no MARGIN: its rows repeat the spellings of SPOT.
OKX_KIND: Final = {"SPOT": "SPOT", "SWAP": "PERPETUAL", "FUTURES": "FUTURE"}
HTX_STATUS: Final = {
    "online": "ONLINE",
    "pre-online": "PREOPEN",
    "suspend": "HALTED",
    "offline": "HALTED",
}


def plain(number: str | None) -> str | None:
    """Write the same number without exponent or trailing zeros; None for absent, "" and zero.

    Not `Decimal.normalize`, which rounds to the context's 28 digits.
    """
    if not number:
        return None
    value = Decimal(number)
    if not value.is_finite() or value < 0:
        message = f"{number} is neither a step nor a size"
        raise ValueError(message)
    if value == 0:
        return None
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def step_of(decimals: str) -> str:
    """Give the step of a number written with so many decimals: "0" is a step of 1."""
    return format(Decimal(1).scaleb(-int(decimals)), "f")


def _binance(record: Record) -> RawListing:
    filters: dict[str, Record] = {f["filterType"]: f for f in record["filters"]}
    # COIN-M says contractStatus where the others say status; spot has no contractType.
    status = record["status"] if "status" in record else record["contractStatus"]
    if "contractType" not in record:
        kind = "SPOT"
    elif record["contractType"] == "" and record["deliveryDate"] == BINANCE_NEVER:
        # BTCSTUSDT in 2021, while it was settled and taken off.
        kind = "PERPETUAL"
    else:
        kind = BINANCE_KIND[record["contractType"]]
    return RawListing(
        spelling=record["symbol"],
        aliases=(),
        base=record["baseAsset"],
        quote=record["quoteAsset"],
        tick_size=plain(filters["PRICE_FILTER"]["tickSize"]),
        lot_size=plain(filters["LOT_SIZE"]["stepSize"]),
        min_order_size=plain(filters["LOT_SIZE"]["minQty"]),
        status=BINANCE_STATUS[status],
        kind=kind,
    )


def _kraken(record: Record) -> RawListing:
    key = record["key"]
    others = dict.fromkeys(record[name] for name in ("altname", "wsname") if name in record)
    if record["lot_multiplier"] != "1":
        message = f"{key} has a lot multiplier of {record['lot_multiplier']}"
        raise ValueError(message)
    tick = record["tick_size"] if "tick_size" in record else step_of(record["pair_decimals"])
    return RawListing(
        spelling=key,
        aliases=tuple(other for other in others if other != key),
        base=record["base"],
        quote=record["quote"],
        tick_size=plain(tick),
        lot_size=step_of(record["lot_decimals"]),
        # The dark-pool pairs of 2021 (`.d`) state no minimum.
        min_order_size=plain(record.get("ordermin")),
        # The files of 2021 state no status: they listed what could be traded.
        status=KRAKEN_STATUS[record.get("status", "online")],
        kind="SPOT",
    )


def _coinbase(record: Record) -> RawListing:
    return RawListing(
        spelling=record["id"],
        aliases=(),
        base=record["base_currency"],
        quote=record["quote_currency"],
        tick_size=plain(record["quote_increment"]),
        lot_size=plain(record["base_increment"]),
        min_order_size=plain(record["base_min_size"]),
        status=_coinbase_status(record),
        kind="SPOT",
    )


def _coinbase_status(record: Record) -> str:
    """Take the strictest of what a product states; limit orders only is still trading."""
    if record["status"] in {"offline", "delisted"} or record["trading_disabled"]:
        return "HALTED"
    if record["status"] != "online":
        raise KeyError(record["status"])
    if record["cancel_only"]:
        return "CANCEL_ONLY"
    return "POST_ONLY" if record["post_only"] else "ONLINE"


def _gate(record: Record) -> RawListing:
    return RawListing(
        spelling=record["id"],
        aliases=(),
        base=record["base"],
        quote=record["quote"],
        tick_size=step_of(record["precision"]),
        lot_size=step_of(record["amount_precision"]),
        min_order_size=plain(record.get("min_base_amount")),
        status=GATE_STATUS[record["trade_status"]],
        kind="SPOT",
    )


def _okx(record: Record) -> RawListing:
    # Derivatives leave baseCcy and quoteCcy empty; the underlying is always "BASE-QUOTE".
    spot = record["instType"] == "SPOT"
    coins = (record["baseCcy"], record["quoteCcy"]) if spot else record["uly"].split("-")
    base, quote = coins
    return RawListing(
        spelling=record["instId"],
        aliases=(),
        base=base,
        quote=quote,
        tick_size=plain(record["tickSz"]),
        lot_size=plain(record["lotSz"]),
        min_order_size=plain(record["minSz"]),
        status=OKX_STATUS[record["state"]],
        kind=OKX_KIND[record["instType"]],
    )


def _kucoin(record: Record) -> RawListing:
    # `name` follows renames (BSV-BTC), orders keep using `symbol` (BCHSV-BTC): no alias.
    return RawListing(
        spelling=record["symbol"],
        aliases=(),
        base=record["baseCurrency"],
        quote=record["quoteCurrency"],
        tick_size=plain(record["priceIncrement"]),
        lot_size=plain(record["baseIncrement"]),
        min_order_size=plain(record["baseMinSize"]),
        status="ONLINE" if record["enableTrading"] else "HALTED",
        kind="SPOT",
    )


def _htx(record: Record) -> RawListing:
    status = HTX_STATUS[record["state"]]
    enabled = record["api-trading"] == "enabled"
    return RawListing(
        spelling=record["symbol"],
        aliases=(),
        base=record["base-currency"],
        quote=record["quote-currency"],
        tick_size=step_of(record["price-precision"]),
        lot_size=step_of(record["amount-precision"]),
        min_order_size=plain(record["limit-order-min-order-amt"]),
        status=status if enabled else "HALTED",
        kind="SPOT",
    )


def _pairs(answer: Record) -> Iterable[Record]:
    """Put each pair's key into it: the spelling that Kraken's other answers use."""
    return ({**record, "key": key} for key, record in answer["result"].items())


Rows = Callable[[Any], Iterable[Record]]
Reader = Callable[[Record], RawListing]
#: By venue slug: where the records are in the answer, and how one is read.
VENUES: Final[dict[str, tuple[Rows, Reader]]] = {
    "binance": (lambda answer: answer["symbols"], _binance),
    "binance-usdm": (lambda answer: answer["symbols"], _binance),
    "binance-coinm": (lambda answer: answer["symbols"], _binance),
    "binanceus": (lambda answer: answer["symbols"], _binance),
    "kraken": (_pairs, _kraken),
    "coinbase": (lambda answer: answer, _coinbase),
    "gate": (lambda answer: answer, _gate),
    "okx": (lambda answer: answer["data"], _okx),
    "kucoin": (lambda answer: answer["data"], _kucoin),
    "htx": (lambda answer: answer["data"], _htx),
}


def _once(pairs: list[tuple[str, Any]]) -> Record:
    """Refuse a JSON object that repeats a key: json.loads would keep the last, silently."""
    record = dict(pairs)
    if len(record) != len(pairs):
        message = f"a key occurs twice among {sorted(key for key, _ in pairs)}"
        raise ValueError(message)
    return record


def read(venue: str, path: Path) -> list[RawListing]:
    """List every market of the file, in its order.

    Raises ValueError, naming the file and the record, for a record that cannot be read, for a
    spelling or alias that two records share, and for a file without records.
    """
    answer = json.loads(
        path.read_bytes(),
        parse_float=str,
        parse_int=str,
        parse_constant=str,
        object_pairs_hook=_once,
    )
    rows, reader = VENUES[venue]
    listings: list[RawListing] = []
    owners: set[str] = set()
    for record in rows(answer):
        try:
            listing = reader(record)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            message = f"{path.name}: {error!r} in {json.dumps(record)[:200]}"
            raise ValueError(message) from error
        spellings = {listing.spelling, *listing.aliases}
        if owners & spellings:
            message = f"{path.name}: {sorted(owners & spellings)} mean two markets"
            raise ValueError(message)
        owners |= spellings
        listings.append(listing)
    if not listings:
        message = f"{path.name}: no records"
        raise ValueError(message)
    return listings
