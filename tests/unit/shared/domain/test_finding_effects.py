"""What approving and rejecting changes, kind by kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from cqar_shared.domain import finding_effects
from cqar_shared.domain.evaluation import Item, Outcome
from cqar_shared.domain.finding_differences import value_of
from cqar_shared.domain.finding_doubts import Choice
from cqar_shared.domain.kind import Entity, RegistryView
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingAction,
    FindingDifference,
    FindingEvidence,
    FindingState,
    with_id,
)
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    VenueSymbol,
)
from cqar_shared.errors import Invalid, MovedOn
from tests.support.entity_builders import (
    BTC,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_registry_view import changed

DAY: Final = dt.timedelta(days=1)
LISTING: Final = an_id("listing")
#: The asset of its own that a code is until it is decided, and the one that it may be.
OWN, KNOWN = an_id("own"), an_id("known")
NO_CHOICE: Final = Choice()
PERPETUAL: Final = a_symbol(
    symbol_type=SymbolTypeCode.PERPETUAL, settlement_asset_id=USDT, base_asset_id=OWN
)
ASSETS: Final = (
    *(an_asset(), an_asset("USDT")),
    an_asset("LIT", asset_id=OWN, asset_type=None, unverified=True),
    an_asset("LIT", asset_id=KNOWN, name="Litentry"),
    *(a_venue(), a_venue("gate")),
)


def a_listing(**changes: Any) -> VenueSymbol:
    given = {"listing_id": LISTING, "symbol_id": PERPETUAL.symbol_id, "listed_at": NOW - 9 * DAY}
    return a_venue_symbol(**{**given, "contract_size": Decimal(1), **changes})


def a_finding(kind: str, *differences: tuple[str, str, str], **changes: Any) -> Finding:
    told = tuple(FindingDifference(field=f, before=b, after=a) for f, b, a in differences)
    given: dict[str, Any] = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
    given |= {"listing_id": LISTING, "differences": told or None, **changes}
    return with_id(Finding(kind=kind, **given))


def registry_with(*entities: Entity) -> MemoryRegistry:
    registry = MemoryRegistry(*ASSETS)
    registry.create(PERPETUAL, *entities)
    return registry


def approve(
    registry: MemoryRegistry, finding: Finding, choice: Choice = NO_CHOICE
) -> list[Outcome]:
    def plan(view: RegistryView) -> Iterable[Item]:
        return finding_effects.approved(finding, choice, view)

    outcomes = registry.apply_planned(plan, historical=True)
    assert not [(o.kind.name, o.violations) for o in outcomes if o.error]
    return outcomes


def reject(registry: MemoryRegistry, finding: Finding) -> list[Outcome]:
    outcomes = registry.apply_planned(lambda view: finding_effects.rejected(finding, view))
    assert not [(o.kind.name, o.violations) for o in outcomes if o.error]
    return outcomes


def listing_in(registry: MemoryRegistry) -> VenueSymbol:
    (found,) = registry.of("venue_symbol")
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "difference", "value"),
    [
        ("STATUS", ("status", "ONLINE", "HALTED"), MarketStatusCode.HALTED),
        ("FEES", ("maker_fee", "", "-0.0001"), Decimal("-0.0001")),
        ("STEPS_COARSER", ("tick_size", "0.01", "0.1"), Decimal("0.1")),
        ("STEPS_FINER", ("lot_size", "0.00001", ""), None),
        ("CONTRACT_SIZE", ("contract_size", "1", "10"), Decimal(10)),
        ("ORDER_UNIT", ("order_unit", "", "CONTRACT"), OrderUnitCode.CONTRACT),
        ("REDENOMINATED", ("unit_multiplier", "", "1000"), Decimal(1000)),
        ("TERMS", ("funding_interval_s", "", "28800"), 28_800),
        ("TERMS", ("order_types", "", '["LIMIT","MARKET"]'), ("LIMIT", "MARKET")),
        ("END_ANNOUNCED", ("delisted_at", "", "2026-12-01T00:00:00Z"), None),
        ("MADE_BY_HAND", ("min_notional", "", "5"), Decimal(5)),
    ],
)
def test_approving_takes_the_values_and_rejecting_keeps_them(
    kind: str, difference: tuple[str, str, str], value: Any
) -> None:
    finding, field = a_finding(kind, difference), difference[0]
    if field == "delisted_at":
        value = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    registry = registry_with(a_listing(doubts=("CHANGE_UNDECIDED", "SOURCE_MISSING")))
    before = listing_in(registry)
    reject(registry, finding)
    kept = listing_in(registry)
    assert getattr(kept, field) == getattr(before, field)
    assert kept.doubts == ("SOURCE_MISSING",)
    registry = registry_with(a_listing(doubts=("CHANGE_UNDECIDED", "SOURCE_MISSING")))
    approve(registry, finding)
    after = listing_in(registry)
    assert getattr(after, field) == value
    assert (after.doubts, after.listing_id) == (("SOURCE_MISSING",), LISTING)


def test_the_doubt_stays_while_another_change_of_the_listing_is_undecided() -> None:
    finding = a_finding("CONTRACT_SIZE", ("contract_size", "1", "10"))
    two_people = {"action": FindingAction.TWO_PEOPLE, "opened_at": NOW}
    other = a_finding("ORDER_UNIT", ("order_unit", "", "BASE"), **two_people)
    rival = a_finding("CONTRACT_SIZE", ("contract_size", "1", "100"), **two_people)
    listing = a_listing(doubts=("CHANGE_UNDECIDED",))
    registry = registry_with(listing, rival)
    approve(registry, finding)
    assert listing_in(registry).doubts is None
    registry = registry_with(listing, other)
    approve(registry, finding)
    assert listing_in(registry).doubts == ("CHANGE_UNDECIDED",)
    assert listing_in(registry).contract_size == 10


@pytest.mark.parametrize(
    "listing",
    [
        a_listing(contract_size=Decimal(2)),
        a_listing(delisted_at=NOW - DAY),
        a_listing(listing_id=an_id("another")),
    ],
)
def test_what_has_moved_on_is_not_approved(listing: VenueSymbol) -> None:
    finding = a_finding("CONTRACT_SIZE", ("contract_size", "1", "10"))
    with pytest.raises(MovedOn):
        approve(registry_with(listing), finding)


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        (("venue_symbol", "BTCUSDT", "X"), "UNKNOWN"),
        (("doubts", "", '["X"]'), "UNKNOWN"),
        (("symbol.symbol_id", "", "X"), "UNKNOWN"),
        (("contract_size", "1", "1e3"), "MALFORMED"),
        (("status", "ONLINE", "HALTD"), "MALFORMED"),
        (("delisted_at", "", "2026-12-01"), "MALFORMED"),
        (("tick_bands", "", "{"), "MALFORMED"),
    ],
)
def test_what_no_decision_changes_is_refused(difference: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(Invalid) as error:
        approve(registry_with(a_listing()), a_finding("TERMS", difference))
    assert [v.reason for v in error.value.violations] == [reason]


def test_a_contract_of_another_settlement_is_another_symbol_of_the_same_period() -> None:
    finding = a_finding(
        "CONTRACT_KIND",
        ("symbol.settlement_asset_id", USDT, OWN),
        ("symbol.contract_kind", "LINEAR", "INVERSE"),
        ("contract_size", "1", "100"),
    )
    registry = registry_with(
        a_listing(doubts=("CHANGE_UNDECIDED",)),
        a_venue_symbol(
            listing_id=an_id("alias"),
            venue_symbol="BTC-USDT",
            alias_of="BTCUSDT",
            symbol_id=PERPETUAL.symbol_id,
            listed_at=NOW - 9 * DAY,
            tick_size=None,
            lot_size=None,
        ),
    )
    before = registry.entities["venue_symbol", LISTING]
    registry.now = NOW + DAY
    approve(registry, finding)
    (after,) = (v for v in registry.of("venue_symbol") if not v.alias_of)
    (alias,) = (v for v in registry.of("venue_symbol") if v.alias_of)
    symbol = registry.entities["symbol", after.symbol_id]
    assert (symbol.settlement_asset_id, symbol.contract_kind) == (OWN, ContractKindCode.INVERSE)
    assert alias.symbol_id == after.symbol_id != PERPETUAL.symbol_id
    assert (after.contract_size, after.doubts, after.is_primary) == (100, None, True)
    kept = ("listed_at", "first_seen_at", "tick_size", "terms_since")
    assert all(getattr(after, name) == getattr(before, name) for name in kept)


def test_a_symbols_other_facts_change_in_place() -> None:
    finding = a_finding("TERMS", ("symbol.underlying", "", "LITUSD"))
    registry = registry_with(a_listing())
    approve(registry, finding)
    assert registry.entities["symbol", PERPETUAL.symbol_id].underlying == "LITUSD"


def test_what_is_gone_ends_as_found_or_now() -> None:
    for kind in ("GONE", "SOURCE_MISSING"):
        registry = registry_with(a_listing(doubts=("SOURCE_MISSING",)))
        approve(registry, a_finding(kind, effective_at=NOW - DAY))
        after = listing_in(registry)
        assert (after.delisted_at, after.doubts) == (NOW - DAY, None)
        registry = registry_with(a_listing(doubts=("SOURCE_MISSING",)))
        approve(registry, a_finding(kind))
        assert listing_in(registry).delisted_at == NOW
        registry = registry_with(a_listing(doubts=("SOURCE_MISSING",)))
        reject(registry, a_finding(kind))
        after = listing_in(registry)
        assert (after.delisted_at, after.doubts) == (None, None)


def test_a_row_that_cannot_be_read_is_decided_by_lifting_its_doubt() -> None:
    finding = a_finding("UNREADABLE")
    registry = registry_with(a_listing(doubts=("SOURCE_UNREADABLE",)))
    reject(registry, finding)
    assert listing_in(registry).doubts == ("SOURCE_UNREADABLE",)
    approve(registry, finding)
    assert listing_in(registry).doubts is None
    with pytest.raises(MovedOn):
        approve(registry, finding)


@pytest.mark.parametrize(("choice", "decimals"), [(Choice(), 8), (Choice(units=Decimal(18)), 18)])
def test_decimals_are_the_chosen_or_the_found_ones(choice: Choice, decimals: int) -> None:
    held = a_deployment(doubts=("DECIMALS_DISAGREE",))
    finding = a_finding(
        "DECIMALS_DISAGREE",
        ("decimals", "6", "8"),
        chain_id="ethereum",
        address=held.address,
        listing_id=None,
    )
    registry = registry_with(a_chain(), held)
    approve(registry, finding, choice)
    (after,) = registry.of("asset_deployment")
    assert (after.decimals, after.doubts) == (decimals, None)
    registry = registry_with(a_chain(), held)
    reject(registry, finding)
    (after,) = registry.of("asset_deployment")
    assert (after.decimals, after.doubts) == (6, None)
    with pytest.raises(MovedOn):
        approve(
            registry,
            changed(finding, differences=(FindingDifference(field="decimals", before="9"),)),
        )


IDENTITY = ("SAME_TICKER", "REUSE", "RENAMED", "SWAP", "DUPLICATE", "ASSET_MERGE")


def about_code(kind: str, **changes: Any) -> Finding:
    candidate = (FindingEvidence(kind="NAME", asset_id=KNOWN),)
    given = {"listing_id": None, "venue_symbol": None, "code": "LIT", "asset_id": OWN}
    return a_finding(kind, **{**given, "evidence": candidate, **changes})


def a_market_of_its_own() -> MemoryRegistry:
    row = a_venue_asset(asset_id=OWN, venue_asset_symbol="LIT")
    return registry_with(row, a_listing(doubts=("MEANING_UNDECIDED",)))


@pytest.mark.parametrize("kind", IDENTITY)
def test_approving_says_which_asset_a_code_is_everywhere(kind: str) -> None:
    for finding, choice in (
        (about_code(kind), Choice(KNOWN)),
        (about_code(kind, proposed_asset_id=KNOWN), Choice()),
    ):
        registry = a_market_of_its_own()
        approve(registry, finding, choice)
        assert registry.entities["asset", OWN].merged_into == KNOWN
        symbol = registry.entities["symbol", listing_in(registry).symbol_id]
        assert symbol.base_asset_id == KNOWN
        assert listing_in(registry).doubts is None
        (row,) = registry.of("venue_asset")
        assert row.asset_id == KNOWN
        (review, *_) = row.evidence
        assert (review.kind, review.code) == ("REVIEWED", "LIT")
        with pytest.raises(MovedOn):
            approve(registry, finding, choice)


def test_a_doubt_is_lifted_of_a_listing_that_moves_to_another_symbol() -> None:
    registry = a_market_of_its_own()
    twin = msgspec.structs.replace(PERPETUAL, symbol_id=an_id("twin"), base_asset_id=KNOWN)
    registry.create(twin)
    registry.now = NOW + DAY
    approve(registry, about_code("REUSE"), Choice(KNOWN))
    after = listing_in(registry)
    assert (after.symbol_id, after.doubts) == (twin.symbol_id, None)
    assert (after.listing_id, after.terms_since) == (LISTING, NOW + DAY)


@pytest.mark.parametrize("kind", ["SAME_TICKER", "REUSE", "RENAMED", "SWAP", "DUPLICATE"])
def test_rejecting_leaves_the_asset_its_own_and_notes_that_a_person_said_so(kind: str) -> None:
    registry = a_market_of_its_own()
    reject(registry, about_code(kind, proposed_asset_id=KNOWN))
    assert registry.entities["asset", OWN].merged_into is None
    assert listing_in(registry).doubts is None
    (row,) = registry.of("venue_asset")
    assert (row.asset_id, row.evidence[0].kind) == (OWN, "REVIEWED")


def test_a_reuse_by_no_known_asset_is_a_coin_of_its_own() -> None:
    registry = a_market_of_its_own()
    approve(registry, about_code("REUSE"))
    assert registry.entities["asset", OWN].merged_into is None
    assert listing_in(registry).doubts is None


def test_without_a_choice_the_candidates_are_named() -> None:
    with pytest.raises(Invalid) as error:
        approve(a_market_of_its_own(), about_code("SAME_TICKER"))
    (violation,) = error.value.violations
    assert (violation.field, violation.reason) == ("asset_id", "REQUIRED")
    assert KNOWN in violation.message


def test_a_multiple_is_a_listing_of_the_coin_with_its_units() -> None:
    finding = a_finding(
        "MULTIPLIER", asset_id=OWN, proposed_asset_id=KNOWN, units=Decimal(1000), code="1000LIT"
    )
    registry = registry_with(a_listing(doubts=("CHANGE_UNDECIDED",)))
    registry.now = NOW + DAY
    approve(registry, finding)
    after = listing_in(registry)
    symbol = registry.entities["symbol", after.symbol_id]
    assert (symbol.base_asset_id, symbol.settlement_asset_id) == (KNOWN, USDT)
    assert (after.unit_multiplier, after.doubts) == (1000, None)
    assert (after.venue_symbol, after.listed_at) == ("BTCUSDT", NOW - 9 * DAY)
    registry = registry_with(a_listing())
    approve(registry, finding, Choice(BTC, Decimal(10)))
    after = listing_in(registry)
    assert registry.entities["symbol", after.symbol_id].base_asset_id == BTC
    assert after.unit_multiplier == 10


def test_undecided_findings_about_a_merged_asset_are_its_rivals() -> None:
    finding = about_code("SAME_TICKER")
    stored = {"action": FindingAction.REVIEW, "opened_at": NOW, "state": FindingState.OPEN}
    others = (
        about_code("REUSE", code="LIT2", **stored),
        about_code("SAME_TICKER", asset_id=KNOWN, **stored),
        about_code("DUPLICATE", **{**stored, "state": FindingState.SUPERSEDED}),
    )
    registry = registry_with(*others)
    found: list[str] = []

    def plan(view: RegistryView) -> list[Item]:
        found[:] = [other.finding_id for other in finding_effects.rivals_of(finding, view)]
        return []

    registry.apply_planned(plan)
    assert found == [others[0].finding_id]


def test_some_findings_are_only_noted() -> None:
    registry = registry_with(a_listing(doubts=("CHANGE_UNDECIDED",)))
    finding = a_finding("MASS_CHANGE", listing_id=None, venue_symbol=None)
    assert approve(registry, finding) == reject(registry, finding) == []


@pytest.mark.parametrize("decide", [approve, reject])
@pytest.mark.parametrize(
    ("action", "doubt"),
    [
        (FindingAction.TWO_PEOPLE, "CHANGE_UNDECIDED"),
        (FindingAction.HOLD, "MEANING_UNDECIDED"),
    ],
)
def test_a_listing_that_waited_is_free_of_doubt(
    decide: Any, action: FindingAction, doubt: str
) -> None:
    registry = registry_with(a_listing(doubts=(doubt,)))
    decide(registry, a_finding("LISTED", ("venue_symbol", "", "BTCUSDT"), action=action))
    assert listing_in(registry).doubts is None


def test_a_value_is_read_as_it_is_written() -> None:
    assert value_of(VenueSymbol, "tick_bands", "") == ()
    assert value_of(VenueSymbol, "order_types", "") is None
    (band,) = value_of(VenueSymbol, "tick_bands", '[{"from_price":"0","tick_size":"0.5"}]')
    assert band.tick_size == Decimal("0.5")
