"""What makes a symbol valid, how it is named, and what it means to be the same symbol."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar_shared.domain.kinds.symbol import (
    IDENTITY,
    ContractKindCode,
    OptionTypeCode,
    Symbol,
    SymbolTypeCode,
)
from tests.support.entity_builders import BTC, ETH, NOW, USD, USDT, a_symbol, an_asset, an_id
from tests.support.memory_registry_view import Held, changed, completed, findings

EXPIRY = dt.datetime(2026, 12, 25, 8, tzinfo=dt.UTC)
ASSETS = (an_asset(), an_asset("ETH"), an_asset("USDT"), an_asset("USD"))
LINEAR = {"symbol_type": SymbolTypeCode.PERPETUAL, "settlement_asset_id": USDT}
INVERSE = {"quote_asset_id": USD, "settlement_asset_id": BTC}
FUTURE = {**INVERSE, "symbol_type": SymbolTypeCode.FUTURE, "expiry": EXPIRY}
OPTION = {
    **FUTURE,
    "symbol_type": SymbolTypeCode.OPTION,
    "strike_price": Decimal(100000),
    "option_type": OptionTypeCode.CALL,
}
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("BTC/USDT", {}),
    ("BTC/USDT", {"symbol_type": SymbolTypeCode.MARGIN}),
    ("BTC/USDT:USDT", LINEAR),
    ("BTC/USD:BTC", {**INVERSE, "symbol_type": SymbolTypeCode.PERPETUAL}),
    ("BTC/USD:BTC-261225", FUTURE),
    ("BTC/USD:BTC-261225-100000-C", OPTION),
    ("BTC/USD:BTC-261225-0.5-P", {**OPTION, "strike_price": Decimal("0.5"), "option_type": 2}),
]


@pytest.mark.parametrize(("text", "terms"), EXAMPLES)
def test_a_symbols_text_follows_the_fields_notation(text: str, terms: dict[str, Any]) -> None:
    if "option_type" in terms:
        terms = {**terms, "option_type": OptionTypeCode(terms["option_type"])}
    held = Held(*ASSETS)
    symbol = completed(a_symbol(**terms), held)
    assert symbol.symbol == text
    assert findings(symbol, held) == set()


def test_a_strike_is_named_in_plain_notation() -> None:
    terms = {**OPTION, "strike_price": Decimal("1E+5")}
    assert completed(a_symbol(**terms), Held(*ASSETS)).symbol == "BTC/USD:BTC-261225-100000-C"


def test_a_text_that_is_given_stays_and_one_that_is_left_out_is_kept() -> None:
    given = a_symbol(symbol="XBT/USDT")
    assert completed(given, Held(*ASSETS)).symbol == "XBT/USDT"
    assert completed(a_symbol(), Held(*ASSETS), given).symbol == "XBT/USDT"
    assert findings(a_symbol(symbol=" B")) == {("symbol", "WHITE_SPACE")}
    assert findings(a_symbol(symbol="B\tC")) == {("symbol", "NOT_PRINTABLE")}
    assert findings(a_symbol(symbol="B" * 129)) == {("symbol", "TOO_LONG")}
    assert findings(a_symbol(symbol="B" * 128)) == set()


def test_the_settlement_of_a_spot_symbol_is_its_quote_and_a_contract_names_its_own() -> None:
    assert completed(a_symbol()).settlement_asset_id == USDT
    perpetual = a_symbol(symbol_type=SymbolTypeCode.PERPETUAL)
    assert completed(perpetual).settlement_asset_id is None
    assert findings(perpetual) == {("settlement_asset_id", "REQUIRED")}


@pytest.mark.parametrize(
    ("settlement", "kind"),
    [
        (USDT, ContractKindCode.LINEAR),
        (BTC, ContractKindCode.INVERSE),
        (ETH, ContractKindCode.QUANTO),
    ],
)
def test_how_a_contract_pays_follows_from_its_settlement(
    settlement: str, kind: ContractKindCode
) -> None:
    contract = a_symbol(symbol_type=SymbolTypeCode.PERPETUAL, settlement_asset_id=settlement)
    assert completed(contract).contract_kind is kind
    assert completed(a_symbol()).contract_kind is None
    for other in set(ContractKindCode) - {kind}:
        stated = changed(contract, contract_kind=other)
        assert findings(stated) == {("contract_kind", "CONTRADICTS")}


def test_what_is_traded_for_cash_settles_in_its_quote_and_is_no_contract() -> None:
    for cash in (SymbolTypeCode.SPOT, SymbolTypeCode.MARGIN):
        third = a_symbol(symbol_type=cash, settlement_asset_id=ETH)
        assert findings(third) == {("settlement_asset_id", "NOT_THE_QUOTE")}
        contract = a_symbol(symbol_type=cash, contract_kind=ContractKindCode.LINEAR)
        assert findings(contract) == {("contract_kind", "NOT_APPLICABLE")}


def test_a_symbol_needs_a_uuid_a_type_and_two_different_assets() -> None:
    bad = Symbol(symbol_id="x", settlement_asset_id=USD)
    assert findings(bad) == {
        ("symbol_id", "NOT_A_UUID"),
        ("symbol_type", "REQUIRED"),
        ("base_asset_id", "REQUIRED"),
        ("quote_asset_id", "REQUIRED"),
    }
    same = a_symbol(quote_asset_id=BTC)
    assert findings(same) == {("quote_asset_id", "SAME_AS_BASE")}


@pytest.mark.parametrize("step", ["tick_size", "lot_size", "contract_size", "max_order_size"])
@pytest.mark.parametrize("value", ["0", "-0.01"])
def test_steps_are_greater_than_zero(step: str, value: str) -> None:
    assert findings(a_symbol(**{step: Decimal(value)})) == {(f"exact.{step}", "NOT_POSITIVE")}
    assert findings(a_symbol(**{step: Decimal("0.00000001")})) == set()


@pytest.mark.parametrize("size", ["min_order_size", "min_notional"])
def test_lower_bounds_are_zero_or_more(size: str) -> None:
    assert findings(a_symbol(**{size: Decimal(0)})) == set()
    assert findings(a_symbol(**{size: Decimal(-1)})) == {(f"exact.{size}", "NEGATIVE")}


def test_the_least_size_does_not_exceed_the_most() -> None:
    sizes = {"min_order_size": Decimal(2), "max_order_size": Decimal(2)}
    assert findings(a_symbol(**sizes)) == set()
    sizes["max_order_size"] = Decimal("1.9")
    assert findings(a_symbol(**sizes)) == {("exact.min_order_size", "MIN_ABOVE_MAX")}


# ---------------------------------------------------------------- what expires


def test_an_option_needs_strike_expiry_and_type() -> None:
    bare = {**OPTION, "strike_price": None, "expiry": None, "option_type": None}
    assert findings(a_symbol(**bare)) == {
        ("exact.strike_price", "REQUIRED"),
        ("expiry", "REQUIRED"),
        ("option_type", "REQUIRED"),
    }


@pytest.mark.parametrize("strike", ["0", "-1"])
def test_a_strike_is_greater_than_zero(strike: str) -> None:
    bad = a_symbol(**{**OPTION, "strike_price": Decimal(strike)})
    assert findings(bad) == {("exact.strike_price", "NOT_POSITIVE")}


def test_a_future_needs_an_expiry_and_has_no_strike() -> None:
    assert findings(a_symbol(**{**FUTURE, "expiry": None})) == {("expiry", "REQUIRED")}
    bad = {**FUTURE, "strike_price": Decimal(1), "option_type": OptionTypeCode.PUT}
    assert findings(a_symbol(**bad)) == {
        ("exact.strike_price", "NOT_APPLICABLE"),
        ("option_type", "NOT_APPLICABLE"),
    }


@pytest.mark.parametrize("terms", [{}, LINEAR, {"symbol_type": SymbolTypeCode.MARGIN}])
def test_what_does_not_expire_has_no_expiry(terms: dict[str, Any]) -> None:
    assert findings(a_symbol(**terms, expiry=EXPIRY)) == {("expiry", "NOT_APPLICABLE")}


@pytest.mark.parametrize("terms", [FUTURE, OPTION])
def test_what_has_expired_is_only_imported_as_history(terms: dict[str, Any]) -> None:
    for expiry in (NOW, NOW - dt.timedelta(days=1)):
        past = a_symbol(**{**terms, "expiry": expiry})
        assert findings(past) == {("expiry", "PAST")}
        assert findings(past, Held(historical=True)) == set()
        # One that expired since may still be corrected.
        assert findings(changed(past, lot_size=Decimal(1)), Held(past), past) == set()
    ahead = a_symbol(**{**terms, "expiry": NOW + dt.timedelta(microseconds=1)})
    assert findings(ahead) == set()


# ---------------------------------------------------------------- identity

OTHER: dict[str, Any] = {
    "symbol_type": SymbolTypeCode.FUTURE,
    "base_asset_id": ETH,
    "quote_asset_id": USDT,
    "settlement_asset_id": USD,
    "expiry": EXPIRY + dt.timedelta(days=7),
    "strike_price": Decimal(1),
    "option_type": OptionTypeCode.PUT,
}


@pytest.mark.parametrize("field", IDENTITY)
def test_a_symbols_terms_are_for_ever(field: str) -> None:
    before = completed(a_symbol(**OPTION))
    after = changed(before, **{field: OTHER[field]})
    named = "exact.strike_price" if field == "strike_price" else field
    assert (named, "IMMUTABLE") in findings(after, Held(before), before)


def test_steps_text_and_activity_may_change() -> None:
    before = completed(a_symbol(**OPTION))
    after = changed(before, tick_size=Decimal(5), symbol="new", is_active=False, delisted_at=NOW)
    assert findings(after, Held(before), before) == set()


def test_the_same_terms_are_the_same_symbol() -> None:
    one = completed(a_symbol(**OPTION))
    twin = changed(one, symbol_id=an_id("twin"), strike_price=Decimal("100000.00"))
    assert findings(twin, Held(one)) == {("symbol_type", "DUPLICATE")}
    for field in ("expiry", "strike_price", "option_type"):
        other = changed(twin, **{field: OTHER[field]})
        assert findings(other, Held(one)) == set(), field


def test_a_spot_symbol_that_names_its_quote_as_settlement_is_no_other() -> None:
    one = completed(a_symbol())
    twin = a_symbol(symbol_id=an_id("twin"), settlement_asset_id=USDT)
    assert findings(twin, Held(one)) == {("symbol_type", "DUPLICATE")}
