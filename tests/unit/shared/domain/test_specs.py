"""Which steps apply to a listing: its own, or the symbol's in the same units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import as_of, price_steps, tradeability
from cqar_shared.domain.kinds.symbol import SYMBOL, ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    TERMS,
    VENUE_SYMBOL,
    ListingTickBand,
    MarketStatusCode,
    OrderUnitCode,
)
from tests.support.entity_builders import (
    a_symbol,
    a_venue_symbol,
    an_id,
)
from tests.support.memory_registry_view import changed


def listing(name: str = "one", /, **changes: Any) -> Any:
    given = {"listing_id": an_id(name), "status": MarketStatusCode.ONLINE, **changes}
    return entity_codec.to_message(VENUE_SYMBOL, a_venue_symbol(**given))


STEPS: dict[str, Any] = dict.fromkeys(TERMS)
DEFAULTS = a_symbol(
    tick_size=Decimal("0.5"),
    lot_size=Decimal("0.1"),
    min_order_size=Decimal(1),
    max_order_size=Decimal(9),
    min_notional=Decimal(5),
    contract_size=Decimal(100),
)


def specs(terms: dict[str, Any], symbol: Any = DEFAULTS) -> pb.Specs:
    message: Any = entity_codec.to_message(SYMBOL, symbol)
    return tradeability.specs_of(listing(**{**STEPS, **terms}), message)


def test_the_venues_own_steps_apply_and_are_good_for_orders() -> None:
    own = specs(
        {
            "tick_size": Decimal("0.01"),
            "lot_size": Decimal("0.001"),
            "min_order_size": Decimal("0.002"),
            "max_order_size": Decimal(7),
            "min_notional": Decimal(10),
            "max_order_value": Decimal(1000),
            "contract_size": Decimal(1),
            "unit_multiplier": Decimal(1000),
        }
    )
    assert own.source == pb.SPECS_SOURCE_VENUE
    assert (own.tick_size, own.lot_size, own.unit_multiplier) == ("0.01", "0.001", "1000")
    assert (own.min_order_size, own.max_order_size) == ("0.002", "7")
    assert (own.min_notional, own.max_notional, own.contract_size) == ("10", "1000", "1")


@pytest.mark.parametrize(
    "terms", [{}, {"tick_size": Decimal("0.01")}, {"lot_size": Decimal("0.001")}]
)
def test_a_step_of_the_symbols_is_a_default_and_said_to_be(terms: dict[str, Any]) -> None:
    found = specs(terms)
    assert found.source == pb.SPECS_SOURCE_SYMBOL
    assert found.tick_size == ("0.01" if "tick_size" in terms else "0.5")
    assert found.lot_size == ("0.001" if "lot_size" in terms else "0.1")
    assert (found.min_order_size, found.max_order_size) == ("1", "9")
    assert (found.min_notional, found.contract_size, found.unit_multiplier) == ("5", "100", "1")


def test_a_venue_without_a_single_tick_has_none_of_the_symbols() -> None:
    bands = (ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.1")),)
    lot = {"lot_size": Decimal(1)}
    for terms in ({"tick_bands": bands}, {"price_significant_digits": 5}):
        found = specs({**lot, **terms})
        assert (found.source, found.tick_size) == (pb.SPECS_SOURCE_VENUE, "")
        assert found.tick_bands or found.price_significant_digits == 5


def test_an_order_value_stands_in_for_a_missing_notional() -> None:
    assert specs({"min_order_value": Decimal(3)}).min_notional == "3"


def test_a_symbols_open_steps_are_filled_from_the_listing_with_doubles_beside() -> None:
    symbol: Any = entity_codec.to_message(SYMBOL, a_symbol(lot_size=Decimal("0.1")))
    filled = tradeability.fill_steps(symbol, listing(tick_size=Decimal("0.01")))
    assert (filled.exact.tick_size, filled.tick_size) == ("0.01", 0.01)
    assert (filled.exact.lot_size, filled.lot_size) == ("0.1", 0.1)
    assert not symbol.exact.tick_size


def test_a_symbols_steps_are_not_those_of_a_listing_in_other_units() -> None:
    scaled = specs({"unit_multiplier": Decimal(1000)})
    assert scaled.source == pb.SPECS_SOURCE_SYMBOL
    assert (scaled.tick_size, scaled.lot_size, scaled.contract_size) == ("", "", "")
    assert (scaled.min_order_size, scaled.max_order_size) == ("", "")
    assert scaled.min_notional == "5"
    sized = specs({"contract_size": Decimal(1)})
    assert (sized.tick_size, sized.lot_size, sized.min_notional) == ("0.5", "", "5")
    # Its orders count the base; the symbol's steps count contracts of 100.
    in_base = specs({"order_unit": OrderUnitCode.BASE})
    assert (in_base.tick_size, in_base.lot_size, in_base.contract_size) == ("0.5", "", "")
    same = specs({"contract_size": Decimal("100.0"), "unit_multiplier": Decimal(1)})
    assert (same.tick_size, same.lot_size, same.max_order_size) == ("0.5", "0.1", "9")


def test_an_options_size_is_in_base_units_however_it_pays() -> None:
    terms = {"symbol_type": SymbolTypeCode.OPTION, "contract_kind": ContractKindCode.INVERSE}
    option = specs({"contract_size": Decimal("0.1")}, changed(DEFAULTS, **terms))
    assert option.contract_kind == symbol_pb2.CONTRACT_KIND_LINEAR
    symbol: Any = entity_codec.to_message(SYMBOL, changed(DEFAULTS, **terms))
    then = as_of.specs(listing(contract_size=Decimal("0.1")), symbol)
    assert then.contract_kind == symbol_pb2.CONTRACT_KIND_LINEAR
    assert price_steps.base_quantity(option, Decimal("0.05"), Decimal(2)) == Decimal("0.2")


def test_a_symbols_open_steps_are_not_filled_with_those_of_other_units() -> None:
    message: Any = entity_codec.to_message(SYMBOL, a_symbol(contract_size=Decimal(1)))
    own = {"tick_size": Decimal("0.5"), "lot_size": Decimal(1), "min_notional": Decimal(5)}
    of_another_size = listing(**{**STEPS, **own, "contract_size": Decimal("0.001")})
    filled = tradeability.fill_steps(message, of_another_size).exact
    assert (filled.tick_size, filled.lot_size, filled.min_notional) == ("0.5", "", "5")
    assert filled.contract_size == "1"
    scaled = listing(**{**STEPS, **own, "unit_multiplier": Decimal(1000)})
    filled = tradeability.fill_steps(message, scaled).exact
    assert (filled.tick_size, filled.lot_size, filled.min_notional) == ("", "", "5")
    unsized: Any = entity_codec.to_message(SYMBOL, a_symbol())
    filled = tradeability.fill_steps(unsized, of_another_size).exact
    assert (filled.lot_size, filled.contract_size) == ("1", "0.001")
