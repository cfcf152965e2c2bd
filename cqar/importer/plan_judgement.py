"""Judges an import's proposals by the writer's own rules; the plan keeps what changes. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cqar.importer.apply import RejectedRecord
from cqar.importer.backfill import PastProposals
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

if TYPE_CHECKING:
    from cqar.importer.plan import Plan


def is_stated_again(outcome: Outcome) -> bool:
    """Whether nothing changes but when it was stated."""
    return not any(entity_diff.visible_diff(outcome.before, outcome.after))


def _rejected_record(outcome: Outcome, given: Any) -> RejectedRecord:
    name = getattr(given, "venue_symbol", None) or getattr(given, "symbol", "")
    reasons = "; ".join(f"{v.field}: {v.message}" for v in outcome.violations)
    return RejectedRecord(name or outcome.key, reasons)


def judge(
    state: RegistryState, items: list[Item], plan: Plan, beside: Collection[str] = ()
) -> set[str]:
    """Keep what changes something, and of new symbols and assets what accepted listings need.

    Args:
        beside: Assets of which codes are kept that no listing needs.

    Returns:
        The assets that accepted listings stand on.
    """
    outcomes = Batch(items).judge(state)
    accepted = [o for o in outcomes if o.kind is VENUE_SYMBOL and o.result is not Result.REJECTED]
    symbols = {o.after.symbol_id for o in accepted if o.after is not None}  # type: ignore[attr-defined]
    wanted: set[Any] = set()
    for symbol_id in symbols:
        symbol = state.get(SYMBOL.name, symbol_id)
        if symbol is not None:
            wanted |= {symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id}
    kept = {*wanted, *beside}
    for item, outcome in zip(items, outcomes, strict=True):
        given: Any = item.given
        if outcome.result is Result.REJECTED:
            plan.rejected.append(_rejected_record(outcome, given))
        elif outcome.result is Result.UNCHANGED:
            plan.unchanged += outcome.kind is VENUE_SYMBOL
        elif outcome.kind is VENUE_SYMBOL and is_stated_again(outcome):
            plan.unchanged += 1
            plan.stated_again += 1
            plan.changes.append(outcome)
        elif outcome.kind is SYMBOL:
            plan.changes += [outcome] if outcome.key in symbols else []
        elif _is_wanted(outcome, given, kept):
            plan.changes.append(outcome)
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    plan.changes.sort(key=lambda o: order[o.kind.name])
    return wanted


def _is_wanted(outcome: Outcome, given: Any, wanted: set[Any]) -> bool:
    """Whether an accepted listing needs an asset, its code, or what ties it to others."""
    if outcome.kind is ASSET_RELATIONSHIP:
        return given.from_asset_id in wanted
    # What gives up a code is not needed by what is listed; the code's new meaning needs it.
    is_own = outcome.kind is not VENUE_ASSET or outcome.before is None
    return outcome.kind not in (ASSET, VENUE_ASSET) or given.asset_id in wanted or not is_own


def _is_news(state: RegistryState, item: Item) -> bool:
    """Whether an older answer's asset or code is new, or another code of one that goes on.

    A code that has ended since is not opened again.
    """
    before: Any = state.get(item.kind.name, item.kind.key_of(item.given))
    if before is None or item.kind is not VENUE_ASSET:
        return before is None
    given: Any = item.given
    return before.delisted_at is None and len(given.codes) > len(before.codes)


def judge_behind(
    state: RegistryState, notes: list[Item], behind: PastProposals, plan: Plan
) -> set[str]:
    """Judge an older answer: what stands now, as of the newest one, and then what was.

    Returns:
        The assets that accepted listings stand on.
    """
    codes = [item for item in behind.codes() if _is_news(state, item)]
    symbols = [item for item in behind.items if item.kind is SYMBOL]
    then = [item for item in behind.items if item.kind is not SYMBOL]
    at = state.now
    state.now = state.as_of = plan.changes_at or at
    state.confirms = True
    used = judge(state, [*notes, *codes, *symbols, *behind.present], plan)
    state.as_of = at
    for outcome in plan.changes:
        if outcome.after is not None:
            state.replace(outcome.kind, outcome.after)
    for outcome, item in zip(Batch(then).judge(state), then, strict=True):
        given: Any = item.given
        if outcome.result is Result.REJECTED:
            plan.rejected.append(_rejected_record(outcome, given))
        elif outcome.changes:
            plan.past.append(outcome)
        else:
            plan.unchanged += 1
    return used
