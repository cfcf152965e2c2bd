import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)
from tests.support.venue_readings import base_quantity, read, the_market, the_unreadable

USDT_USDC = {
    "id": "USDT-USDC",
    "base_currency": "USDT",
    "quote_currency": "USDC",
    "quote_increment": "0.0001",
    "base_increment": "0.01",
    "display_name": "USDT-USDC",
    "min_market_funds": "1",
    "margin_enabled": False,
    "post_only": False,
    "limit_only": True,
    "cancel_only": False,
    "status": "online",
    "status_message": "",
    "trading_disabled": False,
    "fx_stablecoin": True,
    "max_slippage_percentage": "0.01000000",
    "auction_mode": False,
    "high_bid_limit_percentage": "0.03000000",
}
NANO_BITCOIN = {
    "product_id": "BIT-24APR26-CDE",
    "base_increment": "1",
    "quote_min_size": "0",
    "quote_max_size": "100000000",
    "base_min_size": "1",
    "base_max_size": "5000",
    "base_name": "",
    "quote_name": "US Dollar",
    "is_disabled": False,
    "status": "",
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "product_type": "FUTURE",
    "quote_currency_id": "USD",
    "base_currency_id": "",
    "price_increment": "5",
    "fcm_trading_session_details": {
        "is_session_open": True,
        "session_state": "FCM_TRADING_SESSION_STATE_OPEN",
    },
    "future_product_details": {
        "contract_expiry": "2026-04-24T15:00:00Z",
        "contract_size": "0.01",
        "contract_root_unit": "BTC",
        "contract_expiry_type": "EXPIRING",
        "futures_asset_type": "FUTURES_ASSET_TYPE_CRYPTO",
        "funding_interval": None,
    },
}
BTC_PERP = {
    "instrument_id": "149264167780483072",
    "instrument_uuid": "b3469e0b-222c-4f8a-9f68-1f9e44d7e5e0",
    "symbol": "BTC-PERP",
    "type": "PERP",
    "mode": "STANDARD",
    "base_asset_name": "BTC",
    "quote_asset_name": "USDC",
    "base_increment": "0.0001",
    "quote_increment": "0.1",
    "min_quantity": "0.0001",
    "min_notional_value": "10",
    "base_imf": 0.1,
    "default_imf": 0.2,
    "funding_interval": "3600000000000",
    "trading_state": "TRADING",
    "base_asset_multiplier": "1.0",
}


def exchange(**changes: Any) -> dict[str, Any]:
    return {"products": [USDT_USDC | changes]}


def advanced(**changes: Any) -> dict[str, Any]:
    return {"market/products": {"products": [NANO_BITCOIN | changes], "pagination": None}}


def international(**changes: Any) -> dict[str, Any]:
    return {"instruments": [BTC_PERP | changes]}


def test_a_product_for_limit_orders_only_is_online() -> None:
    assert the_market(read("coinbase", exchange())) == Market(
        spelling="USDT-USDC",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("USDT"),
        quote=Code("USDC"),
        status=MarketStatusCode.ONLINE,
        order_types=("LIMIT",),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.0001"),
        lot_size=Decimal("0.01"),
        min_notional=Decimal(1),
        market_min_notional=Decimal(1),
        bid_multiplier_up=Decimal("1.03"),
    )


def test_a_product_of_2021_states_sizes_of_orders() -> None:
    sizes = {"base_min_size": "1", "base_max_size": "100000", "max_market_funds": "50000"}
    market = the_market(read("coinbase", exchange(**sizes)))
    assert (market.min_order_size, market.max_order_size) == (Decimal(1), Decimal(100_000))
    assert (market.min_notional, market.max_notional) == (None, None)
    assert market.market_max_notional == Decimal(50_000)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "delisted", "trading_disabled": True}, MarketStatusCode.DELISTED),
        ({"status": "offline"}, MarketStatusCode.HALTED),
        ({"trading_disabled": True, "post_only": True}, MarketStatusCode.HALTED),
        ({"cancel_only": True, "post_only": True}, MarketStatusCode.CANCEL_ONLY),
        ({"auction_mode": True}, MarketStatusCode.AUCTION),
        ({"post_only": True}, MarketStatusCode.POST_ONLY),
    ],
)
def test_the_strictest_of_word_and_flags_is_the_status(
    change: dict[str, Any], status: MarketStatusCode
) -> None:
    assert the_market(read("coinbase", exchange(**change))).status is status


