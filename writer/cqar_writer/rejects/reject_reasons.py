"""What a venue refused an order for, by its own code and text. Pure.

Only what a venue's documentation says is read; everything else is OTHER, which doubts nothing.
Codes are of the operator's API pages of errors: Binance "Error codes" (spot, USD-M, COIN-M) and
"Filters"; Bybit v5 "Error Codes"; OKX "Error Code"; Kraken "API Error Messages"; Coinbase Advanced
Trade "Create Order, failure reasons"; Gate "Label list"; BitMEX, Deribit, KuCoin and Hyperliquid by
their texts.
"""

from __future__ import annotations

import re
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb

_R = pb.RejectReason

#: One of `RejectReason`.
Reason = int
TICK: Final = _R.REJECT_REASON_TICK
LOT: Final = _R.REJECT_REASON_LOT
SIZE: Final = _R.REJECT_REASON_SIZE
NOTIONAL: Final = _R.REJECT_REASON_NOTIONAL
PRICE: Final = _R.REJECT_REASON_PRICE
UNKNOWN_SYMBOL: Final = _R.REJECT_REASON_UNKNOWN_SYMBOL
NOT_TRADING: Final = _R.REJECT_REASON_NOT_TRADING
OTHER: Final = _R.REJECT_REASON_OTHER

#: Operator -> its code -> what the order was refused for.
CODES: Final[dict[str, dict[str, Reason]]] = {
    "binance": {
        "-1121": UNKNOWN_SYMBOL,
        "-4001": PRICE,
        "-4002": PRICE,
        "-4004": SIZE,
        "-4005": SIZE,
        "-4013": PRICE,
        "-4014": TICK,
        "-4016": PRICE,
        "-4023": LOT,
        "-4024": PRICE,
        "-4131": PRICE,
        "-4140": NOT_TRADING,
        "-4141": UNKNOWN_SYMBOL,
        "-4164": NOTIONAL,
    },
    "bybit": {
        "110003": PRICE,
        "110074": NOT_TRADING,
        "110094": NOTIONAL,
        "170121": UNKNOWN_SYMBOL,
        "170132": PRICE,
        "170133": PRICE,
        "170134": TICK,
        "170135": SIZE,
        "170136": SIZE,
        "170137": LOT,
        "170140": NOTIONAL,
    },
    "okx": {
        "51001": UNKNOWN_SYMBOL,
        "51006": PRICE,
        "51020": SIZE,
        "51021": UNKNOWN_SYMBOL,
        "51022": NOT_TRADING,
        "51028": NOT_TRADING,
        "51121": LOT,
    },
    "coinbase": {
        "INVALID_PRICE_PRECISION": TICK,
        "INVALID_SIZE_PRECISION": LOT,
        "UNKNOWN_PRODUCT_ID": UNKNOWN_SYMBOL,
    },
    "gate": {
        "INVALID_CURRENCY_PAIR": UNKNOWN_SYMBOL,
        "CONTRACT_NOT_FOUND": UNKNOWN_SYMBOL,
        "AMOUNT_TOO_LITTLE": SIZE,
        "AMOUNT_TOO_MUCH": SIZE,
    },
}
#: Operator -> a part of its text, in lower case -> the same; the first that is there counts.
TEXTS: Final[dict[str, tuple[tuple[str, Reason], ...]]] = {
    "binance": (
        ("filter failure: price_filter", TICK),
        ("filter failure: lot_size", LOT),
        ("filter failure: market_lot_size", LOT),
        ("filter failure: min_notional", NOTIONAL),
        ("filter failure: notional", NOTIONAL),
        ("filter failure: percent_price", PRICE),
        ("parameter 'price' has too much precision", TICK),
        ("parameter 'quantity' has too much precision", LOT),
        ("market is closed", NOT_TRADING),
    ),
    "kraken": (
        ("tick size check failed", TICK),
        ("cost minimum not met", NOTIONAL),
        ("minimum not met", SIZE),
        ("unknown asset pair", UNKNOWN_SYMBOL),
        ("market in cancel_only mode", NOT_TRADING),
        ("market in post_only mode", NOT_TRADING),
        ("market in limit_only mode", NOT_TRADING),
    ),
    "coinbase": (
        ("price is too precise", TICK),
        ("size is too accurate", LOT),
        ("size is too small", SIZE),
        ("funds is too small", NOTIONAL),
        ("product not found", UNKNOWN_SYMBOL),
        ("cancel only mode", NOT_TRADING),
    ),
    "bitmex": (
        ("invalid price ticksize", TICK),
        ("multiple of lot size", LOT),
    ),
    "deribit": (
        ("price_wrong_tick", TICK),
        ("must conform to tick size", TICK),
        ("price_too_high", PRICE),
        ("price_too_low", PRICE),
        ("settlement_in_progress", NOT_TRADING),
    ),
    "kucoin": (
        ("price increment invalid", TICK),
        ("size increment invalid", LOT),
        ("size below the minimum requirement", SIZE),
        ("symbol not exists", UNKNOWN_SYMBOL),
    ),
    "hyperliquid": (
        ("price must be divisible by tick size", TICK),
        ("must have minimum value of", NOTIONAL),
        ("trading is halted", NOT_TRADING),
    ),
}
#: Fields of a listing that a reason speaks against.
FIELDS: Final[dict[Reason, tuple[str, ...]]] = {
    TICK: ("tick_size", "tick_bands", "price_significant_digits", "min_price", "max_price"),
    LOT: ("lot_size", "market_lot_size", "min_order_size", "max_order_size"),
    SIZE: ("min_order_size", "max_order_size", "market_min_size", "market_max_size"),
    NOTIONAL: ("min_notional", "min_order_value", "market_min_notional", "max_order_value"),
    PRICE: (
        *("min_price", "max_price", "bid_multiplier_up", "bid_multiplier_down"),
        *("ask_multiplier_up", "ask_multiplier_down"),
    ),
    UNKNOWN_SYMBOL: ("venue_symbol", "delisted_at"),
    NOT_TRADING: ("status",),
}
_SPACES: Final = re.compile(r"\s+")


def reason_of(operator: str, code: str, message: str) -> Reason:
    """Return what an order was refused for; OTHER where the venue's words are not known."""
    known = CODES.get(operator, {}).get(code.strip())
    if known is not None:
        return known
    text = _SPACES.sub(" ", f"{code} {message}".lower())
    return next((found for part, found in TEXTS.get(operator, ()) if part in text), OTHER)


def doubts(reason: Reason) -> bool:
    """Whether a reason speaks against what the registry states."""
    return reason in FIELDS


def name_of(reason: Reason) -> str:
    """Return a reason's name, such as TICK."""
    name: str = pb.RejectReason.DESCRIPTOR.values_by_number[reason].name
    return name.removeprefix("REJECT_REASON_")
