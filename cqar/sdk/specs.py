"""A listing's steps and sizes, and exact arithmetic with them; what is unknown is an error.

All prices and quantities are in the venue's own price and order units; `order_unit` says what a
quantity counts.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.enums import ContractKind, OrderKind, OrderUnit, Side, SpecsSource
from cqar.sdk.errors import StepsUnknown
from cqar.sdk.shown_result import ShownResult
from cqar_shared.domain import price_steps
from cqar_shared.domain.decimals import plain


class TickBand(ShownResult, frozen=True):
    """The tick for prices from `from_price` (inclusive) up."""

    from_price: Decimal
    tick_size: Decimal


class Specs(ShownResult, frozen=True, kw_only=True, dict=True):
    """The steps and sizes that apply at the venue; None: not known.

    Attributes:
        source: SYMBOL's steps are good for display, not for orders.
        tick_size: None also if `tick_bands` or `price_significant_digits` define the tick.
        lot_size, min_order_size, max_order_size: Of limit orders; in `order_unit`.
        min_notional, max_notional: Of limit orders; in the unit of price times quantity.
        contract_size: LINEAR and options: base units in one contract; INVERSE: quote units; QUANTO:
            units of the settlement asset for one unit of price. Orders in BASE or QUOTE units are
            not counted in it.
        unit_multiplier: Canonical base units in one venue unit: 1000 for 1000SHIBUSDT.
        tick_bands: From each price up, its tick; ascending. Empty: the tick is the same everywhere.
        price_significant_digits: The largest number of significant digits of a price.
        order_unit: What the quantity of an order counts; None: not known, and then contracts where
            a contract has a size.
        market_lot_size, market_min_size, market_max_size: Of market orders, where the venue states
            them apart; in `order_unit`. None: those of limit orders apply.
        market_min_notional, market_max_notional: Of market orders; None: their value is not bound.
        min_price, max_price: Of limit orders.
        bid_multiplier_up, bid_multiplier_down: A bid's price may be at most (up) and at least
            (down) this many times a reference price, such as the mark price.
        ask_multiplier_up, ask_multiplier_down: The same of an ask.
        order_types: Upper-case words of the venue; LIMIT and MARKET are always called so. Empty:
            not known.
        time_in_force: Upper-case words of the venue, such as GTC. Empty: not known.
        initial_margin_rate, maintenance_margin_rate: Of the first tier; fractions: 0.05 is 5 %.
        max_leverage: A number of times.
        maker_fee, taker_fee: Fractions: 0.001 is 0.1 %; rebates are negative.
        funding_interval_s: Seconds between two fundings of a perpetual.
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
    order_unit: OrderUnit | None = None
    market_lot_size: Decimal | None = None
    market_min_size: Decimal | None = None
    market_max_size: Decimal | None = None
    market_min_notional: Decimal | None = None
    market_max_notional: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    bid_multiplier_up: Decimal | None = None
    bid_multiplier_down: Decimal | None = None
    ask_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None
    order_types: tuple[str, ...] = ()
    time_in_force: tuple[str, ...] = ()
    initial_margin_rate: Decimal | None = None
    maintenance_margin_rate: Decimal | None = None
    max_leverage: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    funding_interval_s: int | None = None

    def price_to_tick(self, price: Exact, side: Side | str) -> Decimal:
        """Round a price to the venue's tick, to the passive side: `buy` down, `sell` up.

        Raises:
            StepsUnknown: The tick is not known.
        """
        up = Side(side) is Side.SELL
        return _require_known(
            price_steps.round_price(self._message, exact(price), up=up), "its tick"
        )

    def round_size(self, quantity: Exact, *, kind: OrderKind | str = OrderKind.LIMIT) -> Decimal:
        """Round a quantity, which is in `order_unit`, down to the venue's lot.

        Args:
            kind: `market`: the lot of market orders, where the venue states one apart.

        Raises:
            StepsUnknown: The lot is not known.
        """
        market = OrderKind(kind) is OrderKind.MARKET
        rounded = price_steps.round_quantity(self._message, exact(quantity), market=market)
        return _require_known(rounded, "its lot")

    def notional(self, price: Exact, quantity: Exact) -> Decimal:
        """The order's value in the price's unit (quote unless the venue says otherwise), unrounded.

        A quantity in quote units is its own value. QUANTO contracts are worth a sum of the
        settlement asset.

        Raises:
            StepsUnknown: The contract's size is not known, or the contract is QUANTO and what its
                orders count is not known.
        """
        worth = price_steps.notional(self._message, exact(price), exact(quantity))
        return _require_known(worth, "its contract size")

    def to_base_quantity(self, quantity: Exact, price: Exact | None = None) -> Decimal:
        """A quantity, which is in `order_unit`, in canonical units of the base asset.

        Orders in CONTRACT are multiplied by the contract's size, all by the unit multiplier.

        Args:
            price: Needed only where a quantity counts quote units (orders in QUOTE, and INVERSE
                contracts); the result then has 28 digits.

        Raises:
            StepsUnknown: The contract's size is not known, or the contract is QUANTO.
            ValueError: The quantity counts quote units, and no price above 0 was given.
        """
        exact_price = Decimal(0) if price is None else exact(price)
        if not exact_price and price_steps.is_in_quote(self._message):
            raise ValueError("quote units are worth base units at a price only: give one")
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
            market_lot_size=_text(self.market_lot_size),
            order_unit=venue_symbol_pb2.OrderUnit.Value(
                f"ORDER_UNIT_{self.order_unit or OrderUnit.UNSPECIFIED}"
            ),
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
