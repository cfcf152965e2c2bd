from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Leg, Market
from cqar.importer.readers.bitmex import PRODUCT_LINES
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    ExerciseStyleCode,
    OptionTypeCode,
    SettlementMethodCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue import EnvironmentCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.unit.cqar.importer.readers.small_answers import (
    reading_of,
    the_market,
    the_reason,
    the_unsupported,
)

XBTUSD: dict[str, Any] = {
    "symbol": "XBTUSD",
    "rootSymbol": "XBT",
    "state": "Open",
    "typ": "FFWCSX",
    "listing": "2016-05-13T12:00:00.000Z",
    "expiry": None,
    "positionCurrency": "USD",
    "underlying": "XBT",
    "quoteCurrency": "USD",
    "referenceSymbol": ".BXBT",
    "maxOrderQty": 10000000,
    "maxPrice": 1000000,
    "lotSize": 100,
    "tickSize": 0.5,
    "multiplier": -100000000,
    "settlCurrency": "XBt",
    "underlyingToPositionMultiplier": None,
    "underlyingToSettleMultiplier": -100000000,
    "quoteToSettleMultiplier": None,
    "isQuanto": False,
    "isInverse": True,
    "initMargin": 0.01,
    "maintMargin": 0.0035,
    "makerFee": -0.0001,
    "takerFee": 0.00075,
    "fundingInterval": "2000-01-01T08:00:00.000Z",
    "timestamp": "2022-11-22T00:50:59.413Z",
}
LINEAR = {
    "symbol": "ETHUSDT",
    "positionCurrency": "ETH",
    "underlying": "ETH",
    "quoteCurrency": "USDT",
    "lotSize": 1000,
    "multiplier": 10,
    "settlCurrency": "USDt",
    "underlyingToPositionMultiplier": 100000,
    "underlyingToSettleMultiplier": None,
    "quoteToSettleMultiplier": 1000000,
    "isInverse": False,
}
QUANTO = {
    "symbol": "ETHUSD",
    "underlying": "ETH",
    "multiplier": 100,
    "underlyingToSettleMultiplier": None,
    "quoteToSettleMultiplier": 6304,
    "isQuanto": True,
    "isInverse": False,
}
IN_ETHER = {
    "symbol": "ETHUSD_ETH",
    "underlying": "ETH",
    "multiplier": -1000000000,
    "settlCurrency": "Gwei",
    "underlyingToSettleMultiplier": -1000000000,
}
FUTURE = {"symbol": "XBTZ22", "typ": "FFCCSX", "expiry": "2022-12-30T12:00:00.000Z"}
SPOT = {
    "symbol": "UNI_USDT",
    "typ": "IFXXXP",
    "underlying": "UNI",
    "quoteCurrency": "USDT",
    "settlCurrency": "",
    "referenceSymbol": "",
    "lotSize": 10000000,
    "multiplier": 1,
    "underlyingToPositionMultiplier": 100000000,
    "isInverse": False,
    "fundingInterval": None,
}
SPREAD = {
    "symbol": "XBTM26-XBTU26",
    "typ": "FFMCSX",
    "expiry": "2026-06-26T12:00:00.000Z",
    "referenceSymbol": "XBTM26",
    "minPrice": -1000000,
    "multiplier": 1,
    "isInverse": False,
    "nearLegSymbol": "XBTM26",
    "farLegSymbol": "XBTU26",
    "pool": "Primary",
}
ETH = {"asset": "ETH", "currency": "Gwei", "majorCurrency": "ETH", "name": "Ethereum", "scale": 9}
XBT = {"asset": "XBT", "currency": "XBt", "majorCurrency": "XBT", "name": "Bitcoin", "scale": 8}
BBX = {"asset": "BBX", "currency": "BBx", "majorCurrency": "BBX", "name": "BBX", "scale": 5}


def read(*changes: dict[str, Any], assets: Any = None) -> Any:
    record = dict(XBTUSD)
    for change in changes:
        record |= change
    beside = {} if assets is None else {"wallet__assets": assets}
    return reading_of("bitmex", instrument__active=[record], **beside)


def market(*changes: dict[str, Any], assets: Any = None) -> Market:
    return the_market(read(*changes, assets=assets))


