"""What an import takes, leaves to people and doubts; and what it finds only once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cqar.importer.apply import BATCH_ITEMS, batches, entities_of, item_of
from cqar.importer.market import Alias, Code, Market, Scheduled
from cqar.importer.missing import MassChange
from cqar.importer.plan import Plan
from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.finding_effects import DOUBTED_BY_REJECTS
from cqar_shared.domain.finding_policy import DEFAULT_RULES, FindingKind, FindingRule
from cqar_shared.domain.kinds.finding import (
    FINDING,
    Finding,
    FindingAction,
    FindingDifference,
    FindingState,
    finding_id_of,
    with_id,
)
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, OrderUnitCode
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import APPLY_ALL, DAY, Registry, a_market, a_reading, coin

S = MarketStatusCode
A = FindingAction
OTHERS = [coin(code) for code in ("SOL", "ADA", "DOT", "XRP", "LTC")]
COARSE = Decimal("0.1")
PERP: dict[str, Any] = {
    "symbol_type": SymbolTypeCode.PERPETUAL,
    "settlement": Code("USDT"),
    "contract_kind": ContractKindCode.LINEAR,
    "order_unit": OrderUnitCode.CONTRACT,
    "contract_size": Decimal(1),
}


def a_rule(action: FindingAction, *kinds: str) -> tuple[FindingRule, ...]:
    return (FindingRule(name="configured", action=action, kinds=kinds), *DEFAULT_RULES)


def a_registry(market: Market | None = None, **options: Any) -> Registry:
    """One that has imported a market and five others."""
    registry = Registry()
    registry.rules = options.pop("rules", DEFAULT_RULES)
    registry.imported(market or a_market(), *OTHERS, **options)
    return registry


def decided(registry: Registry, finding: Finding, state: FindingState) -> None:
    registry.findings[finding.finding_id] = changed(finding, state=state)


def kinds(plan: Plan) -> list[tuple[str, FindingAction | None]]:
    return [(finding.kind, finding.action) for finding in plan.findings]


def test_coarser_steps_wait_for_review_and_the_old_ones_stand() -> None:
    registry = a_registry()
    answers: Any = {"raw": {"BTCUSDT": ({"symbol": "BTCUSDT", "tick": "0.1"}, None)}}
    plan = registry.imported(a_market(tick_size=COARSE), *OTHERS, at=NOW + DAY, **answers)
    (finding,) = plan.findings
    assert kinds(plan) == [("STEPS_COARSER", A.REVIEW)]
    (difference,) = finding.differences or ()
    assert (difference.field, difference.before, difference.after) == ("tick_size", "0.01", "0.1")
    listing = registry.listing("BTCUSDT")
    assert (listing.tick_size, listing.doubts) == (Decimal("0.01"), None)
    assert finding.listing_id == listing.listing_id
    assert (finding.policy, finding.finding_id) == ("review", finding_id_of(finding))
    assert finding.summary == "BTCUSDT: tick_size 0.01 → 0.1"
    (record,) = finding.records or ()
    assert (record.raw, record.reader) == ('{"symbol":"BTCUSDT","tick":"0.1"}', "a-reader/1")
    assert plan.of(LISTING_SOURCE, *Result) == []


def test_the_same_difference_is_found_once_and_nothing_is_sent_again() -> None:
    registry = a_registry()
    wide = a_market(tick_size=COARSE)
    first = registry.imported(wide, *OTHERS, at=NOW + DAY)
    again = registry.plan(wide, *OTHERS, at=NOW + 3 * DAY / 2)
    sent = [kind.name for kind, _ in entities_of(again)]
    assert (again.findings, again.superseded, sent) == ([], [], ["venue_facts"])
    # Whoever has not been told of the first makes the very same one.
    registry.findings.clear()
    other = registry.plan(wide, *OTHERS, at=NOW + 3 * DAY / 2)
    assert [f.finding_id for f in other.findings] == [f.finding_id for f in first.findings]


def test_a_plan_that_consists_of_findings_only_is_sent() -> None:
    registry = a_registry(at=NOW - DAY / 4)
    plan = registry.plan(a_market(tick_size=COARSE), *OTHERS)
    sent = entities_of(plan)
    assert [kind.name for kind, _ in sent] == ["finding", "venue", "venue_facts"]


def test_what_is_applied_is_noted_only_where_it_is_an_announcement_or_an_end() -> None:
    registry = a_registry()
    end, soon = NOW + 9 * DAY, NOW + 5 * DAY
    market = a_market(
        tick_size=Decimal("0.005"),
        maker_fee=Decimal("0.001"),
        status=S.POST_ONLY,
        ends_at=end,
        scheduled=(Scheduled(soon, "lot_size", "0.01"),),
    )
    plan = registry.imported(market, *OTHERS, at=NOW + DAY)
    assert sorted(kinds(plan)) == [("END_ANNOUNCED", A.APPLY), ("SCHEDULED", A.APPLY)]
    listing = registry.listing("BTCUSDT")
    assert (listing.tick_size, listing.status) == (Decimal("0.005"), S.POST_ONLY)
    assert (listing.delisted_at, listing.scheduled[0].value) == (end, "0.01")
    # What was announced comes: no news, and no absence.
    come = a_market(
        tick_size=Decimal("0.005"),
        maker_fee=Decimal("0.001"),
        status=S.POST_ONLY,
        ends_at=end,
        lot_size=Decimal("0.01"),
    )
    assert registry.imported(come, *OTHERS, at=soon).findings == []
    assert registry.imported(*OTHERS, at=end + DAY).findings == []
    assert registry.listing("BTCUSDT").delisted_at == end


def test_a_new_listing_with_an_announcement_is_noted_and_a_contracts_expiry_is_not() -> None:
    future = a_market(
        "BTC-F", symbol_type=SymbolTypeCode.FUTURE, settlement=Code("USDT"), expiry=NOW + 9 * DAY
    )
    told = a_market(ends_at=NOW + DAY, scheduled=(Scheduled(NOW + DAY / 2, "tick_size", "1"),))
    plan = Registry().plan(told, future)
    assert kinds(plan) == [("END_ANNOUNCED", A.APPLY), ("SCHEDULED", A.APPLY)]
    assert {f.venue_symbol for f in plan.findings} == {"BTCUSDT"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"contract_size": Decimal(10)}, "CONTRACT_SIZE"),
        ({"contract_size": None}, "CONTRACT_SIZE"),
        ({"order_unit": OrderUnitCode.BASE}, "ORDER_UNIT"),
        ({"contract_kind": ContractKindCode.INVERSE, "settlement": Code("BTC")}, "CONTRACT_KIND"),
    ],
    ids=str,
)
def test_what_makes_orders_other_orders_waits_for_two_people_and_denies_opening(
    change: dict[str, Any], kind: str
) -> None:
    perp = a_market("BTC-PERP", **PERP)
    # Another listing states the term, so that it did not just leave the answer's form.
    registry = a_registry(perp)
    other = coin("SOL", "SOL-PERP", **PERP)
    registry.imported(perp, *OTHERS, other, at=NOW + DAY)
    plan = registry.imported(
        msgspec.structs.replace(perp, **change), *OTHERS, other, at=NOW + 2 * DAY
    )
    assert (kinds(plan), plan.rejected) == ([(kind, A.TWO_PEOPLE)], [])
    listing = registry.listing("BTC-PERP")
    assert listing.doubts == ("CHANGE_UNDECIDED",)
    assert (listing.contract_size, listing.order_unit) == (Decimal(1), OrderUnitCode.CONTRACT)
    assert plan.new_symbols == []
    # The venue takes it back: the doubt goes, and the finding with it.
    back = registry.imported(perp, *OTHERS, other, at=NOW + 3 * DAY)
    assert registry.listing("BTC-PERP").doubts is None
    (closed,) = back.superseded
    assert (closed.kind, closed.state) == (kind, FindingState.SUPERSEDED)
    assert [kind is FINDING for kind, _ in entities_of(back)].count(True) == 1


def test_another_contract_names_what_of_the_symbol_differs() -> None:
    perp = a_market("BTC-PERP", **PERP)
    registry = a_registry(perp)
    inverse = msgspec.structs.replace(
        perp, contract_kind=ContractKindCode.INVERSE, settlement=Code("BTC")
    )
    (finding,) = registry.plan(inverse, *OTHERS, at=NOW + DAY).findings
    assert {d.field for d in finding.differences or ()} == {
        "symbol.contract_kind",
        "symbol.settlement_asset_id",
    }


def test_a_doubt_stays_while_another_finding_needs_it() -> None:
    perp = a_market("BTC-PERP", **PERP)
    registry = a_registry(perp)
    two = msgspec.structs.replace(perp, contract_size=Decimal(10), order_unit=OrderUnitCode.BASE)
    registry.imported(two, *OTHERS, at=NOW + DAY)
    one = msgspec.structs.replace(perp, contract_size=Decimal(10))
    plan = registry.imported(one, *OTHERS, at=NOW + 2 * DAY)
    assert [f.kind for f in plan.superseded] == ["ORDER_UNIT"]
    assert registry.listing("BTC-PERP").doubts == ("CHANGE_UNDECIDED",)


@pytest.mark.parametrize(
    ("action", "doubts"),
    [
        (A.REVIEW, None),
        (A.TWO_PEOPLE, ("CHANGE_UNDECIDED",)),
        (A.HOLD, ("MEANING_UNDECIDED",)),
        (A.QUARANTINE, ("CHANGE_UNDECIDED",)),
    ],
)
def test_a_configured_action_is_what_happens(
    action: FindingAction, doubts: tuple[str, ...] | None
) -> None:
    registry = a_registry()
    registry.rules = a_rule(action, "STATUS")
    market = a_market(status=S.HALTED, aliases=(Alias("XBTUSDT"),))
    plan = registry.imported(market, *OTHERS, at=NOW + DAY)
    assert kinds(plan) == [("STATUS", action)]
    listing = registry.listing("BTCUSDT")
    assert (listing.status, listing.doubts) == (S.ONLINE, doubts)
    # An alias has the status of its listing.
    assert registry.listing("XBTUSDT").status is S.ONLINE


def test_an_end_that_a_person_must_review_leaves_no_trace_of_who_set_it() -> None:
    registry = a_registry()
    registry.rules = a_rule(A.REVIEW, "END_ANNOUNCED", "STATUS")
    registry.imported(a_market(ends_at=NOW + 9 * DAY), *OTHERS, at=NOW + DAY)
    listing = registry.listing("BTCUSDT")
    assert (listing.delisted_at, listing.metadata) == (None, None)
    over = a_market(status=S.DELISTED, delisted_at=NOW + DAY)
    plan = registry.imported(over, *OTHERS, at=NOW + 2 * DAY)
    assert kinds(plan) == [("STATUS", A.REVIEW)]
    assert registry.listing("BTCUSDT").delisted_at is None


def test_what_was_rejected_is_not_found_again_and_the_old_value_stands_without_a_doubt() -> None:
    perp = a_market("BTC-PERP", **PERP)
    registry = a_registry(perp)
    other = msgspec.structs.replace(perp, contract_size=Decimal(10))
    (finding,) = registry.plan(other, *OTHERS, at=NOW + DAY).findings
    decided(registry, finding, FindingState.REJECTED)
    plan = registry.imported(other, *OTHERS, at=NOW + DAY)
    assert (plan.findings, plan.superseded) == ([], [])
    listing = registry.listing("BTC-PERP")
    assert (listing.contract_size, listing.doubts) == (Decimal(1), None)


def test_what_was_put_off_is_not_found_again() -> None:
    registry = a_registry()
    wide = a_market(tick_size=COARSE)
    (finding,) = registry.plan(wide, *OTHERS, at=NOW + DAY).findings
    decided(registry, finding, FindingState.HELD)
    plan = registry.plan(wide, *OTHERS, at=NOW + DAY)
    assert (plan.findings, plan.superseded) == ([], [])


def test_what_the_policy_takes_now_is_taken_and_its_finding_closed() -> None:
    registry = a_registry()
    wide = a_market(tick_size=COARSE)
    registry.imported(wide, *OTHERS, at=NOW + DAY)
    registry.rules = APPLY_ALL
    plan = registry.imported(wide, *OTHERS, at=NOW + 2 * DAY)
    assert [f.kind for f in plan.superseded] == ["STEPS_COARSER"]
    assert registry.listing("BTCUSDT").tick_size == COARSE


def test_an_absence_is_found_then_the_end_and_each_once() -> None:
    registry = a_registry(a_market(aliases=(Alias("XBTUSDT"),)))
    first = registry.imported(*OTHERS, at=NOW + DAY)
    assert kinds(first) == [("SOURCE_MISSING", A.QUARANTINE)]
    assert registry.listing("BTCUSDT").doubts == ("SOURCE_MISSING",)
    soon = registry.plan(*OTHERS, at=NOW + DAY + dt.timedelta(minutes=9))
    assert (soon.findings, soon.superseded) == ([], [])
    gone = registry.imported(*OTHERS, at=NOW + 2 * DAY)
    assert kinds(gone) == [("GONE", A.APPLY)]
    assert [f.kind for f in gone.superseded] == ["SOURCE_MISSING"]
    (finding,) = gone.findings
    assert finding.effective_at == NOW + DAY
    assert registry.imported(*OTHERS, at=NOW + 3 * DAY).findings == []


def test_an_absence_that_a_person_dismissed_is_neither_doubted_nor_gone_until_it_is_another() -> (
    None
):
    registry = a_registry()
    (finding,) = registry.imported(*OTHERS, at=NOW + DAY).findings
    decided(registry, finding, FindingState.REJECTED)
    listing = changed(registry.listing("BTCUSDT"), doubts=None)
    registry.entities[VENUE_SYMBOL.name, listing.listing_id] = (VENUE_SYMBOL, listing)
    for days in (1, 2, 3):
        plan = registry.imported(*OTHERS, at=NOW + days * DAY + DAY / 2)
        assert (plan.findings, plan.delisted) == ([], [])
        assert registry.listing("BTCUSDT").doubts is None
    registry.imported(a_market(), *OTHERS, at=NOW + 4 * DAY)
    (again,) = registry.imported(*OTHERS, at=NOW + 5 * DAY).findings
    assert (again.kind, again.finding_id != finding.finding_id) == ("SOURCE_MISSING", True)
    assert registry.listing("BTCUSDT").doubts == ("SOURCE_MISSING",)


def test_an_end_after_two_absences_may_be_a_persons_to_decide() -> None:
    registry = a_registry(a_market(aliases=(Alias("XBTUSDT"),)))
    registry.rules = a_rule(A.REVIEW, "GONE")
    registry.imported(*OTHERS, at=NOW + DAY)
    plan = registry.imported(*OTHERS, at=NOW + 2 * DAY)
    assert (kinds(plan), plan.delisted, plan.superseded) == ([("GONE", A.REVIEW)], [], [])
    assert registry.listing("BTCUSDT").doubts == ("SOURCE_MISSING",)
    assert registry.plan(*OTHERS, at=NOW + 5 * DAY / 2).findings == []


def test_a_row_that_cannot_be_read_is_found_with_its_record() -> None:
    registry = a_registry()
    plan = registry.imported(*OTHERS, at=NOW + DAY, unreadable=["BTCUSDT"])
    assert kinds(plan) == [("UNREADABLE", A.QUARANTINE)]
    (finding,) = plan.findings
    assert finding.summary == "BTCUSDT: junk"
    again = registry.imported(*OTHERS, at=NOW + 3 * DAY / 2, unreadable=["BTCUSDT"])
    assert (again.findings, again.superseded) == ([], [])
    read = registry.imported(a_market(), *OTHERS, at=NOW + 2 * DAY)
    assert [f.kind for f in read.superseded] == ["UNREADABLE"]
    assert registry.listing("BTCUSDT").doubts is None


def test_a_doubt_that_a_person_lifted_stays_lifted_while_the_row_cannot_be_read() -> None:
    registry = a_registry()
    (finding,) = registry.imported(*OTHERS, at=NOW + DAY, unreadable=["BTCUSDT"]).findings
    decided(registry, finding, FindingState.APPROVED)
    registry.imported(*OTHERS, at=NOW + 2 * DAY, unreadable=["BTCUSDT"])
    assert registry.listing("BTCUSDT").doubts is None
    # Once it was read, the next time is another one.
    closed = registry.imported(a_market(), *OTHERS, at=NOW + 3 * DAY).superseded
    assert [f.finding_id for f in closed] == [finding.finding_id]


def test_a_mass_change_is_refused_until_a_person_approves_just_that_one() -> None:
    registry = a_registry()
    with pytest.raises(MassChange, match="4 of 6 SPOT") as refused:
        registry.plan(*OTHERS[:2], at=NOW + DAY)
    finding = refused.value.finding
    assert (finding.kind, finding.action) == ("MASS_CHANGE", A.QUARANTINE)
    assert finding.summary is not None
    assert finding.summary.startswith("4 of 6 SPOT listings are missing: BTCUSDT, DOTUSDT,")
    decided(registry, finding, FindingState.APPROVED)
    plan = registry.imported(*OTHERS[:2], at=NOW + DAY)
    assert {kind for kind, _ in kinds(plan)} == {"SOURCE_MISSING"}
    # Another set of them is another finding.
    with pytest.raises(MassChange) as other:
        registry.plan(OTHERS[0], at=NOW + 2 * DAY)
    assert other.value.finding.finding_id != finding.finding_id
    gone = registry.imported(*OTHERS[:2], at=NOW + 2 * DAY)
    assert len(gone.delisted) == 4


def test_a_mass_change_that_is_over_is_closed() -> None:
    registry = a_registry()
    with pytest.raises(MassChange) as refused:
        registry.plan(*OTHERS[:2], at=NOW + DAY)
    finding = refused.value.finding
    decided(registry, finding, FindingState.OPEN)
    # Answers about another type, and of another venue, say nothing of it.
    perp = a_market("BTC-PERP", **PERP)
    other = perp_only(registry, perp)
    assert other.superseded == []
    elsewhere = changed(finding, venue_id="kraken", finding_id="another")
    decided(registry, elsewhere, FindingState.OPEN)
    plan = registry.imported(a_market(), *OTHERS, perp, at=NOW + DAY)
    assert plan.superseded == [changed(finding, state=FindingState.SUPERSEDED)]


def perp_only(registry: Registry, perp: Market) -> Plan:
    """A plan of an answer that covers perpetuals only."""
    reading = a_reading(perp)
    reading.symbol_types = frozenset({SymbolTypeCode.PERPETUAL})
    return registry.plan(reading=reading, at=NOW + DAY)


def test_a_listing_that_cannot_be_stored_leaves_no_finding() -> None:
    bad = coin("XMR", tick_size=Decimal(-1), ends_at=NOW + DAY)
    plan = Registry().plan(a_market(), bad)
    assert ([r.spelling for r in plan.rejected], plan.findings) == (["XMRUSDT"], [])


def test_an_older_answer_makes_no_finding() -> None:
    registry = a_registry(at=NOW)
    plan = registry.plan(
        a_market(tick_size=COARSE), *OTHERS, at=NOW - DAY, as_of=NOW - DAY, allow_mass_change=True
    )
    assert (plan.findings, plan.superseded) == ([], [])


def test_findings_go_with_the_listings_that_they_are_about() -> None:
    registry = Registry()
    markets = [coin(f"C{n}", **PERP) for n in range(2 * BATCH_ITEMS // 3)]
    registry.imported(a_market(), *markets)
    other = [msgspec.structs.replace(m, contract_size=Decimal(10)) for m in markets]
    plan = registry.imported(a_market(), *other, at=NOW + DAY)
    sent = [item_of(kind, entity, None) for kind, entity in entities_of(plan)]
    found = list(batches(sent))
    assert [item for batch in found for item in batch] == sent
    assert len(found) == 2
    for batch in found:
        assert len(batch) <= BATCH_ITEMS
        listings = {item.venue_symbol.listing_id for item in batch if item.HasField("venue_symbol")}
        assert listings == {item.finding.listing_id for item in batch if item.HasField("finding")}


def test_what_orders_were_refused_by_is_over_when_the_venue_states_other_terms() -> None:
    registry = a_registry()
    listing = registry.listing("BTCUSDT")
    finding = Finding(
        kind=FindingKind.ORDER_REJECTED,
        state=FindingState.OPEN,
        venue_id=listing.venue_id,
        listing_id=listing.listing_id,
        differences=(FindingDifference(field="tick_size", before="0.01"),),
    )
    finding = with_id(finding)
    registry.findings[finding.finding_id] = finding
    doubted = changed(listing, doubts=(DOUBTED_BY_REJECTS,))
    registry.entities[VENUE_SYMBOL.name, listing.listing_id] = (VENUE_SYMBOL, doubted)
    same = registry.imported(a_market(), *OTHERS, at=NOW + DAY)
    assert (same.superseded, registry.listing("BTCUSDT").doubts) == ([], (DOUBTED_BY_REJECTS,))
    finer = registry.imported(a_market(tick_size=Decimal("0.005")), *OTHERS, at=NOW + 2 * DAY)
    assert [f.finding_id for f in finer.superseded] == [finding.finding_id]
    assert registry.listing("BTCUSDT").doubts is None
