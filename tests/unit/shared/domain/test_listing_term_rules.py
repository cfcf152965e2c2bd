"""Which terms a venue may state of a listing, and which contradict each other."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    OTHER_TERMS,
    TERMS,
    ListingPhase,
    MarketStatusCode,
    OrderUnitCode,
    VenueSymbol,
    terms_of,
)
from cqar_shared.domain.listing_term_rules import (
    CombinationLeg,
    PermissionGroups,
    ScheduledTerm,
)
from tests.support.entity_builders import BTC, NOW, USDT, a_symbol, a_venue_symbol, an_id
from tests.support.memory_registry_view import Held, changed, completed, findings

DAY = dt.timedelta(days=1)
COMBO = a_symbol(
    symbol_type=SymbolTypeCode.COMBO,
    settlement_asset_id=USDT,
    contract_kind=ContractKindCode.LINEAR,
    underlying="BTC-FS-27NOV26_PERP",
)
LEGS = (
    CombinationLeg(venue_symbol="BTC-PERP", ratio=Decimal(-1)),
    CombinationLeg(venue_symbol="BTC-27NOV26", ratio=Decimal(1)),
)


def a_listing(**changes: Any) -> VenueSymbol:
    return a_venue_symbol(**{"listing_id": an_id("one"), "is_primary": False, **changes})


def soon(field: str, value: str, days: int = 1) -> ScheduledTerm:
    return ScheduledTerm(effective_at=NOW + days * DAY, field=field, value=value)


EVERYTHING: dict[str, Any] = {
    "order_unit": OrderUnitCode.CONTRACT,
    "market_lot_size": Decimal("0.1"),
    "market_min_size": Decimal(0),
    "market_max_size": Decimal(120),
    "min_price": Decimal(-5),
    "max_price": Decimal(5),
    "bid_multiplier_up": Decimal("1.1"),
    "bid_multiplier_down": Decimal("0.2"),
    "ask_multiplier_up": Decimal(5),
    "ask_multiplier_down": Decimal("0.9"),
    "market_min_notional": Decimal(5),
    "market_max_notional": Decimal(9_000_000),
    "initial_margin_rate": Decimal("0.05"),
    "maintenance_margin_rate": Decimal("0.025"),
    "trading_starts_at": NOW,
    "phases": (ListingPhase(status=MarketStatusCode.AUCTION, starts_at=NOW, ends_at=NOW + DAY),),
    "scheduled": (soon("tick_size", "0.1"), soon("status", "CANCEL_ONLY", 2)),
    "permission_groups": (PermissionGroups(groups=("SPOT", "TRD_GRP_004")),),
    "quote_alternatives": ("USDC",),
    "order_types": ("LIMIT", "MARKET"),
    "time_in_force": ("GTC",),
    "funding_interval_s": 28_800,
    "doubts": ("SOURCE_UNREADABLE",),
}


def test_all_that_a_venue_may_state_is_taken() -> None:
    assert findings(a_listing(**EVERYTHING)) == set()


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        *(
            ({name: Decimal(0)}, f"exact.{name}", "NOT_POSITIVE")
            for name in ("market_lot_size", "market_max_size", "bid_multiplier_up")
        ),
        *(
            ({name: Decimal(-1)}, f"exact.{name}", "NEGATIVE")
            for name in ("market_min_size", "market_min_notional", "initial_margin_rate")
        ),
        ({"initial_margin_rate": Decimal(5)}, "exact.initial_margin_rate", "OUT_OF_RANGE"),
        *(
            ({low: Decimal(3), high: Decimal(2)}, f"exact.{low}", "MIN_ABOVE_MAX")
            for low, high in (
                ("market_min_size", "market_max_size"),
                ("min_price", "max_price"),
                ("bid_multiplier_down", "bid_multiplier_up"),
                ("market_min_notional", "market_max_notional"),
            )
        ),
        ({"funding_interval_s": 0}, "funding_interval_s", "OUT_OF_RANGE"),
        ({"phases": (ListingPhase(),)}, "phases[0].status", "REQUIRED"),
        (
            {
                "phases": (
                    ListingPhase(status=MarketStatusCode.AUCTION, starts_at=NOW, ends_at=NOW),
                )
            },
            "phases[0].ends_at",
            "NOT_AFTER_START",
        ),
        (
            {"permission_groups": (PermissionGroups(),)},
            "permission_groups[0].groups",
            "REQUIRED",
        ),
        (
            {"permission_groups": (PermissionGroups(groups=("A",)),) * 9},
            "permission_groups",
            "TOO_MANY",
        ),
        ({"order_types": ("limit",)}, "order_types", "NOT_UPPER_CASE"),
        ({"order_types": ("LIMIT", "LIMIT")}, "order_types", "DUPLICATE"),
        ({"time_in_force": tuple(f"T{n}" for n in range(65))}, "time_in_force", "TOO_MANY"),
        ({"doubts": ("source missing",)}, "doubts", "NOT_A_WORD"),
        ({"doubts": tuple(f"D{n}" for n in range(9))}, "doubts", "TOO_MANY"),
        ({"legs": LEGS}, "legs", "NOT_APPLICABLE"),
        ({"channels": ("WS",)}, "channels", "NOT_APPLICABLE"),
    ],
)
def test_what_contradicts_itself_is_refused(
    changes: dict[str, Any], field: str, reason: str
) -> None:
    held = Held(a_symbol())
    assert (field, reason) in findings(a_listing(**changes), held=held)


@pytest.mark.parametrize(
    ("scheduled", "field", "reason"),
    [
        ((soon("tick_size", "0"),), "scheduled", "NOT_POSITIVE"),
        ((soon("tick_size", "1e-5"),), "scheduled[0].value", "NOT_A_DECIMAL"),
        ((soon("venue_id", "x"),), "scheduled[0].field", "UNKNOWN"),
        ((soon("status", "DELISTED"),), "scheduled[0].value", "UNKNOWN"),
        ((soon("status", "closed"),), "scheduled[0].value", "UNKNOWN"),
        ((ScheduledTerm(field="tick_size", value="1"),), "scheduled[0].effective_at", "REQUIRED"),
        ((soon("tick_size", "1", 2), soon("tick_size", "2", 1)), "scheduled", "NOT_ASCENDING"),
        ((soon("tick_size", "1"), soon("tick_size", "2")), "scheduled", "DUPLICATE"),
        (
            (soon("min_order_size", "9"), soon("max_order_size", "8", 2)),
            "scheduled",
            "MIN_ABOVE_MAX",
        ),
        (tuple(soon("tick_size", "1", n + 1) for n in range(65)), "scheduled", "TOO_MANY"),
    ],
)
def test_an_announced_change_is_checked_by_itself_and_by_what_it_leads_to(
    scheduled: tuple[ScheduledTerm, ...], field: str, reason: str
) -> None:
    assert (field, reason) in findings(a_listing(scheduled=scheduled))


def test_changes_at_one_instant_are_one_step() -> None:
    """A larger minimum and a larger maximum go together."""
    scheduled = (soon("min_order_size", "9"), soon("max_order_size", "90"))
    held = a_listing(min_order_size=Decimal(1), max_order_size=Decimal(8), scheduled=scheduled)
    assert findings(held) == set()


def test_only_a_combination_has_legs_and_each_once() -> None:
    held = Held(COMBO)
    listing = {"symbol_id": COMBO.symbol_id}
    assert findings(a_listing(**listing, legs=LEGS), held=held) == set()
    twice = findings(a_listing(**listing, legs=LEGS[:1] * 2), held=held)
    assert twice == {("legs", "DUPLICATE")}
    none = CombinationLeg(venue_symbol="X")
    assert ("legs[0].ratio", "ZERO") in findings(a_listing(**listing, legs=(none,)), held=held)


def test_an_alias_has_a_channel_and_no_terms() -> None:
    primary = a_listing(listed_at=NOW - DAY)
    alias = a_listing(
        listing_id=an_id("alias"),
        venue_symbol="BTC/USDT",
        alias_of="BTCUSDT",
        listed_at=NOW - DAY,
        tick_size=None,
        lot_size=None,
    )
    held = Held(primary)
    assert findings(changed(alias, channels=("WS", "WS_V2")), held=held) == set()
    whole = findings(changed(alias, **EVERYTHING), held=held)
    expected = {f"exact.{name}" if name in TERMS else name for name in EVERYTHING}
    assert {field for field, reason in whole if reason == "ALIAS"} == expected
    assert {*EVERYTHING, "legs", "tick_bands", "price_significant_digits"} - {*TERMS} == {
        *OTHER_TERMS
    }


def test_the_channel_of_a_spelling_is_no_term() -> None:
    alias = a_listing(alias_of="BTCUSDT")
    assert terms_of(alias) == terms_of(changed(alias, channels=("FIX",)))


def test_an_empty_list_is_stored_as_not_known() -> None:
    given = dict.fromkeys(("phases", "scheduled", "order_types", "doubts", "legs"), ())
    listing = completed(a_listing(**given))
    assert {getattr(listing, name) for name in given} == {None}


# ---------------------------------------------------------------- combinations


def test_combinations_of_the_same_assets_differ_by_their_names() -> None:
    other = changed(COMBO, symbol_id=an_id("other"), underlying="BTC-CS-27NOV26")
    twin = changed(COMBO, symbol_id=an_id("twin"))
    held = Held(COMBO)
    assert findings(other, held=held) == set()
    assert findings(twin, held=held) == {("symbol_type", "DUPLICATE")}
    assert findings(changed(COMBO, underlying=None)) >= {("underlying", "REQUIRED")}


def test_a_combination_may_settle_in_nothing_and_need_not_expire() -> None:
    spot = changed(COMBO, settlement_asset_id=None, contract_kind=None)
    assert findings(spot) == set()
    assert findings(changed(COMBO, expiry=NOW + DAY)) == set()


def test_a_class_may_be_added_and_never_changed() -> None:
    plain = completed(a_symbol(base_asset_id=BTC))
    coin = changed(plain, underlying_class=UnderlyingClassCode.CRYPTO)
    assert findings(coin, before=plain) == set()
    share = changed(plain, underlying_class=UnderlyingClassCode.EQUITY)
    assert findings(share, before=coin) == {("underlying_class", "IMMUTABLE")}
    assert completed(plain, before=coin) == coin
