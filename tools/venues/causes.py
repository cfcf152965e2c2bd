"""Why ccxt reads a field otherwise than the venue states it, and who is right."""

from __future__ import annotations

from typing import Final, NamedTuple

from tools.venues.ccxt_comparison import NOTHING, Disagreement


class Cause(NamedTuple):
    """A cause of disagreements.

    Attributes:
        right: Who is right: `CQAR`, `ccxt`, or `both` where each is right in its own words.
    """

    right: str
    why: str


class NoCause(Exception):
    """A disagreement that nobody has explained."""


#: How ccxt differs: it states what we leave out, leaves out what we state, or states another value.
ADDS, OMITS, OTHER = "adds", "omits", "other"

_ONE_BASE: Final = Cause(
    "both",
    "Orders count the base, and no field states a size of contracts. ccxt fills in 1, which means"
    " the same.",
)
_NOT_READ: Final = "ccxt does not read it"
_NEVER_A_BIT: Final = "ccxt has one bit for a status"

#: (operator, field, how ccxt differs) -> the cause. Testnets are their operator's.
CAUSES: Final[dict[tuple[str, str, str], Cause]] = {
    ("binance", "contract_size", ADDS): _ONE_BASE,
    ("binance", "record", ADDS): Cause(
        "CQAR",
        "The record is broken: contractType is empty, or a tick is 0. ccxt reads a market with it;"
        " to us it is unreadable.",
    ),
    ("binance", "status", OTHER): Cause(
        "CQAR",
        "isSpotTradingAllowed is false; the permission is LEVERAGED alone. ccxt takes the word"
        " TRADING.",
    ),
    ("bitget", "contract_size", ADDS): _ONE_BASE,
    ("bitget", "max_order_size", ADDS): Cause(
        "CQAR", "maxTradeAmount of 900000000000000000000 is a placeholder for no limit."
    ),
    ("bitget", "max_order_size", OMITS): Cause("CQAR", f"maxOrderQty states it; {_NOT_READ}."),
    ("bybit", "contract_size", ADDS): Cause(
        "both",
        "Orders count the base (inverse: the quote), and no field states a size of contracts. ccxt"
        " fills in 1, and for inverse contracts the smallest quantity.",
    ),
    ("bybit", "min_order_size", ADDS): Cause(
        "CQAR", "Bybit says that spot's minOrderQty is no longer checked; minOrderAmt is."
    ),
    ("bybit", "min_notional", OMITS): Cause("CQAR", f"minNotionalValue states it; {_NOT_READ}."),
    ("coinbase", "min_order_size", OMITS): Cause(
        "CQAR", f"base_min_size of 2021 states it; {_NOT_READ}, as Coinbase sends it no more."
    ),
    ("coinbase", "max_order_size", OMITS): Cause(
        "CQAR", f"base_max_size of 2021 states it; {_NOT_READ}, as Coinbase sends it no more."
    ),
    ("coinbase", "min_notional", ADDS): Cause(
        "CQAR",
        "min_market_funds (quote_min_size) is the least value of a market order. ccxt takes it for"
        " every order's.",
    ),
    ("coinbase", "expiry", OMITS): Cause(
        "CQAR",
        "contract_expiry_type is EXPIRING and contract_expiry is stated. ccxt calls the contract a"
        " swap, since its display name has PERP.",
    ),
    ("deribit", "contract_size", ADDS): Cause(
        "both",
        "Orders count the base (inverse futures: US dollars). contract_size converts the field"
        " `contracts`, which an order may have instead of `amount`; ccxt passes it on.",
    ),
    ("deribit", "expiry", ADDS): Cause(
        "CQAR",
        "A combination has no expiry of its own: its legs have. ccxt states that of the first.",
    ),
    ("dydx", "contract_size", ADDS): _ONE_BASE,
    ("gate", "min_order_size", ADDS): Cause(
        "CQAR", "Where min_base_amount is absent, ccxt takes the step of quantities for it."
    ),
    ("gate", "max_order_size", OMITS): Cause("CQAR", f"max_base_amount states it; {_NOT_READ}."),
    ("gate", "status", OTHER): Cause(
        "CQAR", f"in_delisting is true: only orders that reduce are taken. {_NEVER_A_BIT}."
    ),
    ("gate", "record", ADDS): Cause(
        "CQAR",
        "The documentation's sample states a maintenance rate of 1000000, which is no fraction. To"
        " us the record is unreadable.",
    ),
    ("kraken", "status", ADDS): Cause(
        "CQAR", "Kraken's records of 2021 have no status. ccxt takes all 304 for inactive."
    ),
    ("kraken", "status", OTHER): Cause(
        "CQAR", "post_only takes orders that rest in the book. ccxt says inactive of it."
    ),
    ("kucoin", "min_order_size", ADDS): Cause(
        "CQAR", "No field states a minimum. ccxt takes lotSize, the step, for it."
    ),
    ("okx", "contract_size", OTHER): Cause(
        "CQAR",
        "The size is ctVal times ctMult: 1 times 0.01 BTC of an option. ccxt takes ctVal alone.",
    ),
    ("upbit", "tick_size", ADDS): Cause("CQAR", "Upbit lists names alone. ccxt makes 1e-8 up."),
    ("upbit", "lot_size", ADDS): Cause("CQAR", "Upbit lists names alone. ccxt makes 1e-8 up."),
    ("upbit", "status", ADDS): Cause("CQAR", "Upbit lists no status. ccxt says active of all."),
}


def how(difference: Disagreement) -> str:
    """How ccxt's value differs from ours."""
    if difference.ours == NOTHING:
        return ADDS
    return OMITS if difference.ccxts == NOTHING else OTHER


def cause_of(operator: str, difference: Disagreement) -> Cause:
    """The cause of a disagreement.

    Raises:
        NoCause: Nobody has written one down.
    """
    key = (operator.removesuffix("-testnet"), difference.field, how(difference))
    found = CAUSES.get(key)
    if found is None:
        raise NoCause(
            f"{difference.file}: {difference.spelling}: {difference.field} is {difference.ours}"
            f" to us and {difference.ccxts} to ccxt. Find out why, and add {key} to"
            " tools/venues/causes.py"
        )
    return found