def test_an_inverse_perpetual_is_read_whole() -> None:
    assert market() == Market(
        spelling="XBTUSD",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("XBT", "BTC"),
        quote=Code("USD"),
        settlement=Code("XBT", "BTC"),
        underlying=".BXBT",
        contract_kind=ContractKindCode.INVERSE,
        status=MarketStatusCode.ONLINE,
        listed_at=dt.datetime(2016, 5, 13, 12, tzinfo=dt.UTC),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal(1),
        tick_size=Decimal("0.5"),
        lot_size=Decimal(100),
        max_order_size=Decimal(10000000),
        max_price=Decimal(1000000),
        maker_fee=Decimal("-0.0001"),
        taker_fee=Decimal("0.00075"),
        initial_margin_rate=Decimal("0.01"),
        maintenance_margin_rate=Decimal("0.0035"),
        funding_interval_s=28_800,
    )


def test_a_hundred_contracts_of_xbtusd_are_a_hundred_dollars_of_bitcoin() -> None:
    size = market().contract_size
    assert size is not None
    assert 100 * size / Decimal(20000) == Decimal("0.005")


def test_a_thousand_contracts_of_a_linear_perpetual_are_a_hundredth_of_an_ether() -> None:
    found = market(LINEAR)
    assert found.contract_kind is ContractKindCode.LINEAR
    assert found.settlement == Code("USDT")
    assert found.contract_size is not None
    assert 1000 * found.contract_size == Decimal("0.01")


def test_a_quanto_pays_bitcoin_for_a_price_of_ether() -> None:
    found = market(QUANTO)
    assert found.contract_kind is ContractKindCode.QUANTO
    assert found.settlement == Code("XBT", "BTC")
    assert found.contract_size == Decimal("0.000001"), "100 XBt for a dollar of price"


def test_a_small_unit_names_its_currency() -> None:
    found = market(IN_ETHER)
    assert (found.contract_kind, found.contract_size) == (ContractKindCode.INVERSE, Decimal(1))
    assert found.settlement == Code("ETH")


def test_names_and_scales_are_those_of_wallet_assets() -> None:
    named = market(IN_ETHER, assets=[ETH, XBT])
    assert named.base == Code("ETH", "ETH", "Ethereum")
    assert named.settlement == Code("ETH", "ETH", "Ethereum")
    assert market(QUANTO, {"settlCurrency": "BBx"}).contract_size is None
    scaled = market(QUANTO | {"multiplier": 1000}, {"settlCurrency": "BBx"}, assets=[BBX])
    assert scaled.settlement == Code("BBX", "BBX", "BBX")
    assert scaled.contract_size == Decimal("0.01"), "1000 BBx of 10^-5 BBX"


def test_a_future_expires_and_has_no_funding() -> None:
    found = market(FUTURE)
    assert found.symbol_type is SymbolTypeCode.FUTURE
    assert found.expiry == dt.datetime(2022, 12, 30, 12, tzinfo=dt.UTC)
    assert (found.ends_at, found.funding_interval_s) == (None, None)


def test_a_date_on_a_perpetual_is_its_announced_end() -> None:
    found = market({"expiry": "2022-12-01T12:00:00.000Z"})
    assert (found.expiry, found.ends_at) == (None, dt.datetime(2022, 12, 1, 12, tzinfo=dt.UTC))


def test_an_order_of_spot_counts_the_smallest_units() -> None:
    found = market(SPOT)
    assert (found.symbol_type, found.settlement, found.contract_kind) == (
        SymbolTypeCode.SPOT,
        None,
        None,
    )
    assert found.order_unit is OrderUnitCode.CONTRACT
    assert found.contract_size == Decimal("1E-8")
    assert found.lot_size == Decimal(10000000), "0.1 UNI"


def test_a_spread_has_two_legs_and_may_have_a_negative_price() -> None:
    found = market(SPREAD)
    assert found.symbol_type is SymbolTypeCode.COMBO
    assert found.legs == (Leg("XBTM26", Decimal(1)), Leg("XBTU26", Decimal(-1)))
    assert found.min_price == Decimal(-1000000)
    assert (found.expiry, found.contract_size) == (None, None)
    assert found.ends_at == dt.datetime(2026, 6, 26, 12, tzinfo=dt.UTC)


def test_an_option_is_european_and_settled_in_cash() -> None:
    found = market(FUTURE, {"typ": "OPECCS", "optionStrikePrice": 8000})
    assert (found.symbol_type, found.option_type) == (SymbolTypeCode.OPTION, OptionTypeCode.PUT)
    assert found.strike == Decimal(8000)
    assert found.exercise_style is ExerciseStyleCode.EUROPEAN
    assert found.settlement_method is SettlementMethodCode.CASH


