"""A listing's steps and sizes, and what is computed from them: exact, or an error, never a guess.

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
    """From this price on (inclusive) prices move in this tick."""

    from_price: Decimal
    tick_size: Decimal


class Specs(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What applies at the venue; None: not known.

    Attributes:
        source: Steps of SYMBOL are good for display, not for orders.
        tick_size: None also where `tick_bands` or `price_significant_digits` say it.
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
        """The nearest price on the venue's steps that is not worse: `buy` down, `sell` up.

        Raises:
            StepsUnknown: The tick is not known.
        """
        up = Side(side) is Side.SELL
        return _require_known(
            price_steps.round_price(self._message, exact(price), up=up), "its tick"
        )

    def round_size(self, quantity: Exact) -> Decimal:
        """The largest quantity on the venue's steps that is not more.

        Raises:
            StepsUnknown: The lot is not known.
        """
        return _require_known(price_steps.round_quantity(self._message, exact(quantity)), "its lot")

    def notional(self, price: Exact, quantity: Exact) -> Decimal:
        """The order's worth in what prices are in, not rounded: quote, unless the venue says else.

        Raises:
            StepsUnknown: It is of contracts whose size is not known, or QUANTO.
        """
        worth = price_steps.notional(self._message, exact(price), exact(quantity))
        return _require_known(worth, "its contract size")

    def to_base_quantity(self, quantity: Exact, price: Exact | None = None) -> Decimal:
        """Canonical units of the base asset: quantity, contract size and unit multiplier together.

        Args:
            price: Needed for INVERSE contracts only, whose size is in quote; then to 28 digits.

        Raises:
            StepsUnknown: It is of contracts whose size is not known, or QUANTO.
            ValueError: INVERSE, and no price above 0 was given.
        """
        given = exact(quantity)
        at = Decimal(0) if price is None else exact(price)
        if self.contract_kind is ContractKind.INVERSE and not at:
            raise ValueError("an INVERSE contract is worth base units at a price only: give one")
        return _require_known(
            price_steps.base_quantity(self._message, at, given), "its contract size"
        )

    @cached_property
    def _message(self) -> pb.Specs:
        """As `cqar_shared.domain.price_steps` takes it."""
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


def _require_known(value: Decimal | None, what: str) -> Decimal:
    if value is None:
        raise StepsUnknown(f"{what} is not known here")
    return value


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
