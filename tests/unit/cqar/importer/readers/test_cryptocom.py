from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

SPOT: dict[str, Any] = {
    "symbol": "BTC_USDT",
    "inst_type": "CCY_PAIR",
    "display_name": "BTC/USDT",
    "base_ccy": "BTC",
    "quote_ccy": "USDT",
    "quote_decimals": 2,
    "quantity_decimals": 5,
    "price_tick_size": "0.01",
    "qty_tick_size": "0.00001",
    "max_leverage": "50",
    "tradable": True,
    "expiry_timestamp_ms": 0,
    "beta_product": False,
    "margin_buy_enabled": False,
    "margin_sell_enabled": True,
}
PERPETUAL = SPOT | {
    "symbol": "BTCUSD-PERP",
    "inst_type": "PERPETUAL_SWAP",
    "quote_ccy": "USD",
    "price_tick_size": "0.5",
    "qty_tick_size": "0.0001",
    "underlying_symbol": "BTCUSD-INDEX",
}
WARRANT = PERPETUAL | {
    "symbol": "BTCUSD-230630-CW30000",
    "inst_type": "WARRANT",
    "qty_tick_size": "10",
    "expiry_timestamp_ms": 1688112000000,
    "put_call": "CALL",
    "strike": "30000",
    "contract_size": "0.0001",
}
V2 = {
    "instrument_name": "RSR_USDT",
    "quote_currency": "USDT",
    "base_currency": "RSR",
    "price_decimals": 5,
    "quantity_decimals": 1,
    "margin_trading_enabled": False,
    "margin_trading_enabled_5x": False,
    "margin_trading_enabled_10x": False,
}


def read(record: dict[str, Any], **changes: Any) -> Any:
    answer = {"code": 0, "result": {"data": [record | changes]}}
    return reading_of("cryptocom", **{"public__get-instruments": answer})


def test_a_pair_is_read_whole() -> None:
    assert the_market(read(SPOT)) == Market(
        spelling="BTC_USDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("USDT"),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        max_leverage=Decimal(50),
    )


def test_a_perpetual_pays_in_its_quote_and_is_ordered_in_its_base() -> None:
    found = the_market(read(PERPETUAL))
    assert found.symbol_type is SymbolTypeCode.PERPETUAL
    assert (found.settlement, found.contract_kind) == (Code("USD"), ContractKindCode.LINEAR)
    assert (found.order_unit, found.contract_size) == (OrderUnitCode.BASE, None)
    assert (found.underlying, found.expiry, found.ends_at) == ("BTCUSD-INDEX", None, None)


def test_a_stated_size_is_that_of_the_contracts_that_orders_count() -> None:
    found = the_market(read(WARRANT))
    assert found.order_unit is OrderUnitCode.CONTRACT
    assert found.contract_size is not None
    assert 10 * found.contract_size == Decimal("0.001"), "BTC in the smallest order"
    assert (found.symbol_type, found.option_type) == (SymbolTypeCode.OPTION, OptionTypeCode.CALL)
    assert found.strike == Decimal(30_000)
    assert found.expiry == dt.datetime(2023, 6, 30, 8, tzinfo=dt.UTC)


def test_a_date_on_a_perpetual_is_its_announced_end() -> None:
    found = the_market(read(PERPETUAL, expiry_timestamp_ms=1688112000000))
    assert (found.expiry, found.ends_at) == (None, dt.datetime(2023, 6, 30, 8, tzinfo=dt.UTC))


def test_what_is_not_tradable_is_halted() -> None:
    assert the_market(read(SPOT, tradable=False)).status is MarketStatusCode.HALTED


def test_the_former_list_counts_decimals_and_states_no_status() -> None:
    answer = {"code": 0, "result": {"instruments": [V2]}}
    found = the_market(reading_of("cryptocom", **{"v2__public__get-instruments": answer}))
    assert found == Market(
        spelling="RSR_USDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("RSR"),
        quote=Code("USDT"),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.00001"),
        lot_size=Decimal("0.1"),
    )


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [
        (SPOT, {"inst_type": "BASKET"}, "inst_type is 'BASKET'"),
        (SPOT, {"price_tick_size": "0"}, "price_tick_size is 0"),
        (SPOT, {"symbol": None}, "symbol is not stated"),
        (PERPETUAL, {"inst_type": "FUTURE"}, "expiry_timestamp_ms is not stated"),
        (PERPETUAL, {"contract_size": "0"}, "contract_size is 0"),
        (WARRANT, {"put_call": "BOTH"}, "put_call is 'BOTH'"),
        (WARRANT, {"strike": None}, "strike is not stated"),
    ],
)
def test_what_cannot_be_read_is_unreadable(
    record: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert reason in the_reason(read(record, **changes))


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="too many"):
        reading_of(
            "cryptocom", **{"public__get-instruments": {"code": 42901, "message": "too many"}}
        )