@pytest.mark.parametrize(
    ("typ", "base", "expected"),
    [
        ("FFWCSX", "SOL", None),
        ("FFWCSX", "BMEX", None),
        ("FFWCSX", "DEFIMEX", UnderlyingClassCode.INDEX),
        ("FFWCSF", "EUR", UnderlyingClassCode.FX),
        ("FFSCSX", "TSLA", None),
    ],
)
def test_currencies_and_baskets_are_told_from_other_things(
    typ: str, base: str, expected: UnderlyingClassCode | None
) -> None:
    assert market(QUANTO, {"typ": typ, "underlying": base}).underlying_class is expected


@pytest.mark.parametrize("typ", ["MRBXXX", "MRCXXX", "MRFXXX", "MRRXXX", "MRIXXX"])
def test_an_index_is_no_market(typ: str) -> None:
    assert the_unsupported(read({"symbol": ".BXBT", "typ": typ})).kind == "INDEX"


def test_a_market_of_predictions_is_an_event() -> None:
    record = {"symbol": "P_POWELLK26", "typ": "FFICSX", "quoteCurrency": "XXX"}
    assert the_unsupported(read(record)).kind == "EVENT"


@pytest.mark.parametrize(
    ("state", "listing", "expected"),
    [
        ("Open", "2016-05-13T12:00:00.000Z", MarketStatusCode.ONLINE),
        ("Closed", "2016-05-13T12:00:00.000Z", MarketStatusCode.HALTED),
        ("Unlisted", "2023-03-11T04:00:00.000Z", MarketStatusCode.PREOPEN),
        ("Unlisted", "2200-02-01T00:00:00.000Z", MarketStatusCode.PREOPEN),
        ("Unlisted", "2016-05-13T12:00:00.000Z", MarketStatusCode.HALTED),
        ("Settled", "2016-05-13T12:00:00.000Z", MarketStatusCode.DELISTED),
        ("Cleared", "2016-05-13T12:00:00.000Z", MarketStatusCode.DELISTED),
        ("Expired", "2016-05-13T12:00:00.000Z", MarketStatusCode.DELISTED),
        ("Delisted", "2016-05-13T12:00:00.000Z", MarketStatusCode.DELISTED),
    ],
)
def test_each_state_has_its_status(state: str, listing: str, expected: MarketStatusCode) -> None:
    assert market({"state": state, "listing": listing}).status is expected


def test_a_settled_future_ended_when_it_expired() -> None:
    found = market(FUTURE, {"state": "Settled"})
    assert found.delisted_at == dt.datetime(2022, 12, 30, 12, tzinfo=dt.UTC)


def test_a_listing_far_in_the_future_is_no_date() -> None:
    assert market({"state": "Unlisted", "listing": "2200-02-01T00:00:00.000Z"}).listed_at is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "Paused"}, "state is 'Paused'"),
        ({"typ": "FFXXXX"}, "typ is 'FFXXXX'"),
        ({"tickSize": 0}, "tickSize is 0"),
        ({"lotSize": 0}, "lotSize is 0"),
        ({"multiplier": 0}, "multiplier is 0"),
        ({"underlyingToSettleMultiplier": None}, "underlyingToSettleMultiplier is None"),
        ({"isQuanto": True}, "isQuanto is True"),
        ({"isInverse": None}, "isInverse None"),
        ({"settlCurrency": ""}, "settlCurrency is not stated"),
        ({"typ": "FFCCSX"}, "expiry is None"),
        (LINEAR | {"underlyingToPositionMultiplier": 3}, "the quotient has no end"),
        (SPREAD | {"farLegSymbol": None}, "farLegSymbol is not stated"),
    ],
)
def test_what_cannot_be_read_is_unreadable(change: dict[str, Any], reason: str) -> None:
    assert reason in the_reason(read(change))


def test_two_lists_of_the_open_instruments_are_one_too_many() -> None:
    answers = {"instrument__active": [XBTUSD], "instrument__activeAndIndices": [XBTUSD]}
    with pytest.raises(UnusableAnswer, match="give one of them"):
        reading_of("bitmex", **answers)


def test_a_full_page_of_instruments_may_not_be_the_last() -> None:
    page = [XBTUSD | {"symbol": f"XBT{place}"} for place in range(100)]
    assert reading_of("bitmex", v1__instrument=page).incomplete
    assert not reading_of("bitmex", v1__instrument=page[:99]).incomplete


def test_an_error_is_no_list() -> None:
    with pytest.raises(UnusableAnswer, match="no list"):
        reading_of("bitmex", instrument__active={"error": {"message": "Rate limit exceeded"}})


def test_the_testnet_is_an_operator_of_its_own() -> None:
    _, testnet = PRODUCT_LINES
    assert (testnet.operator, testnet.environment) == ("bitmex-testnet", EnvironmentCode.TESTNET)
