from __future__ import annotations

from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

STRIKE: dict[str, Any] = {
    "market": "KRW-STRIKE",
    "korean_name": "스트라이크",
    "english_name": "Strike",
    "market_event": {"warning": True, "caution": {"PRICE_FLUCTUATIONS": False}},
}


@pytest.mark.parametrize("venue_id", ["upbit", "bithumb"])
def test_a_market_states_its_sides_and_a_name_and_no_more(venue_id: str) -> None:
    assert the_market(reading_of(venue_id, market__all=[STRIKE])) == Market(
        spelling="KRW-STRIKE",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("STRIKE", name="Strike"),
        quote=Code("KRW"),
        order_unit=OrderUnitCode.BASE,
    )


def test_the_list_without_details_and_that_with_a_warning_are_read_alike() -> None:
    bare = {"market": "BTC-ETH", "korean_name": "이더리움", "english_name": "Ethereum"}
    warned = bare | {"market_warning": "CAUTION"}
    assert the_market(reading_of("upbit", market__all=[bare])) == the_market(
        reading_of("bithumb", market__all=[warned])
    )


@pytest.mark.parametrize("spelling", ["KRW", "KRW-", "-BTC", "KRW-BTC-ETH", ""])
def test_a_market_without_two_sides_is_unreadable(spelling: str) -> None:
    assert "market is" in the_reason(reading_of("upbit", market__all=[{"market": spelling}]))


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("upbit", market__all={"error": {"name": 429, "message": "too many"}})
