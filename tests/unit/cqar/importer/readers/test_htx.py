import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Market, Phase
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, OrderUnitCode
from tests.support.venue_readings import read, the_market, the_unreadable

S = MarketStatusCode
XNOUSDT = {
    "base-currency": "xno",
    "quote-currency": "usdt",
    "price-precision": 6,
    "amount-precision": 4,
    "symbol-partition": "innovation",
    "symbol": "xnousdt",
    "state": "online",
    "value-precision": 8,
    "min-order-amt": 0.1,
    "max-order-amt": 100000,
    "min-order-value": 5,
    "limit-order-min-order-amt": 0.1,
    "limit-order-max-order-amt": 100000,
    "limit-order-max-buy-amt": 90000,
    "limit-order-max-sell-amt": 100000,
    "sell-market-min-order-amt": 0.2,
    "sell-market-max-order-amt": 10000,
    "buy-market-max-order-value": 20000,
    "api-trading": "enabled",
    "tags": "",
}
ETHUSDT = {
    "sc": "ethusdt",
    "bc": "eth",
    "bcdn": "ETH",
    "qc": "usdt",
    "qcdn": "USDT",
    "state": "online",
    "te": True,
    "toa": 1514779200000,
    "tpp": 2,
    "tap": 4,
    "ttp": 8,
}
LINEAR = {
    "symbol": "BTC",
    "contract_code": "BTC-USDT",
    "contract_size": 0.001,
    "price_tick": 0.1,
    "delivery_date": "",
    "delivery_time": "",
    "create_date": "20201021",
    "contract_status": 1,
    "settlement_date": "1645315200000",
    "support_margin_mode": "all",
    "business_type": "swap",
    "pair": "BTC-USDT",
    "contract_type": "swap",
    "trade_partition": "USDT",
}
COIN_SWAP = {
    "symbol": "BTC",
    "contract_code": "BTC-USD",
    "contract_size": 100.0,
    "price_tick": 0.1,
    "delivery_time": "",
    "create_date": "20200325",
    "contract_status": 1,
    "settlement_date": "1645315200000",
}
COIN_FUTURE = {
    "symbol": "XRP",
    "contract_code": "XRP210924",
    "contract_type": "quarter",
    "contract_size": 10.0,
    "price_tick": 1e-05,
    "delivery_date": "20210924",
    "delivery_time": "1632470400000",
    "create_date": "20210312",
    "contract_status": 1,
    "settlement_time": "1627027200000",
}
INFO = "linear-swap-api/v1/swap_contract_info"


def at(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def answer(*records: dict[str, Any]) -> dict[str, Any]:
    return {"status": "ok", "data": list(records), "ts": 1626994538690}


def a_symbol(**changes: Any) -> Market:
    record = {**XNOUSDT, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return the_market(read("htx", {"common/symbols": answer(record)}))


def a_linear(**changes: Any) -> Market:
    return the_market(read("htx-linear", {INFO: answer({**LINEAR, **changes})}))


def no_linear(**changes: Any) -> str:
    return the_unreadable(read("htx-linear", {INFO: answer({**LINEAR, **changes})})).reason


def test_a_symbol_has_codes_in_lower_case_that_read_upper_case() -> None:
    assert a_symbol() == Market(
        spelling="xnousdt",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("xno", "XNO"),
        quote=Code("usdt", "USDT"),
        status=S.ONLINE,
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.000001"),
        lot_size=Decimal("0.0001"),
        min_order_size=Decimal("0.1"),
        max_order_size=Decimal(100000),
        market_min_size=Decimal("0.2"),
        market_max_size=Decimal(10000),
        min_notional=Decimal(5),
        market_min_notional=Decimal(5),
        market_max_notional=Decimal(20000),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("online", S.ONLINE),
        ("offline", S.DELISTED),
        ("suspend", S.HALTED),
        ("pre-online", S.PREOPEN),
        ("not-online", S.PREOPEN),
        ("transfer-board", S.HALTED),
        ("fuse", S.HALTED),
    ],
)
def test_a_symbol_has_the_status_of_its_state(word: str, status: S) -> None:
    assert a_symbol(state=word).status is status


def test_a_symbol_that_the_api_may_not_trade_is_halted() -> None:
    assert a_symbol(api_trading="disabled").status is S.HALTED


@pytest.mark.parametrize(
    "changes",
    [{"state": "unknown"}, {"state": None}, {"api-trading": "maybe"}, {"api-trading": None}],
)
def test_a_symbol_with_an_unknown_word_is_unreadable(changes: dict[str, Any]) -> None:
    found = read("htx", {"common/symbols": answer({**XNOUSDT, **changes})})
    assert the_unreadable(found).reason


def test_a_largest_value_in_dollars_is_none_in_bitcoin() -> None:
    assert a_symbol(max_order_value=1000).max_notional == Decimal(1000)
    other = a_symbol(symbol="xnobtc", quote_currency="btc", max_order_value=1000)
    assert other.max_notional is None


def test_the_leverage_of_a_symbol_is_the_larger_of_isolated_and_cross_margin() -> None:
    found = a_symbol(leverage_ratio=5, super_margin_leverage_ratio=3, funding_leverage_ratio=0)
    assert found.max_leverage == Decimal(5)
    assert a_symbol(leverage_ratio=0).max_leverage is None


def test_an_exchange_traded_product_names_what_it_follows() -> None:
    assert a_symbol(underlying="filusdt", init_nav=10.0).underlying == "filusdt"


def test_a_symbol_of_version_2_says_when_it_opened_and_how_its_codes_read() -> None:
    found = read("htx", {"settings/common/symbols": answer(ETHUSDT)})
    assert the_market(found) == Market(
        spelling="ethusdt",
        symbol_type=SymbolTypeCode.SPOT,
        base=Code("eth", "ETH"),
        quote=Code("usdt", "USDT"),
        status=S.ONLINE,
        listed_at=at(1514779200000),
        order_unit=OrderUnitCode.BASE,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.0001"),
    )


def test_a_symbol_of_version_2_may_be_in_a_call_auction() -> None:
    auction = {"castate": "ca_1", "ca1oa": 1514779100000, "ca2oa": 1514779150000}
    found = the_market(read("htx", {"settings/common/symbols": answer({**ETHUSDT, **auction})}))
    assert found.status is S.AUCTION
    assert found.phases == (
        Phase(S.AUCTION, at(1514779100000), at(1514779150000)),
        Phase(S.AUCTION, at(1514779150000), at(1514779200000)),
    )
    assert found.trading_starts_at == at(1514779200000)


def test_a_symbol_of_version_2_whose_trading_is_off_is_halted() -> None:
    found = read("htx", {"settings/common/symbols": answer({**ETHUSDT, "te": False})})
    assert the_market(found).status is S.HALTED


def test_of_both_versions_the_one_with_limits_is_read() -> None:
    answers = {"v1/common/symbols": answer(XNOUSDT), "settings/common/symbols": answer(ETHUSDT)}
    assert the_market(read("htx", answers)).spelling == "xnousdt"


def test_a_thousand_linear_contracts_are_one_bitcoin() -> None:
    contract = a_linear()
    assert contract == Market(
        spelling="BTC-USDT",
        symbol_type=SymbolTypeCode.PERPETUAL,
        base=Code("BTC"),
        quote=Code("USDT"),
        settlement=Code("USDT"),
        contract_kind=ContractKindCode.LINEAR,
        status=S.ONLINE,
        order_unit=OrderUnitCode.CONTRACT,
        contract_size=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1),
    )
    assert contract.contract_size is not None
    assert 1000 * contract.contract_size == 1


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (0, S.DELISTED),
        (1, S.ONLINE),
        (2, S.PREOPEN),
        (3, S.HALTED),
        (4, S.HALTED),
        (5, S.SETTLING),
        (6, S.SETTLING),
        (7, S.HALTED),
        (8, S.DELISTED),
        (9, S.HALTED),
    ],
)
def test_a_contract_has_the_status_of_its_number(number: int, status: S) -> None:
    assert a_linear(contract_status=number).status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"contract_status": 10},
        {"contract_status": None},
        {"contract_size": 0},
        {"price_tick": 0},
        {"business_type": "options"},
        {"business_type": None},
        {"contract_type": "quarter"},
        {"pair": "ETH-USDT"},
        {"trade_partition": "HUSD"},
    ],
)
def test_a_contract_that_does_not_say_what_it_must_is_unreadable(changes: dict[str, Any]) -> None:
    assert no_linear(**changes)