def test_when_a_delisted_product_ended_is_not_known() -> None:
    market = the_market(read("coinbase", exchange(status="delisted", trading_disabled=True)))
    assert (market.delisted_at, market.ends_at) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "internal"},
        {"status": ""},
        {"status": None},
        {"trading_disabled": None},
        {"quote_increment": "0"},
        {"base_currency": ""},
    ],
)
def test_what_is_not_known_of_a_product_makes_it_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("coinbase", exchange(**change)))


def test_an_error_answer_is_refused_with_what_it_says() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        read("coinbase", {"products": {"message": "Too many requests"}})


def test_a_future_is_read_whole() -> None:
    dollar = Code("USD", name="US Dollar")
    assert the_market(read("coinbase-advanced", advanced())) == Market(
        spelling="BIT-24APR26-CDE",
        symbol_type=SymbolTypeCode.FUTURE,
        base=Code("BTC"),
        quote=dollar,
        settlement=dollar,
        underlying_class=UnderlyingClassCode.CRYPTO,
        contract_kind=ContractKindCode.LINEAR,
        expiry=dt.datetime(2026, 4, 24, 15, tzinfo=dt.UTC),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.01"),
        tick_size=Decimal(5),
        lot_size=Decimal(1),
        min_order_size=Decimal(1),
        max_order_size=Decimal(5000),
    )


def test_orders_of_futures_count_contracts() -> None:
    """An order of 3 nano Bitcoin contracts is 3 x 0.01 = 0.03 BTC."""
    market = the_market(read("coinbase-advanced", advanced()))
    assert base_quantity(market, "3", price="69165") == Decimal("0.03")


@pytest.mark.parametrize(
    ("venue_id", "answers"), [("coinbase", exchange()), ("coinbase-intx", international())]
)
def test_other_orders_count_the_base(venue_id: str, answers: dict[str, Any]) -> None:
    """An order of 2.5 is 2.5 units of the base, at any price."""
    market = the_market(read(venue_id, answers))
    assert base_quantity(market, "2.5", price="69165") == Decimal("2.5")


def test_a_perpetual_style_future_has_an_expiry_and_funding() -> None:
    details = NANO_BITCOIN["future_product_details"] | {  # type: ignore[operator]
        "contract_expiry": "2030-12-20T16:00:00Z",
        "funding_interval": "3600s",
    }
    market = the_market(read("coinbase-advanced", advanced(future_product_details=details)))
    assert market.symbol_type is SymbolTypeCode.FUTURE
    assert market.expiry == dt.datetime(2030, 12, 20, 16, tzinfo=dt.UTC)
    assert market.funding_interval_s == 3600


def test_a_perpetual_has_no_expiry() -> None:
    details = {
        "contract_expiry_type": "PERPETUAL",
        "contract_size": "1",
        "contract_root_unit": "ETH",
        "perpetual_details": {"max_leverage": "20"},
    }
    market = the_market(read("coinbase-advanced", advanced(future_product_details=details)))
    assert market.symbol_type is SymbolTypeCode.PERPETUAL
    assert (market.expiry, market.ends_at) == (None, None)
    assert market.max_leverage == Decimal(20)


