"""Whether a listing's steps are coarser than they were, or finer by more than ten times. Pure.

An order that was on the grid may be off a coarser one. Steps that are much finer look like another
unit, or like a value that a venue or a reader took from the wrong field. A step that is no longer
stated is the coarsest of all: no order can be known to be on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

#: Ticks are one step, wherever they stand: of all prices, or by bands.
TICKS: Final = ("tick_size", "tick_bands")
#: The other steps and minimums, each a number of its own.
SIZES: Final = (
    *("lot_size", "min_order_size", "market_lot_size", "market_min_size"),
    *("min_notional", "market_min_notional", "min_order_value"),
)
#: More digits are finer.
DIGITS: Final = "price_significant_digits"
STEP_FIELDS: Final = (*TICKS, *SIZES, DIGITS)
#: A step that is finer by more than so many times is looked at.
FINER_TIMES_MAX: Final = 10


def is_coarser(field: str, before: VenueSymbol, after: VenueSymbol) -> bool:
    """Whether a step of a listing is coarser, finer by more than ten times, or no longer stated.

    Args:
        field: One of `STEP_FIELDS` in which the two differ; it was known before.
    """
    return any(_looks_wrong(*steps) for steps in _step_pairs(field, before, after))


def was_known(field: str, before: VenueSymbol) -> bool:
    """Whether a step was known: of ticks, in either form."""
    if field in TICKS:
        return bool(_ticks(before))
    return getattr(before, field) is not None


def _step_pairs(
    field: str, before: VenueSymbol, after: VenueSymbol
) -> Iterator[tuple[Decimal, Decimal | None]]:
    """The step before and after, at each price at which one of them changes."""
    if field in TICKS:
        ticks, new_ticks = _ticks(before), _ticks(after)
        for price in sorted({*ticks, *new_ticks}):
            tick = _tick_at(ticks, price)
            if tick is not None:
                yield tick, _tick_at(new_ticks, price)
        return
    step, new_step = getattr(before, field), getattr(after, field)
    if field == DIGITS:
        digits = None if new_step is None else Decimal(1).scaleb(-new_step)
        yield Decimal(1).scaleb(-step), digits
    else:
        yield step, new_step


def _looks_wrong(before: Decimal, after: Decimal | None) -> bool:
    return after is None or after > before or after * FINER_TIMES_MAX < before


def _ticks(listing: VenueSymbol) -> dict[Decimal, Decimal]:
    """From which price on which tick holds, in ascending order; the first one holds below, too."""
    if listing.tick_bands:
        return {band.from_price: band.tick_size for band in listing.tick_bands}
    return {} if listing.tick_size is None else {Decimal(0): listing.tick_size}


def _tick_at(ticks: dict[Decimal, Decimal], price: Decimal) -> Decimal | None:
    found = next(iter(ticks.values()), None)
    for start, tick in ticks.items():
        if start <= price:
            found = tick
    return found
