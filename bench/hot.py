"""Which listings are asked for. Pure."""

from __future__ import annotations

from typing import Final

from bench.registry.market import Market

#: Different spellings that are asked for in turn: what a desk watches.
HOT: Final = 1_000


def hot(market: Market, count: int = HOT) -> list[list[str]]:
    """(venue, spelling) of what is listed, from all over the market, each once."""
    step = max(1, market.listings // count)
    numbers = (_listed(market, number) for number in range(0, market.listings, step))
    return [list(market.spelled(number)) for number in dict.fromkeys(numbers)][:count]


def _listed(market: Market, number: int) -> int:
    """This listing, or the first behind it that has not ended."""
    while market.listing(number).delisted_at is not None:
        number = (number + 1) % market.listings
    return number
