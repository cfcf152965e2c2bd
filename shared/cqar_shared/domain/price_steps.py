"""Prices and quantities on a venue's steps: exact, in the venue's own price and order units. Pure.

What is not known is None, never a guess. No result is rounded but where its name says so.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from functools import reduce
from itertools import pairwise
from typing import Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

#: Products of three decimals of 64 characters are exact in it.
_EXACT: Final = Context(prec=200)
#: Of a quotient, which may have no end.
_QUOTIENT: Final = Context(prec=28)
_ZERO: Final = Decimal(0)
#: More than there are bands and decades. Beyond it no price has so few digits and that tick.
SPANS_MAX: Final = 256


def round_price(specs: pb.Specs, price: Decimal, *, up: bool) -> Decimal | None:
    """The nearest price on the steps that is not below (`up`) or not above it.

    Returns:
        None where the steps are unknown, or have no price on that side; 0 where all are above it.
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
        # The last that is less: a span does not have its end.
        rounded = span and _EXACT.subtract(_on_step(at, span.tick, up=True), span.tick)
    return rounded


def round_quantity(specs: pb.Specs, quantity: Decimal) -> Decimal | None:
    """The largest quantity on the steps that is not above it; None if the steps are unknown."""
    return _on_step(quantity, Decimal(specs.lot_size), up=False) if specs.lot_size else None


def notional(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Price times quantity, in what prices are in; None where a contract's size is not known.

    Of an option that is priced in its base, as some are that settle in it, that is the base.
    """
    contracts = _contracts(specs, quantity)
    if contracts is None or specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO:
        return None
    if specs.contract_kind == symbol_pb2.CONTRACT_KIND_INVERSE:
        return contracts
    return _EXACT.multiply(contracts, price)


def base_quantity(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Canonical units of the base asset in a quantity of the venue's order units.

    Linear: quantity times contract size times unit multiplier, exact. Inverse: quantity times size,
    which is in quote, divided by the price, to 28 digits.
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
    """Prices from `begin` on, below `end` if there is one, that have one tick."""

    begin: Decimal
    end: Decimal | None
    tick: Decimal


def _span(specs: pb.Specs, price: Decimal, *, below: bool = False) -> _Span | None:
    """The span that a price is in, or that ends there; None where no tick is known."""
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
    """Below the first band its tick applies: a venue that begins at zero says so, or means it."""
    begin = _ZERO
    for band, following in pairwise(specs.tick_bands):
        end = Decimal(following.from_price)
        if price < end or (below and price == end):
            return _Span(begin, end, Decimal(band.tick_size))
        begin = end
    return _Span(begin, None, Decimal(specs.tick_bands[-1].tick_size))


def _decade(digits: int, price: Decimal, *, below: bool) -> _Span:
    """The prices with as many digits before the point, or zeros behind it."""
    power = price.adjusted()
    if below and price == Decimal(1).scaleb(power):
        power -= 1
    ends = (Decimal(1).scaleb(power), Decimal(1).scaleb(power + 1))
    return _Span(*ends, Decimal(1).scaleb(power - digits + 1))


def _common(one: Decimal, other: Decimal) -> Decimal:
    """The least step that is a multiple of both: what lies on two grids lies on it."""
    unit = min(one.as_tuple().exponent, other.as_tuple().exponent, 0)
    whole = math.lcm(*(int(step.scaleb(-int(unit), _EXACT)) for step in (one, other)))
    return Decimal(whole).scaleb(int(unit), _EXACT)
