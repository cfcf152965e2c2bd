"""Checks an order and rounds it to the venue's tick and lot. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, Self

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import resolution
from cqar_shared.domain import decimals, price_steps
from cqar_shared.domain.instant import Instant
from cqar_shared.errors import FieldViolation, Invalid, ServiceNotReady
from cqar_shared.queries.listings import require_spelling
from cqar_shared.queries.query import Query, QueryContext

#: Intent of an order -> the permission that it needs; without an intent, the strictest.
_PERMISSIONS: Final = {
    pb.ORDER_INTENT_UNSPECIFIED: "open",
    pb.ORDER_INTENT_OPEN: "open",
    pb.ORDER_INTENT_POST_ONLY: "post_only",
    pb.ORDER_INTENT_REDUCE: "reduce",
}


class Order(NamedTuple):
    """An order in the venue's own price and order units.

    Attributes:
        price, quantity: None where the order has none; a market order has no price.
    """

    venue_id: str
    venue_symbol: str
    price: Decimal | None
    quantity: Decimal | None
    side: pb.OrderSide.ValueType
    intent: pb.OrderIntent.ValueType


@dataclass(frozen=True, slots=True)
class CheckOrderQuery(Query[pb.CheckOrderResponse]):
    """May an order be sent, and what is it on the venue's tick and lot?

    Attributes:
        stale_is_error: No order is judged while the registry's state may be out of date.
    """

    rpc = "CheckOrder"
    order: Order
    stale_is_error: bool
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(
        cls, request: pb.CheckOrderRequest, now: dt.datetime, *, stale_is_error: bool = False
    ) -> Self:
        require_spelling(request.venue_id, request.venue_symbol)
        return cls(order_in(request), stale_is_error, now)

    def run(self, context: QueryContext) -> pb.CheckOrderResponse:
        """Round the order and name everything that forbids it.

        Raises:
            EntityNotFound: The venue or the spelling does not exist; names which.
            ServiceNotReady: The registry's state may be out of date, and that is an error.
        """
        if self.stale_is_error and context.stale is not None:
            raise ServiceNotReady(f"orders are not judged now: {context.stale.message}")
        order = self.order
        now = Instant.of(self.now)
        found = resolution.resolve(context, order.venue_id, order.venue_symbol, now)
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
        listing_id = found.venue_symbol.listing_id
        for code, message in against(specs, order, price, quantity, notional):
            reason = pb.Reason(code=code, kind="venue_symbol", key=listing_id, message=message)
            reasons.append(reason)
        return pb.CheckOrderResponse(
            allowed=not reasons,
            reasons=reasons,
            price=_text(price),
            quantity=_text(quantity),
            notional=_text(notional),
        )


def order_in(request: pb.CheckOrderRequest) -> Order:
    """Read the order that a request describes.

    Raises:
        Invalid: The request describes no order; names every violation.
    """
    violations: list[FieldViolation] = []

    def positive(name: str) -> Decimal | None:
        text = getattr(request, name)
        try:
            value = decimals.parse(text) if text else None
        except ValueError as error:
            violations.append(FieldViolation(name, "MALFORMED", str(error)))
            return None
        if value is not None and value <= 0:
            violations.append(FieldViolation(name, "NOT_POSITIVE", "must be greater than zero"))
        return value

    price, quantity = positive("price"), positive("quantity")
    if request.price and request.side not in (pb.ORDER_SIDE_BUY, pb.ORDER_SIDE_SELL):
        message = "must be said with a price, which is rounded to the passive side"
        violations.append(FieldViolation("side", "REQUIRED", message))
    if request.intent not in _PERMISSIONS:
        violations.append(FieldViolation("intent", "UNKNOWN", f"{request.intent} is no intent"))
    if violations:
        raise Invalid(violations)
    key = request.venue_id, request.venue_symbol
    return Order(*key, price, quantity, request.side, request.intent)


def against(
    specs: pb.Specs,
    order: Order,
    price: Decimal | None,
    quantity: Decimal | None,
    notional: Decimal | None,
) -> Iterator[tuple[str, str]]:
    """Yield (code, message) of each of the venue's own limits that forbids the order."""
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


def _outside(what: str, value: Decimal, minimum: str, maximum: str) -> Iterator[tuple[str, str]]:
    if minimum and value < Decimal(minimum):
        yield f"{what}_BELOW_MINIMUM", f"{_text(value)} is less than {minimum}"
    if maximum and value > Decimal(maximum):
        yield f"{what}_ABOVE_MAXIMUM", f"{_text(value)} is more than {maximum}"


def _text(value: Decimal | None) -> str:
    return "" if value is None else decimals.plain(value)
