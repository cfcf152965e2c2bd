"""Rounds prices and quantities to a venue's steps, exactly, in the venue's own units. Pure.

`order_unit` says what a quantity counts: units of the base, units of the quote, or contracts. Where
it is unset, quantities count contracts if a contract has a size, else units of the base of a spot
market. A result that is not known is None. Only functions named `round_…` round.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from functools import reduce
from itertools import pairwise
from typing import Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

#: Products of three decimals of 64 characters are exact with this precision.
_EXACT: Final = Context(prec=200)
#: A quotient may have endless digits.
_QUOTIENT: Final = Context(prec=28)
_ZERO: Final = Decimal(0)
_Unit = venue_symbol_pb2.OrderUnit
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


def round_quantity(specs: pb.Specs, quantity: Decimal, *, market: bool = False) -> Decimal | None:
    """Round a quantity down to the steps of limit or of market orders; None if they are unknown.

    The step of limit orders is that of market orders, too, where those have none of their own.
    """
    lot = (specs.market_lot_size if market else "") or specs.lot_size
    return _on_step(quantity, Decimal(lot), up=False) if lot else None


def notional(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Price times quantity, in the price's asset; None if it cannot be told.

    The price's asset of an option that is priced in its base is the base. Contracts that are QUANTO
    are worth a sum of the settlement asset.
    """
    if specs.order_unit == _Unit.ORDER_UNIT_BASE:
        return _EXACT.multiply(quantity, price)
    if specs.order_unit == _Unit.ORDER_UNIT_QUOTE:
        return quantity
    contracts = _contracts(specs, quantity)
    if contracts is None or is_in_quote(specs):
        return contracts
    return _EXACT.multiply(contracts, price)


def base_quantity(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Convert a quantity in the venue's order units to canonical units of the base asset.

    Exact, but to 28 digits where the quantity is a sum of quote units and divided by the price.

    Returns:
        None if there is no price to divide by, or if it cannot be told.
    """
    if specs.order_unit in (_Unit.ORDER_UNIT_BASE, _Unit.ORDER_UNIT_QUOTE):
        units: Decimal | None = quantity
    elif specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO:
        return None  # the settlement asset's price in base is not known
    else:
        units = _contracts(specs, quantity)
    if units is None:
        return None
    if is_in_quote(specs):
        if not price:
            return None
        units = _QUOTIENT.divide(units, price)
    return _EXACT.multiply(units, Decimal(specs.unit_multiplier or "1"))


def is_in_quote(specs: pb.Specs) -> bool:
    """Whether quantities count quote units, so that a price says how many base units they are."""
    if specs.order_unit in (_Unit.ORDER_UNIT_BASE, _Unit.ORDER_UNIT_QUOTE):
        return specs.order_unit == _Unit.ORDER_UNIT_QUOTE
    return specs.contract_kind == symbol_pb2.CONTRACT_KIND_INVERSE


def _contracts(specs: pb.Specs, quantity: Decimal) -> Decimal | None:
    """Quantity times contract size.

    A spot market has no contracts, unless its orders count them. Of QUANTO contracts the size is in
    units of the settlement asset, if orders are known to count contracts.
    """
    counted = specs.order_unit == _Unit.ORDER_UNIT_CONTRACT
    if specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO and not counted:
        return None
    if specs.contract_size:
        return _EXACT.multiply(quantity, Decimal(specs.contract_size))
    spot = specs.contract_kind == symbol_pb2.CONTRACT_KIND_UNSPECIFIED
    return quantity if spot and not counted else None


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
