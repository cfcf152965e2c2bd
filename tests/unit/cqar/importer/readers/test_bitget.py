import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Alias, Code, Market, Scheduled
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable

S = MarketStatusCode
SPOT = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "minTradeAmount": "0",
    "maxTradeAmount": "900000000000000000000",
    "takerFeeRate": "0.002",
    "makerFeeRate": "0.001",
    "pricePrecision": "2",
    "quantityPrecision": "6",
    "quotePrecision": "8",
    "status": "online",
    "minTradeUSDT": "1",
    "buyLimitPriceRatio": "0.05",
    "sellLimitPriceRatio": "0.04",
    "areaSymbol": "no",
    "orderQuantity": "200",
    "openTime": "1532454360000",
    "offTime": "",
}
SPOT_OF_2022 = {
    "symbol": "ALPHAUSDT_SPBL",
    "symbolName": "ALPHAUSDT",
    "baseCoin": "ALPHA",
    "quoteCoin": "USDT",
    "minTradeAmount": "2",
    "maxTradeAmount": "0",
    "takerFeeRate": "0.001",
    "makerFeeRate": "0.001",
    "priceScale": "4",
    "quantityScale": "3",
    "status": "online",
}
CONTRACT = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "buyLimitPriceRatio": "0.05",
    "sellLimitPriceRatio": "0.05",
    "makerFeeRate": "0.0004",
    "takerFeeRate": "0.0006",
    "supportMarginCoins": ["USDT"],
    "minTradeNum": "0.01",
    "priceEndStep": "5",
    "volumePlace": "3",
    "pricePlace": "1",
    "sizeMultiplier": "0.01",
    "symbolType": "perpetual",
    "minTradeUSDT": "5",
    "symbolStatus": "normal",
    "offTime": "-1",
    "limitOpenTime": "-1",
    "deliveryTime": "",
    "launchTime": "1700000000000",
    "fundInterval": "8",
    "maxLever": "125",
    "maxMarketOrderQty": "220",
    "maxOrderQty": "1200",
    "isRwa": "NO",
}
COIN_OF_2022 = {
    "symbol": "BTCUSD_DMCBL",
    "makerFeeRate": "0.0002",
    "takerFeeRate": "0.0006",
    "quoteCoin": "USD",
    "baseCoin": "BTC",
    "buyLimitPriceRatio": "0.01",
    "sellLimitPriceRatio": "0.01",
    "supportMarginCoins": ["BTC", "ETH", "USDC"],
    "minTradeNum": "0.001",
    "priceEndStep": "5",
    "volumePlace": "3",
    "pricePlace": "1",
}
V2 = "v2/mix/market/contracts"


def at(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def answer(*records: dict[str, Any]) -> dict[str, Any]:
    return {"code": "00000", "msg": "success", "requestTime": 1, "data": list(records)}


def a_spot(**changes: Any) -> Market:
    return the_market(read("bitget", {"public/symbols": answer({**SPOT, **changes})}))


def a_contract(venue_id: str = "bitget-usdt", **changes: Any) -> Market:
    return the_market(read(venue_id, {V2: answer({**CONTRACT, **changes})}))


def no_contract(**changes: Any) -> str:
    answers = {V2: answer(CONTRACT | {"symbol": "ETHUSDT"}, {**CONTRACT, **changes})}
    found = read("bitget-usdt", answers)
    assert len(found.markets) == 1
    (unreadable,) = found.unreadable
    return unreadable.reason


def test_a_symbol_has_its_steps_its_fees_and_its_bounds_of_prices() -> None:
    assert a_spot() == Market(
        spelling="BTCUSDT",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("BTC"),
        quote=Code("USDT"),
        status=S.ONLINE,
        listed_at=at(1532454360000),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.000001"),
        min_notional=Decimal(1),
        market_min_notional=Decimal(1),
        bid_multiplier_up=Decimal("1.05"),
        ask_multiplier_down=Decimal("0.96"),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.002"),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("online", S.ONLINE),
        ("halt", S.HALTED),
        ("gray", S.PREOPEN),
        ("offline", S.DELISTED),
    ],
)
def test_a_symbol_has_the_status_of_its_word(word: str, status: S) -> None:
    assert a_spot(status=word).status is status


def test_a_symbol_with_an_unknown_status_is_unreadable() -> None:
    found = read("bitget", {"public/symbols": answer({**SPOT, "status": "paused"})})
    assert "status" in the_unreadable(found).reason


