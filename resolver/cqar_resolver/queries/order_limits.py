"""The venue's own limits that an order must keep, by its kind. Pure; each message names the field.

A limit order keeps `min_price` and `max_price`, the bands relative to a reference price if one is
given, `min_order_size`, `max_order_size`, `min_notional` and `max_notional`. A market order keeps
`market_lot_size`, `market_min_size` and `market_max_size`, each that of limit orders where the
venue states none apart, and, if a reference price is given, `market_min_notional` and
`market_max_notional`: those of limit orders do not bind it unless the venue says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Final, NamedTuple

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain import decimals

#: A code and its message.
Objection = tuple[str, str]

#: The product of two decimals of 64 characters is exact with this precision.
_EXACT: Final = Context(prec=200)


class Order(NamedTuple):
    """An order in the venue's own price and order units.

    Attributes:
        price, quantity: None where the order has none; a market order has no price.
        kind: LIMIT or MARKET.
        reference_price: What the venue's bands are relative to, and what a market order is valued
            at; None: neither is judged.
    """

    venue_id: str
    venue_symbol: str
    price: Decimal | None
    quantity: Decimal | None
    side: pb.OrderSide.ValueType
    intent: pb.OrderIntent.ValueType
    kind: pb.OrderKind.ValueType
    reference_price: Decimal | None = None

    @property
    def is_market(self) -> bool:
        return self.kind == pb.ORDER_KIND_MARKET


class OnSteps(NamedTuple):
    """An order's price and quantity on the venue's steps, and its value; None: not known."""

    price: Decimal | None
    quantity: Decimal | None
    notional: Decimal | None


class _Bounds(NamedTuple):
    """Names of the fields of `Specs` that bound a value."""

    minimum: str
    maximum: str


_LIMIT_SIZE: Final = _Bounds("min_order_size", "max_order_size")
_LIMIT_NOTIONAL: Final = _Bounds("min_notional", "max_notional")
_MARKET_NOTIONAL: Final = _Bounds("market_min_notional", "market_max_notional")
_PRICE: Final = _Bounds("min_price", "max_price")
#: Of each side, the multiples of the reference price: at least, at most.
_BANDS: Final = {
    pb.ORDER_SIDE_BUY: _Bounds("bid_multiplier_down", "bid_multiplier_up"),
    pb.ORDER_SIDE_SELL: _Bounds("ask_multiplier_down", "ask_multiplier_up"),
}
#: What a market order is bound by, in the words of limit orders.
_OF_MARKET_ORDERS: Final = {
    "market_min_notional": "market_min_notional: the min_notional of market orders",
    "market_max_notional": "market_max_notional: the max_notional of market orders",
}


def against(specs: pb.Specs, order: Order, on_steps: OnSteps) -> Iterator[Objection]:
    """Yield code and message of each of the venue's own limits that forbids the order."""
    yield from _against_steps(specs, order, on_steps)
    if specs.order_types:
        kind = "MARKET" if order.is_market else "LIMIT"
        if kind not in specs.order_types:
            stated = ", ".join(specs.order_types)
            yield "ORDER_TYPE_NOT_ALLOWED", f"{kind} is not among the order_types: {stated}"
    if on_steps.price and not order.is_market:
        yield from _outside("PRICE", on_steps.price, specs, _PRICE)
        if order.reference_price:
            yield from _outside_band(specs, order, on_steps.price)
    if on_steps.quantity:
        sizes = _market_sizes(specs) if order.is_market else _LIMIT_SIZE
        yield from _outside("QUANTITY", on_steps.quantity, specs, sizes)
        yield from _against_value(specs, order, on_steps)


def _against_steps(specs: pb.Specs, order: Order, on_steps: OnSteps) -> Iterator[Objection]:
    if specs.source != pb.SPECS_SOURCE_VENUE:
        yield "STEPS_NOT_THE_VENUES", "the venue's own tick or lot is not known"
    elif order.price is not None and on_steps.price is None:
        yield "STEPS_UNKNOWN", f"no price near {text(order.price)} is on the venue's steps"
    if order.price is not None and on_steps.price == 0:
        yield "PRICE_BELOW_TICK", f"{text(order.price)} is less than one tick"
    if order.quantity is not None and on_steps.quantity == 0:
        field = _or_limit(specs, "market_lot_size", "lot_size") if order.is_market else "lot_size"
        lot = getattr(specs, field)
        yield "QUANTITY_BELOW_LOT", f"{text(order.quantity)} is less than {lot} ({field})"


def _against_value(specs: pb.Specs, order: Order, on_steps: OnSteps) -> Iterator[Objection]:
    worth_at = order.reference_price if order.is_market else on_steps.price
    bounds = _MARKET_NOTIONAL if order.is_market else _LIMIT_NOTIONAL
    if not worth_at or not any(getattr(specs, field) for field in bounds):
        return
    # What a QUANTO contract is worth is no sum of the unit that the venue's limits are in.
    in_contracts = specs.order_unit == venue_symbol_pb2.ORDER_UNIT_CONTRACT
    is_quanto = specs.contract_kind == symbol_pb2.CONTRACT_KIND_QUANTO and in_contracts
    if on_steps.notional is not None and not is_quanto:
        yield from _outside("NOTIONAL", on_steps.notional, specs, bounds)
    elif order.intent != pb.ORDER_INTENT_REDUCE:
        limits = " and ".join(field for field in bounds if getattr(specs, field))
        yield "NOTIONAL_UNKNOWN", f"the venue states {limits}; the value cannot be told here"


def _market_sizes(specs: pb.Specs) -> _Bounds:
    return _Bounds(
        _or_limit(specs, "market_min_size", _LIMIT_SIZE.minimum),
        _or_limit(specs, "market_max_size", _LIMIT_SIZE.maximum),
    )


def _or_limit(specs: pb.Specs, of_market: str, of_limit: str) -> str:
    """The field that bounds a market order: its own if the venue states it."""
    return of_market if getattr(specs, of_market) else of_limit


def _outside(what: str, value: Decimal, specs: pb.Specs, bounds: _Bounds) -> Iterator[Objection]:
    minimum, maximum = getattr(specs, bounds.minimum), getattr(specs, bounds.maximum)
    if minimum and value < Decimal(minimum):
        name = _OF_MARKET_ORDERS.get(bounds.minimum, bounds.minimum)
        yield f"{what}_BELOW_MINIMUM", f"{text(value)} is less than {minimum} ({name})"
    if maximum and value > Decimal(maximum):
        name = _OF_MARKET_ORDERS.get(bounds.maximum, bounds.maximum)
        yield f"{what}_ABOVE_MAXIMUM", f"{text(value)} is more than {maximum} ({name})"


def _outside_band(specs: pb.Specs, order: Order, price: Decimal) -> Iterator[Objection]:
    reference = order.reference_price
    bounds = _BANDS.get(order.side)
    if bounds is None or reference is None:
        return
    low, high = getattr(specs, bounds.minimum), getattr(specs, bounds.maximum)
    outside = f"price_band: {text(price)} is"
    if low and price < _EXACT.multiply(Decimal(low), reference):
        bound = f"{low} ({bounds.minimum}) times {text(reference)}"
        yield "PRICE_OUTSIDE_BAND", f"{outside} less than {bound}"
    if high and price > _EXACT.multiply(Decimal(high), reference):
        bound = f"{high} ({bounds.maximum}) times {text(reference)}"
        yield "PRICE_OUTSIDE_BAND", f"{outside} more than {bound}"


def text(value: Decimal | None) -> str:
    return "" if value is None else decimals.plain(value)
