"""A listing's steps and sizes, and exact arithmetic with them; what is unknown is an error.

All prices and quantities are in the venue's own price and order units.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property

import msgspec
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.enums import ContractKind, Side, SpecsSource
from cqar.sdk.errors import StepsUnknown
from cqar_shared.domain import price_steps
from cqar_shared.domain.decimals import plain


class TickBand(msgspec.Struct, frozen=True):
    """The tick for prices from `from_price` (inclusive) up."""

    from_price: Decimal
    tick_size: Decimal


class Specs(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The steps and sizes that apply at the venue; None: not known.

    Attributes:
        source: SYMBOL's steps are good for display, not for orders.
        tick_size: None also if `tick_bands` or `price_significant_digits` define the tick.
        contract_size: LINEAR: base units in one contract; INVERSE: quote units.
        unit_multiplier: Canonical base units in one venue unit: 1000 for 1000SHIBUSDT.
    """

    source: SpecsSource
    tick_size: Decimal | None
    lot_size: Decimal | None
    min_order_size: Decimal | None
    max_order_size: Decimal | None
    min_notional: Decimal | None
    max_notional: Decimal | None
    contract_size: Decimal | None
    unit_multiplier: Decimal
    contract_kind: ContractKind
    tick_bands: tuple[TickBand, ...]
    price_significant_digits: int | None

    def price_to_tick(self, price: Exact, side: Side | str) -> Decimal:
        """Round a price to the venue's tick, to the passive side: `buy` down, `sell` up.

        Raises:
            StepsUnknown: The tick is not known.
        """
        up = Side(side) is Side.SELL
        return _require_known(
            price_steps.round_price(self._message, exact(price), up=up), "its tick"
        )

    def round_size(self, quantity: Exact) -> Decimal:
        """Round a quantity down to the venue's lot.

        Raises:
            StepsUnknown: The lot is not known.
        """
        return _require_known(price_steps.round_quantity(self._message, exact(quantity)), "its lot")

    def notional(self, price: Exact, quantity: Exact) -> Decimal:
        """The order's value in the price's unit (quote unless the venue says otherwise), unrounded.

        Raises:
            StepsUnknown: The contract's size is not known, or the contract is QUANTO.
        """
        worth = price_steps.notional(self._message, exact(price), exact(quantity))
        return _require_known(worth, "its contract size")

    def to_base_quantity(self, quantity: Exact, price: Exact | None = None) -> Decimal:
        """A quantity in canonical units of the base asset: times contract size and unit multiplier.

        Args:
            price: Needed for INVERSE contracts only, whose size is in quote; the result then has
                28 digits.

        Raises:
            StepsUnknown: The contract's size is not known, or the contract is QUANTO.
            ValueError: The contract is INVERSE, and no price above 0 was given.
        """
        exact_price = Decimal(0) if price is None else exact(price)
        if self.contract_kind is ContractKind.INVERSE and not exact_price:
            raise ValueError("an INVERSE contract is worth base units at a price only: give one")
        return _require_known(
            price_steps.base_quantity(self._message, exact_price, exact(quantity)),
            "its contract size",
        )

    @cached_property
    def _message(self) -> pb.Specs:
        """The form that `cqar_shared.domain.price_steps` takes."""
        return pb.Specs(
            tick_size=_text(self.tick_size),
            lot_size=_text(self.lot_size),
            contract_size=_text(self.contract_size),
            unit_multiplier=_text(self.unit_multiplier),
            contract_kind=symbol_pb2.ContractKind.Value(f"CONTRACT_KIND_{self.contract_kind}"),
            tick_bands=[
                venue_symbol_pb2.TickBand(
                    from_price=plain(band.from_price), tick_size=plain(band.tick_size)
                )
                for band in self.tick_bands
            ],
            price_significant_digits=self.price_significant_digits or 0,
        )


def _require_known(value: Decimal | None, name: str) -> Decimal:
    if value is None:
        raise StepsUnknown(f"{name} is not known here")
    return value


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
