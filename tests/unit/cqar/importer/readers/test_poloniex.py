from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

LIMITS: dict[str, Any] = {
    "symbol": "BTC_USDT",
    "priceScale": 2,
    "quantityScale": 6,
    "amountScale": 2,
    "minQuantity": "0.000001",
    "minAmount": "1",
    "maxQuantity": "20",
    "maxAmount": "0",
    "highestBid": "0",
    "lowestAsk": "0",
}
MARKET: dict[str, Any] = {
    "symbol": "BTC_USDT",
    "baseCurrencyName": "BTC",
    "quoteCurrencyName": "USDT",
    "displayName": "BTC/USDT",
    "state": "NORMAL",
    "visibleStartTime": 1659018819512,
    "tradableStartTime": 1659018819513,
    "symbolTradeLimit": LIMITS,
    "crossMargin": {"supportCrossMargin": True, "maxLeverage": 3},
}


def read(**changes: Any) -> Any:
    return reading_of("poloniex", markets=[MARKET | changes])


def test_a_market_is_read_whole() -> None:
    second = dt.datetime(2022, 7, 28, 14, 33, 39, tzinfo=dt.UTC)
    assert the_market(read()) == Market(
        spelling="BTC_USDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("USDT"),
        status=MarketStatusCode.ONLINE,
        listed_at=second.replace(microsecond=512_000),
        trading_starts_at=second.replace(microsecond=513_000),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.000001"),
        min_order_size=Decimal("0.000001"),
        max_order_size=Decimal(20),
        min_notional=Decimal(1),
        market_min_notional=Decimal(1),
        max_leverage=Decimal(3),
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("NORMAL", MarketStatusCode.ONLINE),
        ("PAUSE", MarketStatusCode.HALTED),
        ("POST_ONLY", MarketStatusCode.POST_ONLY),
    ],
)
def test_each_state_has_its_status(state: str, expected: MarketStatusCode) -> None:
    assert the_market(read(state=state)).status is expected


def test_a_market_without_limits_states_none() -> None:
    found = the_market(read(symbolTradeLimit=None, crossMargin=None))
    assert (found.tick_size, found.lot_size, found.max_leverage) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "OFFLINE"}, "state is 'OFFLINE'"),
        ({"baseCurrencyName": ""}, "baseCurrencyName is not stated"),
        ({"symbolTradeLimit": LIMITS | {"priceScale": "x"}}, "priceScale is 'x'"),
        ({"symbolTradeLimit": LIMITS | {"minAmount": "-1"}}, "minAmount is -1"),
    ],
)
def test_what_cannot_be_read_is_unreadable(changes: dict[str, Any], reason: str) -> None:
    assert reason in the_reason(read(**changes))


def test_a_new_limit_is_told() -> None:
    reading = read(symbolTradeLimit=LIMITS | {"maxPrice": "1"})
    assert dict(reading.new_fields) == {"symbolTradeLimit.maxPrice": 1}


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("poloniex", markets={"code": 500, "message": "System error"})
