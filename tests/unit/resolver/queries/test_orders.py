"""Whether an order may be sent, and what it is on the venue's steps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar_resolver.queries import order_limits, orders
from cqar_resolver.queries.order_limits import Order
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


def order(price: str = "", quantity: str = "", **changes: Any) -> Order:
    """A buy order; LIMIT with a price, else MARKET."""
    given: dict[str, Any] = {
        "venue_id": "v",
        "venue_symbol": "S",
        "price": Decimal(price) if price else None,
        "quantity": Decimal(quantity) if quantity else None,
        "side": BUY,
        "intent": pb.ORDER_INTENT_OPEN,
        "kind": pb.ORDER_KIND_LIMIT if price else pb.ORDER_KIND_MARKET,
    }
    return Order(**{**given, **changes})


def objections(specs: pb.Specs, asked: Order) -> dict[str, str]:
    """Message by code."""
    return dict(order_limits.against(specs, asked, orders.on_steps_of(specs, asked)))


def test_a_limit_of_value_that_cannot_be_checked_denies_opening_and_not_getting_out() -> None:
    specs = pb.Specs(
        source=pb.SPECS_SOURCE_VENUE,
        contract_kind=symbol_pb2.CONTRACT_KIND_QUANTO,
        order_unit=venue_symbol_pb2.ORDER_UNIT_CONTRACT,
        contract_size="1",
        tick_size="1",
        lot_size="1",
        max_notional="1000000",
    )
    asked = order("64000", "90")
    assert orders.on_steps_of(specs, asked).notional == 64000 * 90
    assert list(objections(specs, asked)) == ["NOTIONAL_UNKNOWN"]
    assert not objections(specs, order("64000", "90", intent=pb.ORDER_INTENT_REDUCE))


#: Binance's BTCUSDT of 2025-08-07.
BTCUSDT = pb.Specs(
    source=pb.SPECS_SOURCE_VENUE,
    tick_size="0.01",
    lot_size="0.00001",
    min_order_size="0.00001",
    max_order_size="9000",
    market_max_size="97.09521512",
    min_price="0.01",
    max_price="1000000",
    bid_multiplier_up="5",
    bid_multiplier_down="0.2",
    ask_multiplier_up="4",
    ask_multiplier_down="0.5",
    min_notional="5",
    max_notional="9000000",
    market_min_notional="5",
    order_types=["LIMIT", "LIMIT_MAKER", "MARKET"],
)
AT_116000: dict[str, Any] = {"reference_price": Decimal(116_000)}


@pytest.mark.parametrize(
    ("asked", "code", "names"),
    [
        (order(quantity="500", **AT_116000), "QUANTITY_ABOVE_MAXIMUM", "market_max_size"),
        (order(quantity="0.00004", **AT_116000), "NOTIONAL_BELOW_MINIMUM", "min_notional"),
        (order("116000", "95", **AT_116000), "NOTIONAL_ABOVE_MAXIMUM", "max_notional"),
        (order("600000", "0.01", **AT_116000), "PRICE_OUTSIDE_BAND", "price_band"),
        (order("20000", "0.01", **AT_116000), "PRICE_OUTSIDE_BAND", "bid_multiplier_down"),
        (order("2000000", "1"), "PRICE_ABOVE_MAXIMUM", "max_price"),
        (order("1", "9001"), "QUANTITY_ABOVE_MAXIMUM", "max_order_size"),
        (
            order("500000", "1", side=SELL, **AT_116000),
            *("PRICE_OUTSIDE_BAND", "ask_multiplier_up"),
        ),
        (
            order("50000", "1", side=SELL, **AT_116000),
            *("PRICE_OUTSIDE_BAND", "ask_multiplier_down"),
        ),
    ],
)
def test_each_kind_of_order_is_bound_by_its_own_limits_which_the_reason_names(
    asked: Order, code: str, names: str
) -> None:
    (found,) = objections(BTCUSDT, asked).items()
    assert found[0] == code
    assert names in found[1]


@pytest.mark.parametrize(
    "asked",
    [
        order(quantity="95", **AT_116000),
        order(quantity="0.00004"),
        order("116000", "70", **AT_116000),
        order("600000", "0.01"),
        order("400000", "1", side=SELL, **AT_116000),
        order("50000", "1", **AT_116000),
    ],
)
def test_a_limit_of_the_other_kind_or_that_nothing_is_known_to_judge_by_forbids_nothing(
    asked: Order,
) -> None:
    assert not objections(BTCUSDT, asked)


def test_a_lowest_price_may_lie_above_a_price() -> None:
    specs = pb.Specs()
    specs.CopyFrom(BTCUSDT)
    specs.min_price = "10"
    assert "min_price" in objections(specs, order("9", "1"))["PRICE_BELOW_MINIMUM"]


def test_market_orders_have_steps_and_sizes_of_their_own_or_those_of_limit_orders() -> None:
    specs = pb.Specs(
        source=pb.SPECS_SOURCE_VENUE,
        tick_size="1",
        lot_size="0.1",
        min_order_size="0.5",
        max_order_size="100",
    )
    assert "min_order_size" in objections(specs, order(quantity="0.4"))["QUANTITY_BELOW_MINIMUM"]
    assert "max_order_size" in objections(specs, order(quantity="101"))["QUANTITY_ABOVE_MAXIMUM"]
    specs.MergeFrom(pb.Specs(market_lot_size="2", market_min_size="4", market_max_size="200"))
    assert "market_lot_size" in objections(specs, order(quantity="1.9"))["QUANTITY_BELOW_LOT"]
    assert "market_min_size" in objections(specs, order(quantity="2"))["QUANTITY_BELOW_MINIMUM"]
    assert not objections(specs, order(quantity="101"))
    assert orders.on_steps_of(specs, order(quantity="101")).quantity == 100


def test_a_kind_of_order_that_the_venue_does_not_take_is_refused_by_name() -> None:
    specs = pb.Specs()
    specs.CopyFrom(BTCUSDT)
    specs.order_types[:] = ["LIMIT"]
    assert list(objections(specs, order("1", "50"))) == []
    message = objections(specs, order(quantity="1"))["ORDER_TYPE_NOT_ALLOWED"]
    assert message == "MARKET is not among the order_types: LIMIT"


def test_without_a_kind_an_order_with_a_price_is_limit_and_one_without_is_market() -> None:
    only_limit = listed(order_types=("LIMIT",))
    assert check(only_limit, price="64000", quantity="1", side=BUY).allowed
    assert reasons(check(only_limit, quantity="1")) == ["ORDER_TYPE_NOT_ALLOWED"]
    explicit: dict[str, Any] = {"order_kind": pb.ORDER_KIND_MARKET, "reference_price": "64000"}
    found = check(quantity="0.5", **explicit)
    assert (found.allowed, found.price, found.notional) == (True, "", "32000")


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
        ({"order_kind": 9}, "order_kind", "UNKNOWN"),
        ({"order_kind": pb.ORDER_KIND_LIMIT, "quantity": "1"}, "price", "REQUIRED"),
        (
            {"order_kind": pb.ORDER_KIND_MARKET, "price": "1", "side": BUY},
            *("price", "NOT_APPLICABLE"),
        ),
        ({"reference_price": "0"}, "reference_price", "NOT_POSITIVE"),
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