def test_an_off_time_is_an_announced_end_until_the_symbol_is_offline() -> None:
    assert a_spot(offTime="1744797600000").ends_at == at(1744797600000)
    over = a_spot(offTime="1744797600000", status="offline")
    assert (over.delisted_at, over.ends_at) == (at(1744797600000), None)


def test_a_minimum_in_dollars_is_none_in_bitcoin() -> None:
    assert a_spot(symbol="ETHBTC", baseCoin="ETH", quoteCoin="BTC").min_notional is None


def test_a_product_of_version_1_has_its_own_spelling_and_no_limit_of_zero() -> None:
    found = read("bitget", {"public/products": answer(SPOT_OF_2022)})
    assert the_market(found) == Market(
        spelling="ALPHAUSDT_SPBL",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("ALPHA"),
        quote=Code("USDT"),
        status=S.ONLINE,
        aliases=(Alias("ALPHAUSDT"),),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.0001"),
        lot_size=Decimal("0.001"),
        min_order_size=Decimal(2),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
    )


def test_a_quantity_of_a_contract_is_in_bitcoin_and_its_tick_is_five_tenths() -> None:
    contract = a_contract()
    assert contract == Market(
        spelling="BTCUSDT",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        contract_kind=ContractKindCode.LINEAR,
        status=S.ONLINE,
        listed_at=at(1700000000000),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.5"),
        lot_size=Decimal("0.01"),
        min_order_size=Decimal("0.01"),
        max_order_size=Decimal(1200),
        market_max_size=Decimal(220),
        min_notional=Decimal(5),
        market_min_notional=Decimal(5),
        bid_multiplier_up=Decimal("1.05"),
        ask_multiplier_down=Decimal("0.95"),
        maker_fee=Decimal("0.0004"),
        taker_fee=Decimal("0.0006"),
        max_leverage=Decimal(125),
        funding_interval_s=28800,
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("listed", S.PREOPEN),
        ("normal", S.ONLINE),
        ("maintain", S.HALTED),
        ("limit_open", S.REDUCE_ONLY),
        ("restrictedAPI", S.HALTED),
        ("off", S.DELISTED),
    ],
)
def test_a_contract_has_the_status_of_its_word(word: str, status: S) -> None:
    assert a_contract(symbolStatus=word).status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"symbolStatus": "paused"},
        {"symbolStatus": None},
        {"symbolType": "spread"},
        {"symbolType": None},
        {"symbolType": "delivery"},
        {"supportMarginCoins": ["USDC"]},
        {"priceEndStep": "0"},
        {"sizeMultiplier": "0"},
        {"offTime": "-2"},
    ],
)
def test_a_contract_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    assert no_contract(**changes)


def test_a_contract_announces_that_nothing_may_be_opened_and_that_it_ends() -> None:
    contract = a_contract(limitOpenTime="1700000000000", offTime="1700086400000")
    assert contract.scheduled == (Scheduled(at(1700000000000), "status", "REDUCE_ONLY"),)
    assert contract.ends_at == at(1700086400000)


def test_a_delivery_contract_expires_and_its_coin_settles_it() -> None:
    changes = {
        "symbol": "BTCUSDU26",
        "quoteCoin": "USD",
        "supportMarginCoins": ["BTC"],
        "symbolType": "delivery",
        "deliveryTime": "1782460799000",
        "deliveryPeriod": "this_quarter",
    }
    contract = a_contract("bitget-coin", **changes)
    assert contract.symbol_type is SymbolTypeCode.FUTURE
    assert (contract.expiry, contract.settlement) == (at(1782460799000), Code("BTC"))
    assert contract.contract_kind is ContractKindCode.INVERSE
    assert (contract.order_unit, contract.min_notional) == (OrderUnitCode.BASE, None)


def test_a_contract_of_version_1_states_no_status_and_is_perpetual_by_its_product_type() -> None:
    answers = {"v1/market/contracts?productType=dmcbl": answer(COIN_OF_2022)}
    contract = the_market(read("bitget-coin", answers))
    assert contract.symbol_type is SymbolTypeCode.PERPETUAL
    assert (contract.status, contract.settlement) == (None, Code("BTC"))
    assert (contract.tick_size, contract.lot_size) == (Decimal("0.5"), Decimal("0.001"))


def test_contracts_of_another_line_are_not_the_answer() -> None:
    with pytest.raises(UnusableAnswer, match="settled in USDC"):
        read("bitget-usdc", {V2: answer(CONTRACT)})


def test_an_error_is_no_listing() -> None:
    with pytest.raises(UnusableAnswer, match="40020"):
        read("bitget", {"public/symbols": {"code": "40020", "msg": "Parameter error"}})
