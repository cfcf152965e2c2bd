"""An import's plan: what it believes, what it refuses, what it leaves alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cqar.importer.answer_reader import AnswerSource, Reading, Unreadable
from cqar.importer.market import Alias, Code, Leg, Market
from cqar.importer.missing import MassChange
from cqar.importer.multipliers import Multiplier
from cqar.importer.plan import OutOfOrder, Plan, make_plan, require_present
from cqar.importer.readers.binance import PRODUCT_LINES
from cqar.importer.readers.product_line import Answer, Request
from cqar.importer.readers.registry import production_operator
from cqar.importer.registry_state import RegistryState, code_holder, codes_now
from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.finding_policy import DEFAULT_RULES, FindingRule
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode
from cqar_shared.domain.kinds.finding import Finding, FindingAction, FindingState
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode
from cqar_shared.domain.listing_canaries import CanaryTerm
from tests.support.entity_builders import NOW, a_venue, a_venue_asset, an_asset, an_id
from tests.support.memory_registry_view import KIND_OF, changed

DAY = dt.timedelta(days=1)


def a_market(spelling: str = "BTCUSDT", **changes: Any) -> Market:
    given: dict[str, Any] = {
        "symbol_type": SymbolTypeCode.SPOT,
        "base": Code("BTC", "BTC"),
        "quote": Code("USDT", "USDT"),
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.001"),
        "status": MarketStatusCode.ONLINE,
    }
    return Market(spelling=spelling, **{**given, **changes})


def a_major(ticker: str = "BTC", **changes: Any) -> Asset:
    """A coin of which the catalogue says that nothing else trades under its ticker."""
    marks: dict[str, Any] = {"asset_class": AssetClassCode.CRYPTO, "unambiguous_ticker": True}
    return an_asset(ticker, **{**marks, **changes})


def coin(code: str, spelling: str = "", **changes: Any) -> Market:
    return a_market(spelling or f"{code}USDT", base=Code(code, code), **changes)


def a_reading(*markets: Market, unreadable: Any = ()) -> Reading:
    """Of an answer that covers every type of product."""
    reading = Reading("a-reader/1", frozenset(SymbolTypeCode))
    reading.markets = list(markets)
    reading.unreadable = [Unreadable(name, "junk") for name in unreadable]
    form = PRODUCT_LINES[0].forms[0]
    request = Request("an.answer/that/covers/all")
    reading.covered = [(form, request, [Answer({}, None)])]
    return reading


#: A policy that leaves nothing to people.
APPLY_ALL = (FindingRule(name="all", action=FindingAction.APPLY),)


class Registry:
    """What imports leave behind: a plan's outcomes become the next one's state."""

    def __init__(self, *entities: Any) -> None:
        self.entities = {
            (kind.name, kind.key_of(entity)): (kind, entity)
            for entity in (a_venue(), a_major(), a_major("USDT"), *entities)
            for kind in [KIND_OF[type(entity)]]
        }
        self.rules: tuple[FindingRule, ...] = DEFAULT_RULES
        self.findings: dict[str, Finding] = {}

    def plan(self, *found: Market, at: dt.datetime = NOW, **options: Any) -> Plan:
        state = RegistryState(at, as_of=options.pop("as_of", None))
        state.archived = options.pop("archived", set())
        state.rules, state.known_findings = self.rules, dict(self.findings)
        venue_id = options.pop("venue", "binance")
        holder = code_holder(self.entities["venue", venue_id][1])
        for kind, entity in self.entities.values():
            # As `load_state` reads it: of other operators neither codes nor listings.
            whose = (venue_id,) if kind is VENUE_SYMBOL else (venue_id, holder)
            if kind not in (VENUE_ASSET, VENUE_SYMBOL) or entity.venue_id in whose:
                state.add(kind, entity)
            elif kind is VENUE_SYMBOL and entity.delisted_at is None:
                venue_of_it = self.entities["venue", entity.venue_id][1]
                state.operator_listings += [entity] if code_holder(venue_of_it) == holder else []
        repeated = production_operator(venue_id)
        held = [e for k, e in self.entities.values() if k is VENUE_ASSET]
        state.repeated_codes = codes_now((e for e in held if e.venue_id == repeated), at)
        reading = options.pop("reading", None)
        if reading is not None:
            venue: Any = state.get("venue", venue_id)
            return make_plan(state, venue, reading, at, {}, **options)
        reading = a_reading(*found, unreadable=options.pop("unreadable", ()))
        reading.plain_code = options.pop("plain_code", str)
        reading.is_reviewed = options.pop("is_reviewed", True)
        reading.untraced = options.pop("untraced", {})
        reading.raw = options.pop("raw", {})
        reading.currencies = options.pop("currencies", {})
        reading.prices = options.pop("prices", {})
        reading.prices_from = AnswerSource("tickers", "1" * 64, at) if reading.prices else None
        reading.sources = [AnswerSource("listing", "0" * 64, at + DAY)]
        venue = state.get("venue", venue_id)
        return make_plan(state, venue, reading, at, options.pop("multipliers", {}), **options)

    def imported(self, *found: Market, at: dt.datetime = NOW, **options: Any) -> Plan:
        plan = self.plan(*found, at=at, **options)
        for outcome in plan.changes:
            self.entities[outcome.kind.name, outcome.key] = (outcome.kind, outcome.after)
        self.note_findings(plan)
        return plan

    def note_findings(self, plan: Plan) -> None:
        """As the writer stamps them: those that were applied need not be known."""
        for finding in plan.findings:
            if finding.action is not FindingAction.APPLY:
                self.findings[finding.finding_id] = changed(finding, state=FindingState.OPEN)
        for finding in plan.superseded:
            del self.findings[finding.finding_id]

    def listing(self, spelling: str) -> Any:
        found = [e for k, e in self.entities.values() if k is VENUE_SYMBOL]
        return max((e for e in found if e.venue_symbol == spelling), key=lambda e: e.first_seen_at)


def test_importing_again_changes_nothing() -> None:
    registry = Registry()
    first = registry.imported(a_market(), coin("SOL"))
    assert (len(first.listed), len(first.new_assets)) == (2, 1)
    again = registry.plan(a_market(), coin("SOL"), at=NOW + DAY / 2)
    assert (again.changes, again.unchanged, again.rejected) == ([], 2, [])


def test_a_listing_of_the_future_is_refused() -> None:
    with pytest.raises(OutOfOrder, match="has not come yet"):
        require_present(NOW + DAY, NOW)


def test_an_answer_that_changes_nothing_is_the_newest_from_then_on() -> None:
    registry = Registry()
    registry.imported(a_market(), at=NOW - 2 * DAY)
    assert [o.kind for o in registry.imported(a_market()).changes] == [VENUE]


def test_a_listing_has_the_venues_date_or_none() -> None:
    registry = Registry()
    registry.imported(a_market())
    listed = NOW - 9 * DAY
    registry.imported(a_market(), coin("SOL"), coin("ADA", listed_at=listed), at=NOW + DAY)
    assert registry.listing("BTCUSDT").listed_at is None
    assert registry.listing("SOLUSDT").listed_at is None
    assert registry.listing("SOLUSDT").first_seen_at == NOW + DAY
    assert registry.listing("ADAUSDT").listed_at == listed


def test_a_corrected_date_is_no_relisting_and_a_later_one_is() -> None:
    registry = Registry()
    markets = (a_market(listed_at=NOW - 9 * DAY), coin("SOL"))
    registry.imported(*markets)
    registry.imported(a_market(listed_at=NOW - 7 * DAY), coin("SOL"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").listed_at == NOW - 7 * DAY
    first = registry.listing("BTCUSDT").listing_id
    again = a_market(listed_at=NOW + 2 * DAY)
    registry.imported(again, coin("SOL"), at=NOW + 3 * DAY)
    listing = registry.listing("BTCUSDT")
    assert (listing.listed_at, listing.listing_id != first) == (NOW + 2 * DAY, True)
    old = registry.entities[VENUE_SYMBOL.name, first][1]
    assert (old.listed_at, old.delisted_at) == (NOW - 7 * DAY, NOW + 2 * DAY)


def test_what_is_over_ends_when_the_venue_says_so() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"), coin("ADA"))
    ended = a_market(status=MarketStatusCode.DELISTED, delisted_at=NOW + DAY / 2)
    over = coin("SOL", status=MarketStatusCode.DELISTED)
    registry.imported(ended, over, coin("ADA"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").delisted_at == NOW + DAY / 2
    # When it ended is not said: at the latest now.
    assert registry.listing("SOLUSDT").delisted_at == NOW + DAY
    assert registry.plan(ended, over, coin("ADA"), at=NOW + 3 * DAY / 2).changes == []


def test_an_announced_end_can_be_moved_and_taken_back() -> None:
    registry = Registry()
    registry.imported(a_market(ends_at=NOW + 9 * DAY), coin("SOL"))
    assert registry.listing("BTCUSDT").delisted_at == NOW + 9 * DAY
    assert registry.listing("BTCUSDT").status is MarketStatusCode.ONLINE
    registry.imported(a_market(ends_at=NOW + 8 * DAY), coin("SOL"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").delisted_at == NOW + 8 * DAY
    registry.imported(a_market(), coin("SOL"), at=NOW + 2 * DAY)
    assert registry.listing("BTCUSDT").delisted_at is None


def test_an_end_that_a_person_set_stays() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"))
    set_by_hand = msgspec.structs.replace(registry.listing("BTCUSDT"), delisted_at=NOW + 9 * DAY)
    registry.entities[VENUE_SYMBOL.name, set_by_hand.listing_id] = (VENUE_SYMBOL, set_by_hand)
    registry.imported(a_market(), coin("SOL"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").delisted_at == NOW + 9 * DAY


def test_a_term_that_one_record_lacks_is_not_known_of_it() -> None:
    registry = Registry()
    registry.rules = APPLY_ALL
    registry.imported(a_market(), coin("SOL"))
    plan = registry.imported(a_market(tick_size=None), coin("SOL"), at=NOW + DAY)
    assert registry.listing("BTCUSDT").tick_size is None
    assert plan.vanished == []
    # All of them lack it: the venue's answer has another form, and the plan says so.
    plan = registry.imported(a_market(tick_size=None), coin("SOL", tick_size=None), at=NOW + DAY)
    assert plan.vanished == ["tick_size"]
    assert registry.listing("SOLUSDT").tick_size is None


def test_a_term_that_the_venue_never_states_stays_as_a_person_set_it() -> None:
    registry = Registry()
    registry.imported(a_market())
    fee = msgspec.structs.replace(registry.listing("BTCUSDT"), maker_fee=Decimal("0.001"))
    registry.entities[VENUE_SYMBOL.name, fee.listing_id] = (VENUE_SYMBOL, fee)
    assert registry.plan(a_market(), at=NOW + DAY / 2).changes == []


def test_what_holds_for_a_group_of_resolvers_is_no_matter_of_the_venue() -> None:
    registry = Registry()
    registry.imported(a_market())
    canary = CanaryTerm(
        canary_group="desk",
        effective_at=NOW,
        ends_at=NOW + 2 * DAY,
        field="tick_size",
        value="0.5",
    )
    tried = msgspec.structs.replace(registry.listing("BTCUSDT"), canaries=(canary,))
    registry.entities[VENUE_SYMBOL.name, tried.listing_id] = (VENUE_SYMBOL, tried)
    assert registry.plan(a_market(), at=NOW + DAY / 2).changes == []
    registry.imported(a_market(maker_fee=Decimal("0.002")), at=NOW + DAY)
    assert registry.listing("BTCUSDT").canaries == (canary,)


def test_what_is_archived_is_left_as_it_is() -> None:
    registry = Registry()
    registry.imported(a_market())
    old = coin("SOL", aliases=(Alias("SOL-USDT"),))
    plan = registry.plan(a_market(), old, archived={"SOLUSDT"}, at=NOW + DAY / 2)
    assert (plan.changes, plan.unchanged) == ([], 3)
    assert plan.notes == ["2 listings are archived: left as they are"]


def test_a_halt_that_an_import_lifts_is_said() -> None:
    registry = Registry()
    registry.imported(a_market(status=MarketStatusCode.HALTED), coin("SOL"))
    plan = registry.plan(a_market(), coin("SOL"), at=NOW + DAY)
    (note,) = plan.notes
    assert note.startswith("1 listings that are HALTED here go ONLINE")


def test_every_listing_that_is_made_or_changed_comes_with_what_decided() -> None:
    registry = Registry()
    market = a_market(aliases=(Alias("XBTUSDT"),))
    answers: Any = {"raw": {"BTCUSDT": ({"symbol": "BTCUSDT", "tick": "0.01"}, None)}}
    plan = registry.imported(market, **answers)
    (made,) = plan.of(LISTING_SOURCE, Result.CREATED)
    source: Any = made.after
    assert source.listing_id == registry.listing("BTCUSDT").listing_id
    assert (source.request, source.reader) == ("listing", "a-reader/1")
    assert source.raw == '{"symbol":"BTCUSDT","tick":"0.01"}'
    # No answer was taken after it was imported, whatever the venue's clock says.
    assert source.taken_at == NOW
    assert registry.plan(market, at=NOW + DAY / 2, **answers).changes == []
    finer = a_market(tick_size=Decimal("0.002"))
    plan = registry.plan(finer, at=NOW + DAY / 2, **answers)
    assert len(plan.of(LISTING_SOURCE, Result.CREATED)) == 1


def test_the_note_of_how_far_a_listing_is_known_comes_last() -> None:
    plan = Registry().plan(a_market(), coin("SOL"))
    assert plan.changes[-1].kind is VENUE


def test_a_row_that_cannot_be_read_keeps_its_listing_and_denies_opening_it() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"))
    plan = registry.imported(coin("SOL"), at=NOW + DAY, unreadable=["BTCUSDT"])
    listing = registry.listing("BTCUSDT")
    assert (plan.delisted, listing.doubts) == ([], ("SOURCE_UNREADABLE",))
    assert listing.tick_size == Decimal("0.01")
    registry.imported(a_market(), coin("SOL"), at=NOW + 2 * DAY)
    assert registry.listing("BTCUSDT").doubts is None


def test_what_is_missing_is_doubted_and_what_is_missing_again_is_gone() -> None:
    registry = Registry()
    markets = [coin(code) for code in ("SOL", "ADA", "DOT", "XRP", "LTC")]
    registry.imported(a_market(aliases=(Alias("XBTUSDT"),)), *markets)
    plan = registry.imported(*markets, at=NOW + DAY)
    assert (plan.delisted, registry.listing("BTCUSDT").doubts) == ([], ("SOURCE_MISSING",))
    soon = registry.plan(*markets, at=NOW + DAY + dt.timedelta(minutes=9))
    assert soon.delisted == []
    registry.imported(*markets, at=NOW + 2 * DAY)
    # It ends where it was first missed, and its alias with it.
    for spelling in ("BTCUSDT", "XBTUSDT"):
        assert registry.listing(spelling).delisted_at == NOW + DAY


def test_what_was_missing_and_comes_back_was_there_all_the_time() -> None:
    registry = Registry()
    markets = [coin(code) for code in ("SOL", "ADA", "DOT", "XRP", "LTC")]
    registry.imported(a_market(), *markets)
    registry.imported(*markets, at=NOW + DAY)
    registry.imported(a_market(), *markets, at=NOW + 2 * DAY)
    listing = registry.listing("BTCUSDT")
    assert (listing.doubts, listing.delisted_at, listing.metadata) == (None, None, None)


def test_records_without_a_name_may_be_any_missing_listing() -> None:
    registry = Registry()
    markets = [coin(code) for code in ("SOL", "ADA", "DOT", "XRP", "LTC")]
    registry.imported(a_market(), *markets)
    registry.imported(*markets, at=NOW + DAY)
    plan = registry.plan(*markets, at=NOW + 2 * DAY, unreadable=["#7"])
    assert plan.delisted == []
    assert plan.notes[0] == "records without a name may be any of 1 missing listings: none is ended"


def test_an_expired_contract_ends_at_its_expiry_whether_or_not_it_is_covered() -> None:
    registry = Registry()
    future = a_market(
        "BTCUSDT_250926",
        symbol_type=SymbolTypeCode.FUTURE,
        settlement=Code("USDT"),
        expiry=NOW + DAY,
    )
    registry.imported(a_market(), future)
    registry.imported(a_market(), at=NOW + 2 * DAY)
    assert registry.listing("BTCUSDT_250926").delisted_at == NOW + DAY


def test_a_cut_off_listing_is_refused_however_small_the_venue() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("SOL"), coin("ADA"))
    with pytest.raises(MassChange, match="2 of 3"):
        registry.plan(a_market(), at=NOW + DAY)
    assert len(registry.plan(a_market(), at=NOW + DAY, allow_mass_change=True).doubted) == 2


def test_what_is_named_and_cannot_be_read_is_there_when_what_is_missing_is_counted() -> None:
    registry = Registry()
    names = [coin(code) for code in ("SOL", "ADA", "DOT", "XRP", "LTC")]
    registry.imported(a_market(), *names)
    unreadable = ["SOLUSDT", "ADAUSDT", "DOTUSDT", "XRPUSDT", "BTCUSDT"]
    plan = registry.plan(at=NOW + DAY, unreadable=unreadable)
    assert len(plan.doubted) == 6


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
    found = msgspec.structs.replace(found, base=Code("0", "BTC"))
    plan = registry.plan(a_market(), found, is_reviewed=False)
    assert [row.spelling for row in plan.rejected] == ["0-USDT"]
    assert "would be a second BTC" in plan.rejected[0].reason
    # REPV2 and REP are two coins that ccxt calls REP: they differ in their own codes.
    two = (coin("REP"), a_market("REPV2USDT", base=Code("REPV2", "REP")))
    by_ccxt = Registry().plan(*two, is_reviewed=False).new_assets
    assert [o.after.symbol for o in by_ccxt] == ["REP", "REPV2"]  # type: ignore[union-attr]
    # What a reader calls so has that ticker.
    by_reader = Registry().plan(*two).new_assets
    assert [o.after.symbol for o in by_reader] == ["REP", "REP"]  # type: ignore[union-attr]


def test_a_code_that_looks_multiplied_is_an_asset_of_its_own_until_somebody_states_it() -> None:
    for code in ("1000SHIB", "SHIB1000", "1000shib", "1MBABYDOGE", "kPEPE"):
        plan = Registry(an_asset("SHIB")).plan(a_market(), coin(code))
        assert (plan.rejected, plan.multiples) == ([], [code]), code
        assert [o.after.symbol for o in plan.new_assets] == [code]  # type: ignore[union-attr]
    stated = {"1000SHIB": Multiplier("SHIB", Decimal(1000))}
    registry = Registry(an_asset("SHIB"))
    plan = registry.imported(a_market(), coin("1000SHIB"), multipliers=stated)
    assert (plan.multiples, registry.listing("1000SHIBUSDT").unit_multiplier) == ([], 1000)
    # From then on the listing itself says it.
    assert registry.plan(a_market(), coin("1000SHIB"), at=NOW + DAY / 2).changes == []
    assert Registry().plan(coin("1INCH")).multiples == []


def test_two_combinations_of_one_coin_are_two_products() -> None:
    def combined(spelling: str, *others: str) -> Market:
        legs = tuple(Leg(other, Decimal(sign)) for other, sign in zip(others, (1, -1), strict=True))
        return a_market(spelling, symbol_type=SymbolTypeCode.COMBO, legs=legs, underlying="btc_usd")

    plan = Registry().imported(combined("A_B", "A", "B"), combined("A_C", "A", "C"))
    assert plan.rejected == []
    symbols: list[Any] = [o.after for o in plan.new_symbols]
    assert {symbol.underlying for symbol in symbols} == {"A_B", "A_C"}
    assert len({symbol.symbol_id for symbol in symbols}) == 2


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
