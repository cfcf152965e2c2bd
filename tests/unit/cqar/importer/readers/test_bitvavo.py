from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import reading_of, the_market, the_reason

MARKET: dict[str, Any] = {
    "market": "BTC-EUR",
    "status": "trading",
    "base": "BTC",
    "quote": "EUR",
    "pricePrecision": "0",
    "tickSize": "1.00",
    "minOrderInBaseAsset": "0.00006100",
    "minOrderInQuoteAsset": "5.00",
    "maxOrderInBaseAsset": "1000000000.00000000",
    "maxOrderInQuoteAsset": "1000000000.00",
    "quantityDecimals": "8",
    "notionalDecimals": "2",
    "maxOpenOrders": "100",
    "feeCategory": "A",
    "orderTypes": ["market", "limit", "stopLoss"],
}
FORMER: dict[str, Any] = {
    "market": "ADA-BTC",
    "status": "trading",
    "base": "ADA",
    "quote": "BTC",
    "pricePrecision": 5,
    "minOrderInBaseAsset": "100",
    "minOrderInQuoteAsset": "0.001",
    "orderTypes": ["market", "limit"],
}


def read(record: dict[str, Any] = MARKET, **changes: Any) -> Any:
    return reading_of("bitvavo", v2__markets=[record | changes])


def test_a_market_is_read_whole() -> None:
    assert the_market(read()) == Market(
        spelling="BTC-EUR",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("EUR"),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal(1),
        lot_size=Decimal("0.00000001"),
        min_order_size=Decimal("0.000061"),
        max_order_size=Decimal(1_000_000_000),
        min_notional=Decimal(5),
        max_notional=Decimal(1_000_000_000),
        market_min_notional=Decimal(5),
        market_max_notional=Decimal(1_000_000_000),
        order_types=("MARKET", "LIMIT", "STOPLOSS"),
    )


def test_before_ticks_a_price_had_significant_digits() -> None:
    found = the_market(read(FORMER))
    assert (found.tick_size, found.price_significant_digits) == (None, 5)
    assert (found.min_order_size, found.min_notional) == (Decimal(100), Decimal("0.001"))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("trading", MarketStatusCode.ONLINE),
        ("halted", MarketStatusCode.HALTED),
        ("auction", MarketStatusCode.AUCTION),
    ],
)
def test_each_word_has_its_status(word: str, expected: MarketStatusCode) -> None:
    assert the_market(read(status=word)).status is expected


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [
        (MARKET, {"status": "paused"}, "status is 'paused'"),
        (MARKET, {"tickSize": "0.00"}, "tickSize is 0.00"),
        (FORMER, {"pricePrecision": 0}, "pricePrecision is 0"),
        (MARKET, {"base": None}, "got `null` - at `$.base`"),
    ],
)
def test_what_cannot_be_read_is_unreadable(
    record: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert reason in the_reason(read(record, **changes))


def test_an_answer_of_one_market_covers_no_other() -> None:
    reading = reading_of("bitvavo", **{"v2__markets?market=BTC-EUR": MARKET})
    assert reading.covers("BTC-EUR", SymbolTypeCode.SPOT)
    assert not reading.covers("ADA-EUR", SymbolTypeCode.SPOT)


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("bitvavo", v2__markets={"errorCode": 105, "error": "Rate limit"})
