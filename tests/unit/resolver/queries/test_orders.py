"""Whether an order may be sent, and what it is on the venue's steps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import orders
from cqar_resolver.replication.freshness import STALE_REASON
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.errors import EntityNotFound, Invalid
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import (
    NOW,
    a_flag,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import completed

LISTING = an_id("one")
BUY, SELL = pb.ORDER_SIDE_BUY, pb.ORDER_SIDE_SELL


def listed(**changes: Any) -> Any:
    given = {
        "listing_id": LISTING,
        "status": MarketStatusCode.ONLINE,
        "min_order_size": Decimal("0.0001"),
        "max_order_size": Decimal(100),
        "min_notional": Decimal(10),
        "max_order_value": Decimal(1_000_000),
    }
    return a_venue_symbol(**{**given, **changes})


def check(*entities: Any, stale: pb.Reason | None = None, **fields: Any) -> pb.CheckOrderResponse:
    market = (an_asset(), an_asset("USDT"), a_venue(), completed(a_symbol()), a_venue_asset())
    snapshot = hydrated(encoded(*market, *(entities or (listed(),))))
    given = {"venue_id": "binance", "venue_symbol": "BTCUSDT", **fields}
    query = orders.CheckOrderQuery.from_request(pb.CheckOrderRequest(**given), NOW)
    return query.run(QueryContext(snapshot, stale))


def reasons(found: pb.CheckOrderResponse) -> list[str]:
    assert found.allowed == (not found.reasons)
    return [reason.code for reason in found.reasons]


def test_a_price_is_rounded_to_the_passive_side_and_a_quantity_down() -> None:
    buy = check(price="64000.123", quantity="0.00112345", side=BUY)
    assert (buy.allowed, buy.price, buy.quantity) == (True, "64000.12", "0.00112")
    assert Decimal(buy.notional) == Decimal("64000.12") * Decimal("0.00112")
    sell = check(price="64000.123", quantity="0.00112345", side=SELL)
    assert (sell.allowed, sell.price) == (True, "64000.13")


def test_a_market_order_has_no_price_and_its_notional_is_not_known() -> None:
    found = check(quantity="0.5")
    assert (found.allowed, found.price, found.quantity, found.notional) == (True, "", "0.5", "")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"quantity": "0.000001"}, ["QUANTITY_BELOW_LOT"]),
        ({"quantity": "0.00009"}, ["QUANTITY_BELOW_MINIMUM"]),
        ({"quantity": "100.00001"}, ["QUANTITY_ABOVE_MAXIMUM"]),
        ({"price": "0.001", "side": BUY}, ["PRICE_BELOW_TICK"]),
        ({"price": "1", "quantity": "9", "side": BUY}, ["NOTIONAL_BELOW_MINIMUM"]),
        ({"price": "64000", "quantity": "99", "side": BUY}, ["NOTIONAL_ABOVE_MAXIMUM"]),
    ],
)
def test_the_venues_own_limits_are_told_with_the_listing(
    fields: dict[str, Any], expected: list[str]
) -> None:
    found = check(**fields)
    assert reasons(found) == expected
    assert {(reason.kind, reason.key) for reason in found.reasons} == {("venue_symbol", LISTING)}


def test_of_two_minima_of_its_value_an_order_must_reach_both() -> None:
    for low, high in (("min_notional", "min_order_value"), ("min_order_value", "min_notional")):
        market = listed(**{low: Decimal(5), high: Decimal(50)})
        below = check(market, price="1000", quantity="0.01", side=BUY)
        assert reasons(below) == ["NOTIONAL_BELOW_MINIMUM"]
        assert check(market, price="1000", quantity="0.05", side=BUY).allowed


def test_steps_that_are_only_the_symbols_are_refused_for_orders() -> None:
    own = listed(tick_size=None)
    assert "STEPS_NOT_THE_VENUES" in reasons(check(own, quantity="1"))


def test_a_limit_of_value_that_cannot_be_checked_denies_opening_and_not_getting_out() -> None:
    specs = pb.Specs(
        source=pb.SPECS_SOURCE_VENUE,
        contract_kind=symbol_pb2.CONTRACT_KIND_QUANTO,
        contract_size="1",
        max_notional="1000000",
    )
    for intent, expected in (
        (pb.ORDER_INTENT_OPEN, ["NOTIONAL_UNKNOWN"]),
        (pb.ORDER_INTENT_REDUCE, []),
    ):
        asked = orders.Order("v", "S", Decimal(64000), Decimal(90), BUY, intent)
        against = orders.against(specs, asked, Decimal(64000), Decimal(90), None)
        assert [code for code, _ in against] == expected


def test_who_gets_out_of_a_position_is_not_held_by_flags_or_staleness() -> None:
    flagged = (listed(), a_flag())
    opening = check(*flagged, quantity="1", stale=STALE_REASON)
    assert reasons(opening) == ["FLAG_CRITICAL_BASE", "STALE_SNAPSHOT"]
    reducing = check(*flagged, quantity="1", stale=STALE_REASON, intent=pb.ORDER_INTENT_REDUCE)
    assert reducing.allowed
    halted = listed(status=MarketStatusCode.POST_ONLY)
    assert reasons(check(halted, quantity="1")) == ["LISTING_POST_ONLY"]
    assert check(halted, quantity="1", intent=pb.ORDER_INTENT_POST_ONLY).allowed


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"price": "1e5", "side": BUY}, "price", "MALFORMED"),
        ({"price": "-1", "side": BUY}, "price", "NOT_POSITIVE"),
        ({"quantity": "0"}, "quantity", "NOT_POSITIVE"),
        ({"price": "1"}, "side", "REQUIRED"),
        ({"intent": 9}, "intent", "UNKNOWN"),
    ],
)
def test_what_is_no_order_is_refused_by_field(
    fields: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        check(**fields)
    assert [(v.field, v.reason) for v in caught.value.violations] == [(field, code)]


def test_a_spelling_that_means_nothing_is_not_found() -> None:
    with pytest.raises(EntityNotFound):
        check(venue_symbol="NONE", quantity="1")
