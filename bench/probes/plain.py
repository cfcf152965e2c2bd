"""Lookups in process that are not CQAR's: ccxt's, a dict's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.probes.timing import Key, timed


def ccxt_safe_market(keys: Sequence[Key], seconds: float) -> list[float]:
    """One exchange has all the spellings, as if each were of it."""
    import ccxt  # noqa: PLC0415  (who times a dict need not load it)

    exchange: Any = ccxt.Exchange()
    markets = [
        {
            **exchange.safe_market_structure(),
            "id": spelling,
            "symbol": spelling,
            "base": "B",
            "quote": "Q",
            "spot": True,
            "type": "spot",
            "baseId": "B",
            "quoteId": "Q",
        }
        for _, spelling in keys
    ]
    exchange.set_markets(markets)

    def safe_market(_: str, spelling: str) -> Any:
        return exchange.safe_market(spelling)

    for _, spelling in keys:
        assert exchange.safe_market(spelling)["id"] == spelling
    return timed(safe_market, keys, seconds)


def plain_dict(keys: Sequence[Key], seconds: float) -> list[float]:
    table = {(venue_id, spelling): object() for venue_id, spelling in keys}

    def resolve(venue_id: str, spelling: str) -> object:
        return table[venue_id, spelling]

    return timed(resolve, keys, seconds)
