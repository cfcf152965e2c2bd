from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

SPOT: dict[str, Any] = {
    "symbol": "BTCUSD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "tick_size": 1e-8,
    "quote_increment": 0.01,
    "min_order_size": "0.00001",
    "status": "open",
    "wrap_enabled": False,
    "product_type": "spot",
    "contract_type": "vanilla",
    "contract_price_currency": "USD",
}
SWAP = SPOT | {
    "symbol": "BTCGUSDPERP",
    "quote_currency": "GUSD",
    "tick_size": 0.0001,
    "quote_increment": 0.5,
    "product_type": "swap",
    "contract_type": "linear",
    "contract_price_currency": "GUSD",
}
OF_2021 = {name: SPOT[name] for name in list(SPOT)[:7]}


def read(record: dict[str, Any], **changes: Any) -> Any:
    return reading_of("gemini", details__all=[record | changes])


@pytest.mark.parametrize("record", [SPOT, OF_2021])
def test_the_tick_size_is_the_lot_and_the_quote_increment_the_tick(record: dict[str, Any]) -> None:
    assert the_market(read(record)) == Market(
        spelling="BTCUSD",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("USD"),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"),
        min_order_size=Decimal("0.00001"),
    )


def test_a_swap_pays_in_its_quote_and_has_no_contract_size() -> None:
    found = the_market(read(SWAP))
    assert found.symbol_type is SymbolTypeCode.PERPETUAL
    assert (found.settlement, found.contract_kind) == (Code("GUSD"), ContractKindCode.LINEAR)
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.BASE, None)
    assert (found.tick_size, found.lot_size) == (Decimal("0.5"), Decimal("0.0001"))


def test_an_inverse_swap_pays_in_its_base() -> None:
    found = the_market(read(SWAP, contract_type="inverse"))
    assert (found.settlement, found.contract_kind) == (Code("BTC"), ContractKindCode.INVERSE)


@pytest.mark.parametrize(
    ("word", "status", "order_types"),
    [
        ("open", MarketStatusCode.ONLINE, None),
        ("limit_only", MarketStatusCode.ONLINE, ("LIMIT",)),
        ("post_only", MarketStatusCode.POST_ONLY, None),
        ("cancel_only", MarketStatusCode.CANCEL_ONLY, None),
        ("closed", MarketStatusCode.HALTED, None),
    ],
)
def test_each_word_has_its_status(
    word: str, status: MarketStatusCode, order_types: tuple[str, ...] | None
) -> None:
    found = the_market(read(SPOT, status=word))
    assert (found.status, found.order_types) == (status, order_types)


def test_a_name_of_the_list_is_another_spelling() -> None:
    reading = reading_of("gemini", details__all=[SPOT], v1__symbols=["btcusd"])
    assert the_market(reading).aliases == (Alias("btcusd"),)


def test_a_name_without_details_is_unreadable() -> None:
    reading = reading_of("gemini", details__all=[SPOT], v1__symbols=["btcusd", "btcgusd"])
    assert [(u.name, u.reason[:11]) for u in reading.unreadable] == [("btcgusd", "its details")]
    assert len(reading.markets) == 1


def test_details_of_one_symbol_are_not_the_list() -> None:
    one = reading_of("gemini", symbols__details=SPOT)
    assert the_market(one).spelling == "BTCUSD"
    assert one.incomplete
    named = reading_of("gemini", **{"symbols__details?symbol=btcusd": SPOT})
    assert not named.incomplete
    assert named.covers("BTCUSD", SymbolTypeCode.SPOT)
    assert not named.covers("ETHUSD", SymbolTypeCode.SPOT)


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [
        (SPOT, {"status": "paused"}, "status is 'paused'"),
        (SPOT, {"product_type": "option"}, "product_type is 'option'"),
        (SPOT, {"tick_size": 0}, "tick_size is 0"),
        (SPOT, {"quote_increment": 0}, "quote_increment is 0"),
        (SPOT, {"base_currency": None}, "base_currency is not stated"),
        (SWAP, {"contract_type": "vanilla"}, "no kind of a swap"),
        (SWAP, {"contract_price_currency": "USD"}, "no kind of a swap"),
        (SWAP, {"contract_type": None}, "contract_type is 'None'"),
    ],
)
def test_what_cannot_be_read_is_unreadable(
    record: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert reason in the_reason(read(record, **changes))


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("gemini", details__all={"result": "error", "message": "limit"})
