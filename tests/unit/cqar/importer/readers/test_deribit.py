import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Band, Code, Leg, Market
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)
from tests.support.venue_readings import base_quantity, read, the_market, the_unreadable

BTC_PERPETUAL = {
    "price_index": "btc_usd",
    "kind": "future",
    "instrument_name": "BTC-PERPETUAL",
    "max_leverage": 50,
    "maker_commission": 0.0,
    "taker_commission": 0.0005,
    "instrument_type": "reversed",
    "expiration_timestamp": 32503708800000,
    "creation_timestamp": 1534167754000,
    "is_active": True,
    "tick_size": 0.5,
    "contract_size": 10.0,
    "instrument_id": 124972,
    "min_trade_amount": 10.0,
    "settlement_currency": "BTC",
    "settlement_period": "perpetual",
    "base_currency": "BTC",
    "counter_currency": "USD",
    "quote_currency": "USD",
    "tick_size_steps": [],
}
OPTION = BTC_PERPETUAL | {
    "kind": "option",
    "instrument_name": "BTC-25DEC26-100000-C",
    "option_type": "call",
    "strike": 100000.0,
    "max_leverage": 1,
    "maker_commission": 0.0003,
    "taker_commission": 0.0003,
    "expiration_timestamp": 1798185600000,
    "creation_timestamp": 1779100724000,
    "tick_size": 0.0001,
    "contract_size": 1.0,
    "min_trade_amount": 0.1,
    "settlement_period": "month",
    "quote_currency": "BTC",
    "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
    "state": "open",
}
XRP_OPTION = OPTION | {
    "instrument_name": "XRP_USDC-25DEC26-2d5-C",
    "instrument_type": "linear",
    "strike": 2.5,
    "tick_size": 0.0001,
    "tick_size_steps": [],
    "contract_size": 1000.0,
    "min_trade_amount": 1000.0,
    "base_currency": "XRP",
    "quote_currency": "USDC",
    "counter_currency": "USDC",
    "settlement_currency": "USDC",
}
COMBO = BTC_PERPETUAL | {
    "kind": "future_combo",
    "instrument_name": "BTC-FS-19MAY26_PERP",
    "expiration_timestamp": 1779177600000,
    "settlement_period": "day",
    "state": "open",
}
BTC_OF_2021 = "get_instruments?currency=BTC&expired=false"


def instruments(*found: dict[str, Any], name: str = "get_instruments?currency=any") -> Any:
    return {name: {"jsonrpc": "2.0", "result": list(found), "testnet": False}}


def test_a_perpetual_is_read_whole() -> None:
    assert the_market(read("deribit", instruments(BTC_PERPETUAL))) == Market(
        spelling="BTC-PERPETUAL",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USD"),
        settlement=Code("BTC"),
        underlying="btc_usd",
        contract_kind=ContractKindCode.INVERSE,
        status=MarketStatusCode.ONLINE,
        listed_at=dt.datetime(2018, 8, 13, 13, 42, 34, tzinfo=dt.UTC),
        aliases=(Alias("124972", SpellingChannelCode.ID),),
        order_unit=OrderUnitCode.QUOTE,
        tick_size=Decimal("0.5"),
        lot_size=Decimal(10),
        min_order_size=Decimal(10),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
        max_leverage=Decimal(50),
    )


def test_an_option_has_bands_of_ticks_and_no_tick_beside_them() -> None:
    assert the_market(read("deribit", instruments(OPTION))) == Market(
        spelling="BTC-25DEC26-100000-C",
        symbol_type=SymbolTypeCode.OPTION,
        base=Code("BTC"),
        quote=Code("USD"),
        settlement=Code("BTC"),
        underlying="btc_usd",
        contract_kind=ContractKindCode.INVERSE,
        expiry=dt.datetime(2026, 12, 25, 8, tzinfo=dt.UTC),
        strike=Decimal(100_000),
        option_type=OptionTypeCode.CALL,
        status=MarketStatusCode.ONLINE,
        listed_at=dt.datetime(2026, 5, 18, 10, 38, 44, tzinfo=dt.UTC),
        aliases=(Alias("124972", SpellingChannelCode.ID),),
        order_unit=OrderUnitCode.BASE,
        tick_bands=(
            Band(Decimal(0), Decimal("0.0001")),
            Band(Decimal("0.005"), Decimal("0.0005")),
        ),
        lot_size=Decimal("0.1"),
        min_order_size=Decimal("0.1"),
        maker_fee=Decimal("0.0003"),
        taker_fee=Decimal("0.0003"),
        max_leverage=Decimal(1),
    )


