"""Reads answers that a test writes down, as an import would read files of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from cqar.importer.market import Market, Unsupported
from cqar.importer.readers.registry import product_line_of
from cqar.importer.reading import Reading, Unreadable, read_answers
from cqar.importer.saved_answers import decode
from cqar_shared.domain.kinds.symbol import ContractKindCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode


def read(venue_id: str, answers: dict[str, Any]) -> Reading:
    """Read answers by the names that files of them would be given."""
    line = product_line_of(venue_id)
    assert line is not None, venue_id
    decoded = [decode(name, json.dumps(a).encode(), name) for name, a in answers.items()]
    found = read_answers(line, decoded)
    outcomes = len(found.markets) + len(found.unsupported) + len(found.unreadable)
    assert found.records == outcomes
    assert not found.new_fields
    return found


def the_market(found: Reading) -> Market:
    """The only market of a reading that has no other outcome."""
    assert not found.unreadable
    (market,) = found.markets
    return market


def the_unreadable(found: Reading) -> Unreadable:
    """The only outcome, an unreadable record."""
    assert not found.markets
    (unreadable,) = found.unreadable
    return unreadable


def the_unsupported(found: Reading) -> Unsupported:
    """The only outcome, a record that the registry cannot express."""
    assert not found.markets
    (unsupported,) = found.unsupported
    return unsupported


def base_quantity(market: Market, quantity: str, *, price: str = "1") -> Decimal:
    """What an order's quantity is in units of the base, by the market's own terms."""
    found = Decimal(quantity)
    if market.order_unit is OrderUnitCode.CONTRACT:
        assert market.contract_size is not None
        found *= market.contract_size
    else:
        assert market.contract_size is None
    is_in_contracts = market.order_unit is OrderUnitCode.CONTRACT
    is_inverse = is_in_contracts and market.contract_kind is ContractKindCode.INVERSE
    is_in_quote = market.order_unit is OrderUnitCode.QUOTE or is_inverse
    return found / Decimal(price) if is_in_quote else found
