"""May this order be sent, and what does it look like on the venue's steps? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import resolve_listing
from cqar_resolver.queries.query import QueryContext
from cqar_shared.domain import decimals, price_steps
from cqar_shared.domain.instant import Instant
from cqar_shared.errors import FieldViolation, Invalid

#: What an intent needs; unsaid, it is the one that needs most.
_PERMISSIONS: Final = {
    pb.ORDER_INTENT_UNSPECIFIED: "open",
    pb.ORDER_INTENT_OPEN: "open",
    pb.ORDER_INTENT_POST_ONLY: "post_only",
    pb.ORDER_INTENT_REDUCE: "reduce",
}


class Order(NamedTuple):
    """What is to be sent, in the venue's own price and order units.

    Attributes:
        price, quantity: None where it is not said; a market order has no price.
    """

    venue_id: str
    spelling: str
    price: Decimal | None
    quantity: Decimal | None
    side: pb.OrderSide.ValueType
    intent: pb.OrderIntent.ValueType


def order_in(request: pb.CheckOrderRequest) -> Order:
    """Read a request.

    Raises:
        Invalid: With every violation.
    """
    violations: list[FieldViolation] = []

    def positive(field: str) -> Decimal | None:
        text = getattr(request, field)
        try:
            value = decimals.parse(text) if text else None
        except ValueError as error:
            violations.append(FieldViolation(field, "MALFORMED", str(error)))
            return None
        if value is not None and value <= 0:
            violations.append(FieldViolation(field, "NOT_POSITIVE", "must be greater than zero"))
        return value

    price, quantity = positive("price"), positive("quantity")
    if request.price and request.side not in (pb.ORDER_SIDE_BUY, pb.ORDER_SIDE_SELL):
        message = "must be said with a price, which is rounded to the passive side"
        violations.append(FieldViolation("side", "REQUIRED", message))
    if request.intent not in _PERMISSIONS:
        violations.append(FieldViolation("intent", "UNKNOWN", f"{request.intent} is no intent"))
    if violations:
        raise Invalid(violations)
    place = request.venue_id, request.venue_symbol
    return Order(*place, price, quantity, request.side, request.intent)


def check(basis: QueryContext, order: Order, now: Instant) -> pb.CheckOrderResponse:
    """Round the order to the steps and say all that stands against it.

    Raises:
        NotFound: The venue or the spelling; naming which.
    """
    found = resolve_listing.resolve(basis, order.venue_id, order.spelling, now)
    specs = found.specs
    permission: pb.Permission = getattr(found.tradeable, _PERMISSIONS[order.intent])
    reasons = list(permission.reasons)
    price = quantity = notional = None
    if order.price is not None:
        price = price_steps.round_price(specs, order.price, up=order.side == pb.ORDER_SIDE_SELL)
    if order.quantity is not None:
        quantity = price_steps.round_quantity(specs, order.quantity)
    if price and quantity:
        notional = price_steps.notional(specs, price, quantity)
    for code, message in against(specs, order, price, quantity, notional):
        listing_id = found.venue_symbol.listing_id
        reasons.append(pb.Reason(code=code, kind="venue_symbol", key=listing_id, message=message))
    return pb.CheckOrderResponse(
        allowed=not reasons,
        reasons=reasons,
        price=_text(price),
        quantity=_text(quantity),
        notional=_text(notional),
    )


def against(
    specs: pb.Specs,
    order: Order,
    price: Decimal | None,
    quantity: Decimal | None,
    notional: Decimal | None,
) -> Iterator[tuple[str, str]]:
    """Yield (code, message) of what the venue's own limits forbid."""
    if specs.source != pb.SPECS_SOURCE_VENUE:
        yield "STEPS_NOT_THE_VENUES", "the venue's own tick or lot is not known"
    elif order.price is not None and price is None:
        yield "STEPS_UNKNOWN", f"no price near {_text(order.price)} is on the venue's steps"
    if order.price is not None and price == 0:
        yield "PRICE_BELOW_TICK", f"{_text(order.price)} is less than one tick"
    if order.quantity is not None and quantity == 0:
        yield "QUANTITY_BELOW_LOT", f"{_text(order.quantity)} is less than {specs.lot_size}"
    if quantity:
        yield from _outside("QUANTITY", quantity, specs.min_order_size, specs.max_order_size)
    limited = (specs.min_notional or specs.max_notional) and price and quantity
    if limited and notional is None and order.intent != pb.ORDER_INTENT_REDUCE:
        yield "NOTIONAL_UNKNOWN", "the venue limits an order's value, which cannot be told here"
    if notional:
        yield from _outside("NOTIONAL", notional, specs.min_notional, specs.max_notional)


def _outside(what: str, value: Decimal, least: str, most: str) -> Iterator[tuple[str, str]]:
    if least and value < Decimal(least):
        yield f"{what}_BELOW_MINIMUM", f"{_text(value)} is less than {least}"
    if most and value > Decimal(most):
        yield f"{what}_ABOVE_MAXIMUM", f"{_text(value)} is more than {most}"


def _text(value: Decimal | None) -> str:
    return "" if value is None else decimals.plain(value)