def test_amounts_of_inverse_futures_are_in_dollars() -> None:
    """An amount of 10 at 50,000 is 10 USD / 50,000 = 0.0002 BTC, whatever contract_size says."""
    market = the_market(read("deribit", instruments(BTC_PERPETUAL)))
    assert base_quantity(market, "10", price="50000") == Decimal("0.0002")


def test_amounts_of_linear_contracts_are_in_coin() -> None:
    """An amount of 1,000 is 1,000 XRP, not 1,000 x 1,000."""
    market = the_market(read("deribit", instruments(XRP_OPTION)))
    assert base_quantity(market, "1000", price="2.5") == 1000
    assert (market.min_order_size, market.lot_size) == (Decimal(1000), Decimal(1000))
    assert market.strike == Decimal("2.5")
    assert market.contract_kind is ContractKindCode.LINEAR


def test_amounts_of_options_are_in_coin() -> None:
    """An amount of 0.1 is 0.1 BTC at any price."""
    assert base_quantity(the_market(read("deribit", instruments(OPTION))), "0.1") == Decimal("0.1")


def test_an_option_of_2021_says_less_and_means_the_same() -> None:
    gone = ("counter_currency", "settlement_currency", "instrument_type", "price_index", "state")
    option = {key: value for key, value in OPTION.items() if key not in gone}
    market = the_market(read("deribit", instruments(option, name=BTC_OF_2021)))
    assert (market.quote, market.settlement) == (Code("USD"), Code("BTC"))
    assert market.contract_kind is ContractKindCode.INVERSE
    assert market.order_unit is OrderUnitCode.BASE
    assert market.underlying is None


def test_a_combination_is_none_of_its_legs() -> None:
    market = the_market(read("deribit", instruments(COMBO)))
    assert market.symbol_type is SymbolTypeCode.COMBO
    assert (market.expiry, market.legs) == (None, ())
    assert market.ends_at == dt.datetime(2026, 5, 19, 8, tzinfo=dt.UTC)
    assert market.order_unit is OrderUnitCode.QUOTE


def test_a_combination_of_options_counts_coin() -> None:
    combo = COMBO | {"kind": "option_combo", "quote_currency": "BTC"}
    market = the_market(read("deribit", instruments(combo)))
    assert market.order_unit is OrderUnitCode.BASE
    assert market.quote == Code("USD")


def test_legs_are_read_from_the_answer_to_get_combos() -> None:
    legs = [
        {"instrument_name": "BTC-PERPETUAL", "amount": -1},
        {"instrument_name": "BTC-19MAY26", "amount": 1},
    ]
    combos = {"get_combos": {"result": [{"id": "BTC-FS-19MAY26_PERP", "legs": legs}]}}
    assert the_market(read("deribit", instruments(COMBO) | combos)).legs == (
        Leg("BTC-PERPETUAL", Decimal(-1)),
        Leg("BTC-19MAY26", Decimal(1)),
    )


def test_a_future_on_volatility_is_no_coin() -> None:
    future = XRP_OPTION | {
        "kind": "future",
        "instrument_name": "BTCDVOL_USDC-27DEC26",
        "price_index": "btcdvol_usdc",
        "base_currency": "BTCDVOL",
    }
    market = the_market(read("deribit", instruments(future)))
    assert market.underlying_class is UnderlyingClassCode.VOLATILITY
    assert market.underlying == "btcdvol_usdc"
    assert market.symbol_type is SymbolTypeCode.FUTURE


def test_a_perpetual_that_ends_has_an_end_and_no_expiry() -> None:
    ending = BTC_PERPETUAL | {"expiration_timestamp": 1798185600000}
    market = the_market(read("deribit", instruments(ending)))
    assert market.expiry is None
    assert market.ends_at == dt.datetime(2026, 12, 25, 8, tzinfo=dt.UTC)


