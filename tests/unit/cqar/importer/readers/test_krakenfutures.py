import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import (
    base_quantity,
    read,
    the_market,
    the_unreadable,
    the_unsupported,
)

PF_ETHUSD = {
    "symbol": "PF_ETHUSD",
    "type": "flexible_futures",
    "tickSize": 0.1,
    "contractSize": 1,
    "tradeable": True,
    "impactMidSize": 1.5,
    "maxPositionSize": 16000.0,
    "openingDate": "2022-03-22T13:18:45Z",
    "marginLevels": [
        {"numNonContractUnits": 0.0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
        {"numNonContractUnits": 2e6, "initialMargin": 0.04, "maintenanceMargin": 0.02},
    ],
    "fundingRateCoefficient": 24,
    "maxRelativeFundingRate": 0.0025,
    "isin": "GB00BQ84K502",
    "contractValueTradePrecision": 3,
    "postOnly": False,
    "feeScheduleUid": "723888f7",
    "mtf": True,
    "tradfi": False,
    "base": "ETH",
    "quote": "USD",
    "pair": "ETH:USD",
}
FI_XBTUSD_OF_2021 = {
    "symbol": "fi_xbtusd_210924",
    "type": "futures_inverse",
    "underlying": "rr_xbtusd",
    "lastTradingTime": "2021-09-24T15:00:00.000Z",
    "tickSize": 0.5,
    "contractSize": 1,
    "tradeable": True,
    "marginLevels": [{"contracts": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01}],
    "isin": "GB00J62YHF72",
}


def instruments(*found: dict[str, Any]) -> dict[str, Any]:
    return {"instruments": {"result": "success", "instruments": list(found)}}


def test_a_linear_perpetual_is_read_whole() -> None:
    assert the_market(read("krakenfutures", instruments(PF_ETHUSD))) == Market(
        spelling="PF_ETHUSD",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("ETH"),
        quote=Code("USD"),
        settlement=Code("USD"),
        contract_kind=ContractKindCode.LINEAR,
        status=MarketStatusCode.ONLINE,
        listed_at=dt.datetime(2022, 3, 22, 13, 18, 45, tzinfo=dt.UTC),
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal(1),
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        initial_margin_rate=Decimal("0.02"),
        maintenance_margin_rate=Decimal("0.01"),
    )


def test_a_future_of_2021_has_its_pair_in_its_symbol() -> None:
    assert the_market(read("krakenfutures", instruments(FI_XBTUSD_OF_2021))) == Market(
        spelling="fi_xbtusd_210924",
        symbol_type=SymbolTypeCode.FUTURE,
        base=Code("XBT", "BTC"),
        quote=Code("USD"),
        settlement=Code("XBT", "BTC"),
        underlying="rr_xbtusd",
        contract_kind=ContractKindCode.INVERSE,
        expiry=dt.datetime(2021, 9, 24, 15, tzinfo=dt.UTC),
        status=MarketStatusCode.ONLINE,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal(1),
        tick_size=Decimal("0.5"),
        initial_margin_rate=Decimal("0.02"),
        maintenance_margin_rate=Decimal("0.01"),
    )


def test_thousands_may_be_the_step_of_a_cheap_coin() -> None:
    cheap = PF_ETHUSD | {"contractValueTradePrecision": -3, "tickSize": 1e-10}
    market = the_market(read("krakenfutures", instruments(cheap)))
    assert (market.lot_size, market.tick_size) == (Decimal(1000), Decimal("0.0000000001"))


def test_an_inverse_contract_is_one_unit_of_the_quote() -> None:
    """An order of 30,000 contracts at 60,000 is 30,000 x 1 USD / 60,000 = 0.5 BTC."""
    market = the_market(read("krakenfutures", instruments(FI_XBTUSD_OF_2021)))
    assert base_quantity(market, "30000", price="60000") == Decimal("0.5")


def test_a_linear_contract_is_one_unit_of_the_base() -> None:
    """An order of 0.25 contracts at 2,000 is 0.25 x 1 ETH."""
    market = the_market(read("krakenfutures", instruments(PF_ETHUSD)))
    assert base_quantity(market, "0.25", price="2000") == Decimal("0.25")


def test_a_date_on_a_perpetual_is_its_end_and_no_expiry() -> None:
    ending = PF_ETHUSD | {"lastTradingTime": "2026-01-30T15:00:00Z"}
    market = the_market(read("krakenfutures", instruments(ending)))
    assert market.expiry is None
    assert market.ends_at == dt.datetime(2026, 1, 30, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"tradeable": False}, MarketStatusCode.HALTED),
        ({"postOnly": True}, MarketStatusCode.POST_ONLY),
        ({"tradeable": False, "postOnly": True}, MarketStatusCode.HALTED),
    ],
)
def test_flags_are_the_status(change: dict[str, Any], status: MarketStatusCode) -> None:
    assert the_market(read("krakenfutures", instruments(PF_ETHUSD | change))).status is status


@pytest.mark.parametrize(("word", "kind"), [("spot index", "INDEX"), ("turbo inverse", "TURBO")])
def test_what_is_no_future_is_unsupported(word: str, kind: str) -> None:
    record = {"symbol": "in_xbtusd", "type": word, "tradeable": False}
    assert the_unsupported(read("krakenfutures", instruments(record))).kind == kind


@pytest.mark.parametrize(
    "change",
    [
        {"type": "options"},
        {"tradeable": None},
        {"contractSize": 0},
        {"symbol": "XX_ETHUSD"},
        {"symbol": "FF_ETHUSD_260130"},
        {"contractValueTradePrecision": 0.5},
    ],
)
def test_what_is_not_known_makes_the_record_unreadable(change: dict[str, Any]) -> None:
    assert the_unreadable(read("krakenfutures", instruments(PF_ETHUSD | change)))
