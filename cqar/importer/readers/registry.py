"""Every reader: the product line of a venue id, and the venue id that a ccxt exchange means."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Final, cast

from cqar.importer.readers.product_line import ProductLine

#: Modules of this package that read a venue.
READERS: Final = (
    "binance",
    "bithumb",
    "bitmex",
    "bitstamp",
    "bitvavo",
    "coinbase",
    "cryptocom",
    "gemini",
    "kraken",
    "krakenfutures",
    "phemex",
    "poloniex",
    "upbit",
)


@lru_cache(1)
def product_lines() -> dict[str, ProductLine]:
    """All product lines, by venue id."""
    found: dict[str, ProductLine] = {}
    for name in READERS:
        module = importlib.import_module(f"{__package__}.{name}")
        for line in module.PRODUCT_LINES:
            if line.venue_id in found:
                message = f"two readers have the venue id {line.venue_id}"
                raise ValueError(message)
            found[line.venue_id] = line
    return found


@lru_cache(256)
def product_line_of(venue_id: str) -> ProductLine | None:
    """The reader of a venue; None if it has none.

    A module whose venue has lines of any number (Hyperliquid's exchanges of builders) makes them
    by `product_line_of`.
    """
    if found := product_lines().get(venue_id):
        return found
    for name in READERS:
        make = getattr(importlib.import_module(f"{__package__}.{name}"), "product_line_of", None)
        if make is not None and (line := make(venue_id)) is not None:
            return cast("ProductLine", line)
    return None
