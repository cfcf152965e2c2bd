"""Rounds prices and quantities to a venue's steps, exactly, in the venue's own units. Pure.

A result that is not known is None. Only functions named `round_…` round.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from functools import reduce
from itertools import pairwise
from typing import Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

#: Products of three decimals of 64 characters are exact with this precision.
_EXACT: Final = Context(prec=200)
#: A quotient may have endless digits.
_QUOTIENT: Final = Context(prec=28)
_ZERO: Final = Decimal(0)
#: More than there are bands and decades; if no price is found by then, there is none.
SPANS_MAX: Final = 256


def round_price(specs: pb.Specs, price: Decimal, *, up: bool) -> Decimal | None:
    """Round a price to the nearest step that is not below it (`up`) or not above it.

    Returns:
        None if the steps are unknown or have no price on that side; 0 if all steps are above it.
    """
    return _rounded_up(specs, price) if up else _rounded_down(specs, price)


def _rounded_up(specs: pb.Specs, price: Decimal) -> Decimal | None:
    at = price
    for _ in range(SPANS_MAX):
        span = _span(specs, at)
        if span is None:
            return None
        rounded = _on_step(at, span.tick, up=True)
        if span.end is None or rounded < span.end:
            return rounded
        at = span.end
    return None


def _rounded_down(specs: pb.Specs, price: Decimal) -> Decimal | None:
    span = _span(specs, price)
    rounded = span and _on_step(price, span.tick, up=False)
    ticks = [band.tick_size for band in specs.tick_bands] or [specs.tick_size or "0"]
    least = min(map(Decimal, ticks))
    while span and rounded is not None and rounded < span.begin:
        if span.begin <= least:
            return _ZERO  # no step is that small
        at = span.begin
        span = _span(specs, at, below=True)
        # The last price below the end: a span excludes its end.
        rounded = span and _EXACT.subtract(_on_step(at, span.tick, up=True), span.tick)
    return rounded


def round_quantity(specs: pb.Specs, quantity: Decimal) -> Decimal | None:
    """Round a quantity down to the steps; None if they are unknown."""
    return _on_step(quantity, Decimal(specs.lot_size), up=False) if specs.lot_size else None


def notional(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Price times quantity, in the price's asset; None if the contract size is not known.

    The price's asset of an option that is priced in its base is the base.
    """
    contracts = _contracts(specs, quantity)
    if contracts is None or specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO:
        return None
    if specs.contract_kind == symbol_pb2.CONTRACT_KIND_INVERSE:
        return contracts
    return _EXACT.multiply(contracts, price)


def base_quantity(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Convert a quantity in the venue's order units to units of the base asset.

    Linear: quantity times contract size times unit multiplier, exact. Inverse: quantity times
    contract size, which is in quote units, divided by the price, to 28 digits.
    """
    contracts = _contracts(specs, quantity)
    if contracts is None or specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO:
        return None
    if specs.contract_kind == symbol_pb2.CONTRACT_KIND_INVERSE:
        return _QUOTIENT.divide(contracts, price) if price else None
    return _EXACT.multiply(contracts, Decimal(specs.unit_multiplier or "1"))


def _contracts(specs: pb.Specs, quantity: Decimal) -> Decimal | None:
    """Quantity times contract size; a spot market has no contracts."""
    if specs.contract_size:
        return _EXACT.multiply(quantity, Decimal(specs.contract_size))
    spot = specs.contract_kind == symbol_pb2.CONTRACT_KIND_UNSPECIFIED
    return quantity if spot else None


def _on_step(value: Decimal, step: Decimal, *, up: bool) -> Decimal:
    whole = _EXACT.divide_int(value, step)
    floor = _EXACT.multiply(whole, step)
    return _EXACT.add(floor, step) if up and floor < value else floor


class _Span(NamedTuple):
    """Prices with the same tick: from `begin`, below `end` if it is not None."""

    begin: Decimal
    end: Decimal | None
    tick: Decimal


def _span(specs: pb.Specs, price: Decimal, *, below: bool = False) -> _Span | None:
    """The span that contains a price, or with `below` ends at it; None if no tick is known."""
    spans = [_decade(specs.price_significant_digits, price, below=below)] * (
        specs.price_significant_digits > 0 and price > 0
    )
    if specs.tick_bands:
        spans.append(_band(specs, price, below=below))
    elif specs.tick_size:
        spans.append(_Span(_ZERO, None, Decimal(specs.tick_size)))
    if not spans:
        return None
    ends = [span.end for span in spans if span.end is not None]
    tick = reduce(_common, (span.tick for span in spans))
    return _Span(max(span.begin for span in spans), min(ends, default=None), tick)


def _band(specs: pb.Specs, price: Decimal, *, below: bool) -> _Span:
    """The span of a price band; the first band's tick also applies below it."""
    begin = _ZERO
    for band, following in pairwise(specs.tick_bands):
        end = Decimal(following.from_price)
        if price < end or (below and price == end):
            return _Span(begin, end, Decimal(band.tick_size))
        begin = end
    return _Span(begin, None, Decimal(specs.tick_bands[-1].tick_size))


def _decade(digits: int, price: Decimal, *, below: bool) -> _Span:
    """The span of prices between the same two powers of ten."""
    power = price.adjusted()
    if below and price == Decimal(1).scaleb(power):
        power -= 1
    ends = (Decimal(1).scaleb(power), Decimal(1).scaleb(power + 1))
    return _Span(*ends, Decimal(1).scaleb(power - digits + 1))


def _common(one: Decimal, other: Decimal) -> Decimal:
    """The least common multiple of two steps: prices on both grids are on it."""
    unit = min(one.as_tuple().exponent, other.as_tuple().exponent, 0)
    whole = math.lcm(*(int(step.scaleb(-int(unit), _EXACT)) for step in (one, other)))
    return Decimal(whole).scaleb(int(unit), _EXACT)
