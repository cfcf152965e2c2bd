"""An import's plan: what it believes, what it refuses, what it leaves alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cqar.importer.delistings import MassDelisting
from cqar.importer.market_parser import VenueListing
from cqar.importer.parsed_market import AssetCode, ParsedMarket, RejectedRecord
from cqar.importer.plan import Multiplier, OutOfOrder, Plan, make_plan, require_present
from cqar.importer.recorded_responses import NO_NAME
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, ListingTickBand, MarketStatusCode
from tests.support.entity_builders import NOW, a_venue, a_venue_asset, an_asset, an_id

DAY = dt.timedelta(days=1)


def a_market(spelling: str = "BTCUSDT", **changes: Any) -> ParsedMarket:
    given: dict[str, Any] = {
        "symbol_type": SymbolTypeCode.SPOT,
        "base": AssetCode("BTC", "BTC"),
        "quote": AssetCode("USDT", "USDT"),
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.001"),
        "raw": {},
    }
    return ParsedMarket(spelling=spelling, **{**given, **changes})


def coin(code: str, spelling: str = "", **changes: Any) -> ParsedMarket:
    return a_market(spelling or f"{code}USDT", base=AssetCode(code, code), **changes)


class Registry:
    """What imports leave behind: a plan's outcomes become the next one's state."""

    def __init__(self, *entities: Any) -> None:
        kinds = {kind.entity: kind for kind in (ASSET, VENUE, VENUE_ASSET, SYMBOL, VENUE_SYMBOL)}
        self.entities = {
            (kind.name, kind.key_of(entity)): (kind, entity)
            for entity in (a_venue(), an_asset(), an_asset("USDT"), *entities)
            for kind in [kinds[type(entity)]]
        }

    def plan(self, *found: ParsedMarket, at: dt.datetime = NOW, **options: Any) -> Plan:
        state = RegistryState(at)
        state.archived = options.pop("archived", set())
        venue_id = options.pop("venue", "binance")
        for kind, entity in self.entities.values():
            # As `load_state` reads it: of other venues neither codes nor listings.
            if kind not in (VENUE_ASSET, VENUE_SYMBOL) or entity.venue_id == venue_id:
                state.add(kind, entity)
        listing = VenueListing()
        listing.markets = list(found)
        listing.rejected = list(options.pop("rejected", ()))
        venue: Any = state.get("venue", venue_id)
        return make_plan(state, venue, listing, at, options.pop("multipliers", {}), **options)

    def imported(self, *found: ParsedMarket, at: dt.datetime = NOW, **options: Any) -> Plan:
        plan = self.plan(*found, at=at, **options)
        for outcome in plan.changes:
            self.entities[outcome.kind.name, outcome.key] = (outcome.kind, outcome.after)
        return plan

    def listing(self, spelling: str) -> Any:
        found = [e for k, e in self.entities.values() if k is VENUE_SYMBOL]
        return max((e for e in found if e.venue_symbol == spelling), key=lambda e: e.first_seen_at)


def test_importing_again_changes_nothing() -> None:
    registry = Registry()
    first = registry.imported(a_market(), coin("SOL"))
    assert (len(first.listed), len(first.new_assets)) == (2, 1)
    again = registry.plan(a_market(), coin("SOL"), at=NOW + DAY / 2)
    assert (again.changes, again.unchanged, again.rejected) == ([], 2, [])


def test_an_older_listing_and_one_of_the_future_are_refused() -> None:
    registry = Registry()
    registry.imported(a_market(), at=NOW - 2 * DAY)
    # It changes nothing, and is the newest from then on.
    assert [o.kind for o in registry.imported(a_market()).changes] == [VENUE]
    with pytest.raises(OutOfOrder, match="would undo it"):
        registry.plan(a_market(), at=NOW - DAY)
    with pytest.raises(OutOfOrder, match="has not come yet"):
        require_present(NOW + DAY, NOW)


def test_what_was_in_the_first_listing_was_listed_nobody_knows_when() -> None:
    registry = Registry()
    registry.imported(a_market())
    registry.imported(a_market(), coin("SOL"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").listed_at is None
    assert registry.listing("SOLUSDT").listed_at == NOW + DAY
    # Another type of product is another listing, seen for the first time.
    swap = a_market(
        "BTC-SWAP", symbol_type=SymbolTypeCode.PERPETUAL, settle=AssetCode("USDT", "USDT")
    )
    registry.imported(swap, at=NOW + 2 * DAY)
    assert registry.listing("BTC-SWAP").listed_at is None


def test_what_is_archived_is_left_as_it_is() -> None:
    registry = Registry()
    registry.imported(a_market())
    old = coin("SOL", aliases=("SOL-USDT",))
    plan = registry.plan(a_market(), old, archived={"SOLUSDT"}, at=NOW + DAY / 2)
    assert (plan.changes, plan.unchanged) == ([], 3)
    assert plan.notes == ["2 listings are archived: left as they are"]


def test_a_halt_that_an_import_lifts_is_said() -> None:
    registry = Registry()
    registry.imported(a_market(status=MarketStatusCode.HALTED), coin("SOL"))
    plan = registry.plan(a_market(), coin("SOL"), at=NOW + DAY)
    (note,) = plan.notes
    assert note.startswith("1 listings that are HALTED here go ONLINE")


def test_the_note_of_how_far_a_listing_is_known_comes_last() -> None:
    plan = Registry().plan(a_market(), coin("SOL"))
    assert plan.changes[-1].kind is VENUE


def test_rows_that_cannot_be_read_take_nothing_away() -> None:
    registry = Registry()
    registry.imported(a_market(aliases=("XBTUSDT",)), coin("SOL"))
    for rejected in (RejectedRecord("BTCUSDT", "junk"), RejectedRecord(NO_NAME, "junk")):
        plan = registry.plan(coin("SOL"), at=NOW + DAY, rejected=[rejected])
        assert plan.delisted == []
    assert len(registry.plan(coin("SOL"), at=NOW + DAY).delisted) == 2


def test_what_was_first_seen_after_the_listing_was_taken_is_not_gone() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"))
    venue: Any = registry.entities["venue", "binance"][1]
    bare = msgspec.structs.replace(venue, metadata=None)
    registry.entities["venue", "binance"] = (VENUE, bare)
    plan = registry.plan(coin("SOL"), at=NOW - DAY)
    assert plan.delisted == []
    assert plan.notes == ["1 listings were first seen after this listing was taken: kept"]


def test_a_cut_off_listing_is_refused_however_small_the_venue() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"), coin("ADA"))
    with pytest.raises(MassDelisting, match="2 of 3"):
        registry.plan(a_market(), at=NOW + DAY)
    assert len(registry.plan(a_market(), at=NOW + DAY, allow_mass_delisting=True).delisted) == 2


def test_a_renamed_spelling_becomes_the_primary_one() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"), coin("ADA"))
    registry.imported(a_market("BTC-USDT"), coin("SOL"), coin("ADA"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").status is MarketStatusCode.DELISTED
    assert registry.listing("BTC-USDT").is_primary


def test_codes_are_recorded_also_where_the_symbol_is_known() -> None:
    registry = Registry()
    registry.imported(a_market())
    codes = {e.venue_asset_symbol for k, e in registry.entities.values() if k is VENUE_ASSET}
    assert codes == {"BTC", "USDT"}
    # A second asset of the ticker does not change what the venue's code means.
    registry.entities["asset", an_id("other")] = (ASSET, an_asset(asset_id=an_id("other")))
    assert registry.plan(a_market(), at=NOW + DAY / 2).changes == []


def test_a_code_that_would_be_a_second_asset_of_a_ticker_is_refused() -> None:
    registry = Registry()
    found = coin("ETH", "0-USDT", symbol_type=SymbolTypeCode.SPOT)
    found = msgspec.structs.replace(found, base=AssetCode("0", "BTC"))
    plan = registry.plan(a_market(), found)
    assert [row.spelling for row in plan.rejected] == ["0-USDT"]
    assert "would be a second BTC" in plan.rejected[0].reason
    # REPV2 and REP are two coins that ccxt calls REP: they differ in their own codes.
    two = (coin("REP"), a_market("REPV2USDT", base=AssetCode("REPV2", "REP")))
    assert [o.after.symbol for o in Registry().plan(*two).new_assets] == ["REP", "REPV2"]  # type: ignore[union-attr]


def test_a_multiplied_code_waits_for_its_meaning() -> None:
    for code in ("1000SHIB", "SHIB1000", "1000shib", "1MBABYDOGE", "kPEPE"):
        plan = Registry().plan(a_market(), coin(code))
        assert [row.spelling for row in plan.rejected] == [f"{code}USDT"], code
        assert plan.new_assets == []
    stated = {"1000SHIB": Multiplier("SHIB", Decimal(1000))}
    registry = Registry(an_asset("SHIB"))
    registry.imported(a_market(), coin("1000SHIB"), multipliers=stated)
    assert registry.listing("1000SHIBUSDT").unit_multiplier == 1000
    # From then on the listing itself says it.
    assert registry.plan(a_market(), coin("1000SHIB"), at=NOW + DAY / 2).changes == []
    assert Registry().plan(coin("1INCH")).rejected == []


def test_a_rejected_listing_leaves_neither_asset_nor_symbol_behind() -> None:
    plan = Registry().plan(a_market(), coin("SOL", tick_size=Decimal(-1)))
    assert [row.spelling for row in plan.rejected] == ["SOLUSDT"]
    assert (plan.new_assets, len(plan.new_symbols)) == ([], 1)


def test_a_code_that_meant_another_asset_before_means_the_new_one_from_now() -> None:
    classic, luna = an_asset("LUNC"), an_asset("LUNA")
    gone = a_venue_asset(
        asset_id=classic.asset_id, venue_asset_symbol="LUNA", delisted_at=NOW - DAY
    )
    registry = Registry(classic, luna, gone)
    plan = registry.plan(a_market(), coin("LUNA"))
    assert plan.rejected == []
    opened = {o.after.venue_asset_symbol: o.after for o in plan.of(VENUE_ASSET, Result.CREATED)}  # type: ignore[union-attr]
    assert {code: held.listed_at for code, held in opened.items()} == {
        "BTC": None,
        "USDT": None,
        "LUNA": NOW,
    }


def test_a_relisted_asset_is_opened_again() -> None:
    gone = a_venue_asset(listed_at=NOW - 2 * DAY, delisted_at=NOW - DAY, trading_enabled=False)
    plan = Registry(gone).plan(a_market())
    (opened,) = plan.of(VENUE_ASSET, Result.UPDATED)
    after: Any = opened.after
    assert (after.delisted_at, after.trading_enabled) == (None, True)


def test_bands_that_somebody_stated_stay_in_the_place_of_the_venues_one_tick() -> None:
    registry = Registry()
    registry.imported(a_market())
    banded = msgspec.structs.replace(
        registry.listing("BTCUSDT"),
        tick_size=None,
        tick_bands=(ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.5")),),
    )
    registry.entities[VENUE_SYMBOL.name, banded.listing_id] = (VENUE_SYMBOL, banded)
    plan = registry.imported(a_market(status=MarketStatusCode.HALTED), at=NOW + DAY)
    assert plan.rejected == []
    listing = registry.listing("BTCUSDT")
    assert (listing.status, listing.tick_size) == (MarketStatusCode.HALTED, None)
    assert listing.tick_bands == banded.tick_bands