@pytest.mark.parametrize(
    ("session", "status"),
    [
        ({"session_state": "FCM_TRADING_SESSION_STATE_CLOSE"}, MarketStatusCode.HALTED),
        ({"session_state": "FCM_TRADING_SESSION_STATE_PRE_OPEN"}, MarketStatusCode.PREOPEN),
        ({"is_session_open": False}, MarketStatusCode.HALTED),
    ],
)
def test_a_future_trades_in_its_session(session: dict[str, Any], status: MarketStatusCode) -> None:
    found = read("coinbase-advanced", advanced(fcm_trading_session_details=session))
    assert the_market(found).status is status


def test_names_of_spot_assets_are_read() -> None:
    spot = {
        "product_type": "SPOT",
        "product_id": "BTC-USDC",
        "status": "online",
        "base_currency_id": "BTC",
        "base_name": "Bitcoin",
        "quote_currency_id": "USDC",
        "quote_name": "USDC",
        "quote_min_size": "1",
        "future_product_details": None,
    }
    market = the_market(read("coinbase-advanced", advanced(**spot)))
    assert market.base == Code("BTC", name="Bitcoin")
    assert (market.settlement, market.order_unit) == (None, OrderUnitCode.BASE)
    assert (market.min_notional, market.market_min_notional) == (None, Decimal(1))


@pytest.mark.parametrize(
    "change",
    [
        {"product_type": "UNKNOWN_PRODUCT_TYPE"},
        {"future_product_details": None},
        {"future_product_details": {"contract_expiry_type": "EXPIRING"}},
        {"status": "paused"},
        {"fcm_trading_session_details": {"session_state": "FCM_TRADING_SESSION_STATE_LUNCH"}},
    ],
)
def test_what_is_not_known_of_a_future_makes_it_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("coinbase-advanced", advanced(**change)))


def test_products_without_their_last_page_are_incomplete() -> None:
    page = {"products": [NANO_BITCOIN], "pagination": {"has_next": True, "next_cursor": "x"}}
    found = read("coinbase-advanced", {"market/products": page})
    assert found.incomplete
    assert not found.covers("BTC-USD", SymbolTypeCode.SPOT)


def test_an_answer_for_futures_says_nothing_about_spot() -> None:
    answers = {"market/products?product_type=FUTURE": advanced()["market/products"]}
    found = read("coinbase-advanced", answers)
    assert found.covers("X", SymbolTypeCode.FUTURE)
    assert not found.covers("BTC-USD", SymbolTypeCode.SPOT)


def test_an_international_perpetual_is_read_whole() -> None:
    assert the_market(read("coinbase-intx", international())) == Market(
        spelling="BTC-PERP",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USDC"),
        settlement=Code("USDC"),
        contract_kind=ContractKindCode.LINEAR,
        status=MarketStatusCode.ONLINE,
        aliases=(
            Alias("149264167780483072", SpellingChannelCode.ID),
            Alias("b3469e0b-222c-4f8a-9f68-1f9e44d7e5e0", SpellingChannelCode.ID),
        ),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.0001"),
        min_order_size=Decimal("0.0001"),
        min_notional=Decimal(10),
        initial_margin_rate=Decimal("0.1"),
        funding_interval_s=3600,
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"trading_state": "PAUSED"}, MarketStatusCode.HALTED),
        ({"trading_state": "DELISTED"}, MarketStatusCode.DELISTED),
        ({"mode": "PRE_LAUNCH"}, MarketStatusCode.PRE_MARKET),
        ({"mode": "PRE_LAUNCH", "trading_state": "HALT"}, MarketStatusCode.HALTED),
    ],
)
def test_state_and_mode_are_the_status(change: dict[str, Any], status: MarketStatusCode) -> None:
    assert the_market(read("coinbase-intx", international(**change))).status is status


@pytest.mark.parametrize(
    "change", [{"trading_state": "NAPPING"}, {"mode": "ODD"}, {"type": "FUTURE"}]
)
def test_an_unknown_word_makes_an_instrument_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("coinbase-intx", international(**change)))