def test_spot_has_no_settlement_of_its_own() -> None:
    gone = ("settlement_currency", "settlement_period", "expiration_timestamp", "instrument_type")
    spot = {key: value for key, value in BTC_PERPETUAL.items() if key not in gone}
    spot |= {"kind": "spot", "instrument_name": "BTC_USDC", "quote_currency": "USDC"}
    market = the_market(read("deribit", instruments(spot)))
    assert market.symbol_type is SymbolTypeCode.SPOT
    assert (market.settlement, market.contract_kind) == (None, None)
    assert market.order_unit is OrderUnitCode.BASE


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"state": "locked"}, MarketStatusCode.CANCEL_ONLY),
        ({"state": "settlement"}, MarketStatusCode.SETTLING),
        ({"state": "halted"}, MarketStatusCode.HALTED),
        ({"state": "inactive"}, MarketStatusCode.HALTED),
        ({"state": "delivered", "is_active": False}, MarketStatusCode.DELISTED),
        ({"state": "archivized"}, MarketStatusCode.DELISTED),
        ({"is_active": False}, MarketStatusCode.HALTED),
    ],
)
def test_the_state_of_the_book_is_the_status(
    change: dict[str, Any], status: MarketStatusCode
) -> None:
    assert the_market(read("deribit", instruments(OPTION | change))).status is status


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "warrant"},
        {"state": "dreaming"},
        {"state": None},
        {"is_active": None},
        {"settlement_period": "decade"},
        {"instrument_type": "linear"},
        {"instrument_type": "bent"},
        {"strike": None},
        {"option_type": "straddle"},
        {"expiration_timestamp": None},
        {"tick_size": 0},
        {"tick_size_steps": [{"above_price": 0, "tick_size": 1}]},
    ],
)
def test_what_is_not_known_makes_the_record_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("deribit", instruments(OPTION | change)))


def test_an_answer_of_the_testnet_is_not_the_exchange() -> None:
    answers = {"get_instruments?currency=any": {"result": [OPTION], "testnet": True}}
    with pytest.raises(UnusableAnswer, match="of the testnet"):
        read("deribit", answers)
    assert the_market(read("deribit-testnet", answers))


def test_one_instrument_says_nothing_about_others() -> None:
    found = read("deribit", {"get_instrument": {"result": OPTION, "testnet": False}})
    assert the_market(found).spelling == "BTC-25DEC26-100000-C"
    assert not found.covers("BTC-PERPETUAL", SymbolTypeCode.PERPETUAL)


@pytest.mark.parametrize(
    ("query", "spelling", "symbol_type", "is_covered"),
    [
        ("currency=BTC", "BTC-PERPETUAL", SymbolTypeCode.PERPETUAL, True),
        ("currency=BTC", "ETH-PERPETUAL", SymbolTypeCode.PERPETUAL, False),
        ("currency=BTC", "BTC_USDC-PERPETUAL", SymbolTypeCode.PERPETUAL, False),
        ("currency=USDC", "BTC_USDC-PERPETUAL", SymbolTypeCode.PERPETUAL, True),
        ("currency=BTC&kind=option", "BTC-PERPETUAL", SymbolTypeCode.PERPETUAL, False),
        ("currency=any&kind=future_combo", "BTC-FS-19MAY26_PERP", SymbolTypeCode.COMBO, True),
        ("currency=any&kind=option_combo", "BTC-FS-19MAY26_PERP", SymbolTypeCode.COMBO, False),
        ("currency=BTC&expired=true", "BTC-PERPETUAL", SymbolTypeCode.PERPETUAL, False),
    ],
)
def test_an_answer_covers_its_currency_and_kind(
    query: str, spelling: str, symbol_type: SymbolTypeCode, *, is_covered: bool
) -> None:
    found = read("deribit", instruments(OPTION, name=f"get_instruments?{query}"))
    assert found.covers(spelling, symbol_type) is is_covered


def test_an_answer_for_an_unnamed_currency_is_incomplete() -> None:
    found = read("deribit", instruments(OPTION, name="get_instruments"))
    assert found.incomplete
    assert not found.covers("BTC-PERPETUAL", SymbolTypeCode.PERPETUAL)