def test_a_linear_future_expires_at_its_delivery() -> None:
    contract = a_linear(
        contract_code="BTC-USDT-211231",
        business_type="futures",
        contract_type="quarter",
        delivery_date="20211231",
        delivery_time="1640937600000",
    )
    assert contract.symbol_type is SymbolTypeCode.FUTURE
    assert (contract.expiry, contract.base) == (at(1640937600000), Code("BTC"))


def test_a_swap_with_a_delivery_ends_then() -> None:
    swap = a_linear(delivery_time="1640937600000")
    assert (swap.expiry, swap.ends_at) == (None, at(1640937600000))
    over = a_linear(delivery_time="1640937600000", contract_status=8)
    assert (over.ends_at, over.delisted_at) == (None, at(1640937600000))


def test_swaps_alone_say_nothing_about_futures() -> None:
    found = read("htx-linear", {INFO: answer(LINEAR)})
    assert found.covers("ETH-USDT", SymbolTypeCode.PERPETUAL)
    assert not found.covers("BTC-USDT-211231", SymbolTypeCode.FUTURE)
    both = read("htx-linear", {f"{INFO}?business_type=all": answer(LINEAR)})
    assert both.covers("BTC-USDT-211231", SymbolTypeCode.FUTURE)


def test_two_coin_margined_contracts_are_two_hundred_dollars() -> None:
    answers = {"swap-api/v1/swap_contract_info": answer(COIN_SWAP)}
    swap = the_market(read("htx-coinm-swap", answers))
    assert (swap.quote, swap.settlement) == (Code("USD"), Code("BTC"))
    assert swap.contract_kind is ContractKindCode.INVERSE
    assert swap.contract_size is not None
    assert 2 * swap.contract_size == Decimal(200)


def test_a_coin_margined_future_expires_and_a_listing_day_is_no_instant() -> None:
    future = the_market(read("htx-coinm-future", {"contract_contract_info": answer(COIN_FUTURE)}))
    assert future.symbol_type is SymbolTypeCode.FUTURE
    assert (future.expiry, future.listed_at) == (at(1632470400000), None)
    assert (future.tick_size, future.contract_size) == (Decimal("0.00001"), Decimal(10))


def test_contracts_of_another_line_are_not_the_answer() -> None:
    with pytest.raises(UnusableAnswer, match="another line"):
        read("htx-coinm-swap", {"swap_contract_info": answer(LINEAR)})


def test_an_error_is_no_listing() -> None:
    error = {"status": "error", "err-code": "bad-request", "err-msg": "invalid"}
    with pytest.raises(UnusableAnswer, match="invalid"):
        read("htx", {"common/symbols": error})
