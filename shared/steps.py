"""Prices and quantities on a venue's steps: exact, in the venue's own price and order units. Pure.

What is not known is None, never a guess. No result is rounded but where its name says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import pairwise
from typing import Final

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

#: Products of three decimals of 64 characters are exact in it.
_EXACT: Final = Context(prec=200)
#: Of a quotient, which may have no end.
_QUOTIENT: Final = Context(prec=28)


def round_price(specs: pb.Specs, price: Decimal, *, up: bool) -> Decimal | None:
    """The nearest price on the steps that is not below (`up`) or not above it; None if unknown."""
    rounded = price
    # Rounding may carry a price into the band beside it, whose tick is another.
    for _ in range(len(specs.tick_bands) + 2):
        tick = _tick_at(specs, rounded)
        if tick is None:
            return None
        before, rounded = rounded, _on_step(rounded, tick, up=up)
        if rounded == before:
            return rounded
    return rounded


def round_quantity(specs: pb.Specs, quantity: Decimal) -> Decimal | None:
    """The largest quantity on the steps that is not above it; None if the steps are unknown."""
    return _on_step(quantity, Decimal(specs.lot_size), up=False) if specs.lot_size else None


def notional(specs: pb.Specs, price: Decimal, quantity: Decimal) -> Decimal | None:
    """Price times quantity, in quote units; None where a contract's size is needed and unknown."""
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


def canonical_price(specs: pb.Specs, price: Decimal) -> Decimal:
    """The price of one canonical unit, to 28 digits: a venue's unit may be a thousand of them."""
    return _QUOTIENT.divide(price, Decimal(specs.unit_multiplier or "1"))


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


def _tick_at(specs: pb.Specs, price: Decimal) -> Decimal | None:
    """The coarsest of the ticks that apply at a price."""
    return max(_ticks_at(specs, price), default=None)


def _ticks_at(specs: pb.Specs, price: Decimal) -> Iterator[Decimal]:
    if specs.tick_bands:
        yield _tick_of_band(specs, price)
    elif specs.tick_size:
        yield Decimal(specs.tick_size)
    if specs.price_significant_digits and price:
        yield Decimal(1).scaleb(price.adjusted() - specs.price_significant_digits + 1)


def _tick_of_band(specs: pb.Specs, price: Decimal) -> Decimal:
    """Below the first band its tick applies: a venue that begins at zero says so, or means it."""
    for band, following in pairwise(specs.tick_bands):
        if price < Decimal(following.from_price):
            return Decimal(band.tick_size)
    return Decimal(specs.tick_bands[-1].tick_size)
