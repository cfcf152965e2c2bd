"""What an import does of terms that ccxt makes up, and how a plan says who read it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.cli.import_plan import UNTRACED_REASON, plan_document, show_plan
from cqar.importer.parsed_market import ParsedMarket
from cqar.importer.provenance import drop_untraced, settle_untraced
from cqar.importer.reviewed_venues import CCXT_REVIEWED, CCXT_UNREVIEWED, READER
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.support.entity_builders import NOW, an_id
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import Registry, a_market, coin

DAY = dt.timedelta(days=1)
MADE_UP = Decimal("1e-8")
STEPS = {"tick_size": MADE_UP, "lot_size": MADE_UP}
NAMES: Any = {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}


def as_before(**changes: Any) -> ParsedMarket:
    """Upbit's row as it was read before: ccxt's steps taken for the venue's."""
    return a_market("KRW-BTC", raw=NAMES, **STEPS, **changes)


def as_now(**changes: Any) -> ParsedMarket:
    return settle_untraced(drop_untraced(as_before(**changes), NAMES), "upbit")


def test_steps_that_an_earlier_import_made_up_are_taken_back_by_name() -> None:
    registry = Registry()
    registry.imported(as_before())
    plan = registry.imported(as_now(), at=NOW)
    (told,) = plan_document(plan, None)["changed"]
    steps = [d for d in told["differences"] if d["field"] in STEPS]
    assert steps == [
        {"field": field, "before": "0.00000001", "after": "", "reason": UNTRACED_REASON}
        for field in STEPS
    ]
    listing = registry.listing("KRW-BTC")
    assert (listing.tick_size, listing.lot_size) == (None, None)
    assert registry.plan(as_now(), at=NOW + DAY / 2).changes == []


def stated(registry: Registry, **steps: Any) -> None:
    """Somebody states steps of the listing."""
    listing = changed(registry.listing("KRW-BTC"), **steps)
    registry.entities[VENUE_SYMBOL.name, listing.listing_id] = (VENUE_SYMBOL, listing)


def test_what_an_earlier_import_made_up_otherwise_is_taken_back_too() -> None:
    """ccxt made Hyperliquid's tick of the price of that day."""
    registry = Registry()
    registry.imported(as_before())
    stated(registry, tick_size=Decimal("0.5"))
    registry.imported(as_now(), at=NOW + DAY)
    assert registry.listing("KRW-BTC").tick_size is None


def test_a_step_that_somebody_stated_stays_where_the_record_is_silent() -> None:
    registry = Registry()
    registry.imported(as_now())
    stated(registry, tick_size=Decimal(1000))
    registry.imported(as_now(), at=NOW + DAY)
    assert registry.listing("KRW-BTC").tick_size == Decimal(1000)


def test_a_listing_that_somebody_made_keeps_the_steps_that_it_was_given() -> None:
    registry = Registry()
    registry.imported(as_now())
    own = changed(registry.listing("KRW-BTC"), listing_id=an_id("own"), metadata=None)
    registry.entities = {k: v for k, v in registry.entities.items() if v[0] is not VENUE_SYMBOL}
    registry.entities[VENUE_SYMBOL.name, own.listing_id] = (VENUE_SYMBOL, own)
    stated(registry, tick_size=Decimal(1000), lot_size=MADE_UP)
    registry.imported(as_now(), at=NOW + DAY)
    listing = registry.listing("KRW-BTC")
    assert (listing.tick_size, listing.lot_size) == (Decimal(1000), None)


def test_a_listing_that_was_read_unreviewed_says_so_until_it_is_read_otherwise() -> None:
    registry = Registry()
    plan = registry.imported(as_now())
    assert registry.listing("KRW-BTC").metadata == {READER: CCXT_UNREVIEWED}
    (venue,) = (e for kind, e in registry.entities.values() if kind is VENUE)
    assert venue.metadata[READER] == {"SPOT": CCXT_UNREVIEWED}
    assert plan_document(plan, None)["reader"] == {
        "name": "ccxt",
        "rows": 1,
        "unreviewed": 1,
        "untraced": {"lot_size": 1, "tick_size": 1},
        "status_unstated": 1,
    }
    registry.imported(a_market("KRW-BTC"), at=NOW + DAY)
    (venue,) = (e for kind, e in registry.entities.values() if kind is VENUE)
    assert registry.listing("KRW-BTC").metadata is None
    assert venue.metadata[READER] == {"SPOT": CCXT_REVIEWED}


def test_a_registry_of_before_learns_who_reads_its_venue() -> None:
    registry = Registry()
    registry.imported(a_market())
    (venue,) = (e for kind, e in registry.entities.values() if kind is VENUE)
    del venue.metadata[READER]
    plan = registry.imported(a_market(), at=NOW + DAY / 2)
    assert [o.kind for o in plan.changes] == [VENUE]
    assert registry.plan(a_market(), at=NOW + DAY / 2).changes == []


def test_the_text_of_a_plan_says_what_is_unreviewed_untraced_and_bound_by_ticker(
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = Registry()
    registry.imported(as_before(), coin("SOL"))
    show_plan(registry.plan(as_now(), coin("SOL"), at=NOW + DAY), None)
    said = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 rows are read UNREVIEWED" in said
    assert f"tick_size of 1 rows: ccxt has a value, but {UNTRACED_REASON}" in said
    assert f"status of 1 rows: {UNTRACED_REASON}" in said
    assert "Bound by ticker alone" not in said
    show_plan(Registry().plan(a_market()), None)
    said = " ".join(capsys.readouterr().out.split())
    assert "Bound by ticker alone (review them): 2" in said
    assert "UNREVIEWED" not in said


def test_another_expiry_or_strike_is_another_product_and_is_refused() -> None:
    expiry = dt.datetime(2021, 9, 24, tzinfo=dt.UTC)
    future = a_market("FXBTCJPY24SEP2021", symbol_type=SymbolTypeCode.FUTURE, expiry=expiry)
    with pytest.raises(ValueError, match="states the expiry that ccxt reads"):
        drop_untraced(future, {"product_code": "FXBTCJPY24SEP2021"})
    option = a_market("BTC-P", symbol_type=SymbolTypeCode.OPTION, strike=Decimal(40000))
    with pytest.raises(ValueError, match="states the strike that ccxt reads"):
        drop_untraced(option, {"symbol": "BTC-P"})
    assert drop_untraced(option, {"symbol": "BTC-40000-P"}).strike == 40000
