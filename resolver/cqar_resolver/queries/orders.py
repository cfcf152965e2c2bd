"""Checks an order and rounds it to the venue's tick and lot. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Self

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import order_limits, resolution
from cqar_resolver.queries.order_limits import OnSteps, Order
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
#: Without a kind, an order with a price is LIMIT, else MARKET.
_KINDS: Final = (pb.ORDER_KIND_UNSPECIFIED, pb.ORDER_KIND_LIMIT, pb.ORDER_KIND_MARKET)


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
        order, now = self.order, Instant.of(self.now)
        found = resolution.resolve(context, order.venue_id, order.venue_symbol, now)
        specs = found.specs
        permission: pb.Permission = getattr(found.tradeable, _PERMISSIONS[order.intent])
        reasons = list(permission.reasons)
        on_steps = on_steps_of(specs, order)
        listing_id = found.venue_symbol.listing_id
        for code, message in order_limits.against(specs, order, on_steps):
            reason = pb.Reason(code=code, kind="venue_symbol", key=listing_id, message=message)
            reasons.append(reason)
        age_ms = found.facts_age_ms if found.HasField("facts_age_ms") else None
        return pb.CheckOrderResponse(
            facts_age_ms=age_ms,
            canary_group=found.canary_group,
            allowed=not reasons,
            reasons=reasons,
            price=order_limits.text(on_steps.price),
            quantity=order_limits.text(on_steps.quantity),
            notional=order_limits.text(on_steps.notional),
        )


def on_steps_of(specs: pb.Specs, order: Order) -> OnSteps:
    """Round an order; a market order is valued at the reference price, if there is one."""
    price = quantity = notional = None
    if order.price is not None:
        price = price_steps.round_price(specs, order.price, up=order.side == pb.ORDER_SIDE_SELL)
    if order.quantity is not None:
        quantity = price_steps.round_quantity(specs, order.quantity, market=order.is_market)
    worth_at = order.reference_price if order.is_market else price
    if worth_at and quantity:
        notional = price_steps.notional(specs, worth_at, quantity)
    return OnSteps(price, quantity, notional)


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
    reference_price = positive("reference_price")
    if request.price and request.side not in (pb.ORDER_SIDE_BUY, pb.ORDER_SIDE_SELL):
        message = "must be said with a price, which is rounded to the passive side"
        violations.append(FieldViolation("side", "REQUIRED", message))
    if request.intent not in _PERMISSIONS:
        violations.append(FieldViolation("intent", "UNKNOWN", f"{request.intent} is no intent"))
    violations += _against_kind(request)
    if violations:
        raise Invalid(violations)
    kind = request.order_kind or (pb.ORDER_KIND_LIMIT if request.price else pb.ORDER_KIND_MARKET)
    return Order(
        venue_id=request.venue_id,
        venue_symbol=request.venue_symbol,
        price=price,
        quantity=quantity,
        side=request.side,
        intent=request.intent,
        kind=kind,
        reference_price=reference_price,
    )


def _against_kind(request: pb.CheckOrderRequest) -> Iterator[FieldViolation]:
    kind = request.order_kind
    if kind not in _KINDS:
        yield FieldViolation("order_kind", "UNKNOWN", f"{kind} is no kind of order")
    elif kind == pb.ORDER_KIND_LIMIT and not request.price:
        yield FieldViolation("price", "REQUIRED", "a LIMIT order has a price")
    elif kind == pb.ORDER_KIND_MARKET and request.price:
        message = "a MARKET order has no price: what it is valued at is the reference_price"
        yield FieldViolation("price", "NOT_APPLICABLE", message)
