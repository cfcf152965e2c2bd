"""What the policy applies and people approve is what a policy that applies all takes at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from cqar.importer.market import Band, Code, Market, Scheduled
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain import finding_effects
from cqar_shared.domain.evaluation import Batch, Result
from cqar_shared.domain.finding_doubts import Choice
from cqar_shared.domain.kinds.finding import FINDING, Finding, FindingAction, FindingState
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    OrderUnitCode,
    terms_of,
)
from tests.support.entity_builders import NOW
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import APPLY_ALL, DAY, Registry, a_market

SIZES: Final = st.none() | st.sampled_from(["0.001", "0.01", "0.02", "1", "5", "1000"]).map(Decimal)
TICKS: Final = st.sampled_from(["0.01", "0.02", "1"]).map(Decimal)
#: It states every term, so that one that another lacks has left its record.
WHOLE: Final[dict[str, Any]] = {
    **dict.fromkeys(
        (
            *("lot_size", "min_order_size", "max_order_size", "market_lot_size", "contract_size"),
            *("market_min_size", "market_max_size", "min_notional", "tick_size", "max_leverage"),
        ),
        Decimal(1),
    ),
    "maker_fee": Decimal(0),
    "order_unit": OrderUnitCode.CONTRACT,
    "price_significant_digits": 5,
}


def a_perp(spelling: str, **terms: Any) -> Market:
    return a_market(
        spelling,
        symbol_type=SymbolTypeCode.PERPETUAL,
        settlement=Code("USDT"),
        contract_kind=ContractKindCode.LINEAR,
        **terms,
    )


@st.composite
def terms(draw: Any) -> dict[str, Any]:
    """Terms that a listing may have: of a lower and an upper bound, the lower is not greater."""
    found = {name: draw(SIZES) for name in ("lot_size", "market_lot_size", "min_notional")}
    for lower, upper in (("min_order_size", "max_order_size"), ("market_min_size",) * 2):
        low, high = draw(SIZES), draw(SIZES)
        if low is not None and high is not None and low > high:
            low, high = high, low
        found |= {lower: low, upper.replace("min", "max"): high}
    is_banded = draw(st.booleans())
    found["tick_size"] = None if is_banded else draw(st.none() | TICKS)
    if is_banded:
        found["tick_bands"] = (
            Band(Decimal(0), draw(TICKS)),
            Band(draw(st.sampled_from([Decimal(10), Decimal(20)])), draw(TICKS)),
        )
    elif draw(st.booleans()):
        found["scheduled"] = (Scheduled(NOW + 5 * DAY, "tick_size", str(draw(TICKS))),)
    found |= {
        "contract_size": draw(SIZES),
        "order_unit": draw(st.none() | st.sampled_from(OrderUnitCode)),
        "status": draw(st.sampled_from([MarketStatusCode.ONLINE, MarketStatusCode.HALTED])),
        "maker_fee": draw(st.none() | st.sampled_from([Decimal(0), Decimal("0.001")])),
        "max_leverage": draw(SIZES),
        "price_significant_digits": draw(st.none() | st.integers(3, 8)),
        "ends_at": draw(st.none() | st.sampled_from([NOW + 7 * DAY, NOW + 8 * DAY])),
    }
    return found


def approve(registry: Registry, finding: Finding) -> bool:
    """Do what the writer does when the finding is approved; it may refuse it as things are."""
    state = RegistryState(NOW + 2 * DAY)
    for kind, entity in registry.entities.values():
        state.add(kind, entity)
    for known in registry.findings.values():
        state.add(FINDING, known)
    items = finding_effects.approved(finding, Choice(), state)
    outcomes = Batch(items).judge(state)
    if any(outcome.error for outcome in outcomes):
        return False
    for outcome in outcomes:
        registry.entities[outcome.kind.name, outcome.key] = (outcome.kind, outcome.after)
    approved = changed(finding, state=FindingState.APPROVED)
    registry.findings[finding.finding_id] = approved
    return True


@settings(deadline=None, max_examples=150)
@given(terms(), terms(), st.randoms(use_true_random=False))
def test_applying_and_approving_all_is_applying_all(
    before: dict[str, Any], after: dict[str, Any], chance: Any
) -> None:
    other = a_perp("SOL-PERP", **WHOLE)
    asked, free = Registry(), Registry()
    free.rules = APPLY_ALL
    for registry in (asked, free):
        registry.imported(a_perp("BTC-PERP", **before), other)
    free.imported(a_perp("BTC-PERP", **after), other, at=NOW + DAY)
    plan = asked.imported(a_perp("BTC-PERP", **after), other, at=NOW + DAY)
    assert plan.rejected == []
    left = [f for f in plan.findings if f.action is not FindingAction.APPLY]
    # A listing has a doubt exactly where two people are asked.
    is_doubted = any(f.action is FindingAction.TWO_PEOPLE for f in left)
    assert (asked.listing("BTC-PERP").doubts is not None) == is_doubted
    chance.shuffle(left)
    # A tick to come is refused while bands stand that have gone, too: those are decided first.
    for _ in range(len(left)):
        left = [finding for finding in left if not approve(asked, finding)]
    assert left == []
    one, all_at_once = asked.listing("BTC-PERP"), free.listing("BTC-PERP")
    assert terms_of(one) == terms_of(all_at_once)
    assert (one.delisted_at, one.doubts) == (all_at_once.delisted_at, None)
    # What was decided is not found again.
    again = asked.plan(a_perp("BTC-PERP", **after), other, at=NOW + 3 * DAY)
    assert (again.findings, again.superseded) == ([], [])
    assert again.of(VENUE_SYMBOL, *Result) == []


@settings(deadline=None, max_examples=50)
@given(terms(), terms())
def test_rejecting_all_keeps_the_old_values_for_good(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    other = a_perp("SOL-PERP", **WHOLE)
    registry = Registry()
    registry.imported(a_perp("BTC-PERP", **before), other)
    plan = registry.imported(a_perp("BTC-PERP", **after), other, at=NOW + DAY)
    listing = changed(registry.listing("BTC-PERP"), doubts=None)
    registry.entities[VENUE_SYMBOL.name, listing.listing_id] = (VENUE_SYMBOL, listing)
    for finding in plan.findings:
        if finding.action is not FindingAction.APPLY:
            rejected = changed(finding, state=FindingState.REJECTED)
            registry.findings[finding.finding_id] = rejected
    again = registry.imported(a_perp("BTC-PERP", **after), other, at=NOW + 2 * DAY)
    assert (again.findings, again.of(VENUE_SYMBOL, *Result)) == ([], [])
    assert registry.listing("BTC-PERP") == listing
