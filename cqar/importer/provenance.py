"""What of ccxt's market counts: what stands in the venue's own record. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.importer.parsed_market import ParsedMarket
from cqar.importer.raw_numbers import RecordNumbers
from cqar.importer.reviewed_venues import is_reviewed

#: Terms that are dropped where no field of the record states them.
TERMS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "max_order_size",
    "min_notional",
    "contract_size",
    "price_significant_digits",
)
#: Names of fields that may speak of a status; what they say is ccxt's to read.
_STATUS_NAMES: Final = re.compile(
    "status|state|active|enable|disable|tradable|tradeable|tradingallowed|suspend|delist|halt"
)


def drop_untraced(market: ParsedMarket, record: Any) -> ParsedMarket:
    """The market without the numbers of ccxt's that no field of its record states.

    Args:
        record: The venue's own, of any shape.

    Raises:
        ValueError: Its expiry or its strike is such a number: without it, it is another product.
    """
    traces = RecordNumbers(record)
    if market.expiry is not None and not traces.has_instant(market.expiry):
        message = f"no field of the record states the expiry that ccxt reads, {market.expiry}"
        raise ValueError(message)
    if market.strike is not None and not traces.has_number(market.strike):
        message = f"no field of the record states the strike that ccxt reads, {market.strike}"
        raise ValueError(message)
    untraced: dict[str, Decimal | int] = {
        term: value
        for term in TERMS
        if (value := getattr(market, term)) is not None and not traces.has(term, value)
    }
    return msgspec.structs.replace(
        market,
        **dict.fromkeys(untraced),
        untraced=untraced,
        is_status_stated=market.is_status_stated
        and any(_STATUS_NAMES.search("".join(leaf.path)) for leaf in traces.leaves),
    )


def settle_untraced(market: ParsedMarket, ccxt_id: str) -> ParsedMarket:
    """The market after its corrections: a term that one of them states is no longer untraced."""
    left = {t: value for t, value in market.untraced.items() if getattr(market, t) is None}
    reviewed = is_reviewed(ccxt_id, market.symbol_type)
    return msgspec.structs.replace(market, untraced=left, is_reviewed=reviewed)
