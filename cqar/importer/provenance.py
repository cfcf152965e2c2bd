"""What of ccxt's market counts: what stands in the venue's own record. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.importer.market import Market, UnreadableRecord
from cqar.importer.raw_numbers import RecordNumbers

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


def drop_untraced(market: Market, record: Any) -> tuple[Market, dict[str, Decimal | int]]:
    """The market without what no field of its record states.

    Args:
        record: The venue's own, of any shape.

    Returns:
        The market, and the terms that were dropped, with ccxt's values.

    Raises:
        UnreadableRecord: Its expiry or its strike is such a number: without it, it is another
            product.
    """
    traces = RecordNumbers(record)
    if market.expiry is not None and not traces.has_instant(market.expiry):
        message = f"no field of the record states the expiry that ccxt reads, {market.expiry}"
        raise UnreadableRecord(message)
    if market.strike is not None and not traces.has_number(market.strike):
        message = f"no field of the record states the strike that ccxt reads, {market.strike}"
        raise UnreadableRecord(message)
    untraced: dict[str, Decimal | int] = {
        term: value
        for term in TERMS
        if (value := getattr(market, term)) is not None and not traces.has(term, value)
    }
    is_status_stated = any(_STATUS_NAMES.search("".join(leaf.path)) for leaf in traces.leaves)
    status = market.status if is_status_stated else None
    return msgspec.structs.replace(market, **dict.fromkeys(untraced), status=status), untraced
