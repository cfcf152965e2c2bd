"""What an import does of terms that ccxt makes up, and how a plan says who read it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.cli.import_plan import UNTRACED_REASON, plan_document, show_plan
from cqar.importer.answer_dates import LISTINGS_SINCE
from cqar.importer.ccxt_reading import READER as CCXT
from cqar.importer.listing_proposals import READER
from cqar.importer.market import Market, UnreadableRecord
from cqar.importer.provenance import drop_untraced
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import APPLY_ALL, Registry, a_market, coin

DAY = dt.timedelta(days=1)
MADE_UP = Decimal("1e-8")
STEPS = {"tick_size": MADE_UP, "lot_size": MADE_UP}
NAMES: Any = {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}


def as_ccxt_reads_it(**changes: Any) -> Market:
    """Upbit's row: ccxt's own steps are taken for the venue's."""
    return a_market("KRW-BTC", **STEPS, **changes)


def unreviewed() -> tuple[Market, dict[str, Any]]:
    """What is left of it, and the options of a plan of such rows."""
    market, untraced = drop_untraced(as_ccxt_reads_it(), NAMES)
    return market, {"is_reviewed": False, "untraced": {"KRW-BTC": untraced}}


def test_steps_that_an_earlier_import_made_up_are_taken_back_by_name() -> None:
    registry = Registry()
    registry.rules = APPLY_ALL
    registry.imported(as_ccxt_reads_it())
    market, options = unreviewed()
    plan = registry.imported(market, at=NOW, **options)
    (told,) = plan_document(plan, None)["changed"]
    steps = [d for d in told["differences"] if d["field"] in STEPS]
    assert steps == [
        {"field": field, "before": "0.00000001", "after": "", "reason": UNTRACED_REASON}
        for field in STEPS
    ]
    listing = registry.listing("KRW-BTC")
    assert (listing.tick_size, listing.lot_size) == (None, None)
    assert registry.plan(market, at=NOW + DAY / 2, **options).changes == []


def test_a_registry_of_before_readers_takes_back_what_nobody_states() -> None:
    registry = Registry()
    registry.rules = APPLY_ALL
    registry.imported(as_ccxt_reads_it())
    (venue,) = (e for kind, e in registry.entities.values() if kind is VENUE)
    since = {LISTINGS_SINCE: venue.metadata[LISTINGS_SINCE]}
    registry.entities["venue", "binance"] = (VENUE, changed(venue, metadata=since))
    market, options = unreviewed()
    registry.imported(market, at=NOW + DAY, **options)
    assert registry.listing("KRW-BTC").tick_size is None


def test_a_step_that_somebody_stated_stays_where_no_record_states_one() -> None:
    registry = Registry()
    market, options = unreviewed()
    registry.imported(market, **options)
    listing = changed(registry.listing("KRW-BTC"), tick_size=Decimal(1000))
    registry.entities[VENUE_SYMBOL.name, listing.listing_id] = (VENUE_SYMBOL, listing)
    registry.imported(market, at=NOW + DAY, **options)
    assert registry.listing("KRW-BTC").tick_size == Decimal(1000)


def test_a_listing_that_was_read_unreviewed_says_so_until_it_is_read_otherwise() -> None:
    registry = Registry()
    market, options = unreviewed()
    plan = registry.imported(market, **options)
    assert registry.listing("KRW-BTC").metadata == {READER: "a-reader/1"}
    document = plan_document(plan, None)["reader"]
    assert (document["is_reviewed"], document["status_unstated"]) == (False, 1)
    assert document["untraced"] == {"lot_size": 1, "tick_size": 1}
    registry.imported(a_market("KRW-BTC"), at=NOW + DAY)
    assert registry.listing("KRW-BTC").metadata is None
    assert CCXT == "ccxt, unreviewed"


def test_the_text_of_a_plan_says_what_is_unreviewed_untraced_and_bound_by_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry = Registry()
    registry.imported(as_ccxt_reads_it(), coin("SOL"))
    market, options = unreviewed()
    show_plan(registry.plan(market, coin("SOL"), at=NOW + DAY, **options), None)
    said = " ".join(capsys.readouterr().out.split())
    assert "2 rows are read UNREVIEWED" in said
    assert f"tick_size of 1 rows: ccxt has a value, but {UNTRACED_REASON}" in said
    assert "status of 1 rows: the record states none" in said
    assert "Codes bound to known assets" not in said
    show_plan(Registry().plan(a_market()), None)
    said = " ".join(capsys.readouterr().out.split())
    assert "Codes bound to known assets, by evidence" in said
    assert "CATALOGUE_TICKER │ 2" in said
    assert "UNREVIEWED" not in said


def test_another_expiry_or_strike_is_another_product_and_is_refused() -> None:
    expiry = dt.datetime(2021, 9, 24, tzinfo=dt.UTC)
    future = a_market("FXBTCJPY24SEP2021", symbol_type=SymbolTypeCode.FUTURE, expiry=expiry)
    with pytest.raises(UnreadableRecord, match="states the expiry that ccxt reads"):
        drop_untraced(future, {"product_code": "FXBTCJPY24SEP2021"})
    option = a_market("BTC-P", symbol_type=SymbolTypeCode.OPTION, strike=Decimal(40000))
    with pytest.raises(UnreadableRecord, match="states the strike that ccxt reads"):
        drop_untraced(option, {"symbol": "BTC-P"})
    market, _ = drop_untraced(option, {"symbol": "BTC-40000-P"})
    assert market.strike == 40000
