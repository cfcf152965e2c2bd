"""A plan as rows to review: one a listing, grouped by the kind of its change. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from cqar.importer.plan import Plan
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FindingAction
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

#: Field -> kind of change. A listing is filed under the first kind that one of its fields has.
_KINDS: Final = {
    "symbol_id": "MEANING",
    "order_unit": "ORDER_UNIT",
    "contract_size": "CONTRACT_SIZE",
    "unit_multiplier": "MULTIPLIER",
    "doubts": "DOUBT",
    "delisted_at": "END",
    "status": "STATUS",
    "scheduled": "SCHEDULED",
    "tick_size": "STEPS",
    "tick_bands": "STEPS",
    "lot_size": "STEPS",
    "min_order_size": "STEPS",
    "max_order_size": "LIMITS",
    "min_notional": "LIMITS",
    "maker_fee": "FEES",
    "taker_fee": "FEES",
    "listed_at": "DATES",
    "metadata": "NOTES",
}
#: The kinds of change, the gravest first; then new listings, and other spellings of listings.
KINDS: Final = (
    *("MEANING", "ORDER_UNIT", "CONTRACT_SIZE", "MULTIPLIER", "DOUBT", "END", "STATUS"),
    *("SCHEDULED", "STEPS", "LIMITS", "FEES", "DATES", "OTHER", "NOTES", "LISTED", "ALIAS"),
)
#: A change of one of these turns orders into other orders: the plan warns of it.
GRAVE: Final = ("MEANING", "ORDER_UNIT", "CONTRACT_SIZE", "MULTIPLIER")


class PlanRow(NamedTuple):
    """A listing that changes.

    Attributes:
        kind: Of `KINDS`.
        change: Fields that change, `field: from → to`; empty of a new listing.
    """

    kind: str
    spelling: str
    symbol: str
    base: str
    quote: str
    tick: str
    lot: str
    minimum: str
    status: str
    change: str


def plan_rows(plan: Plan) -> list[PlanRow]:
    """All listings that change, by kind of change and spelling."""
    names = _names(plan)
    rows = [_row(names, outcome) for outcome in plan.changes if outcome.kind is VENUE_SYMBOL]
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(rows, key=lambda row: (order[row.kind], row.spelling))


class PlannedFinding(NamedTuple):
    """A difference that is found: what people decide, or what is noted beside a change.

    Attributes:
        action: What the policy does with it.
        rule: The policy's rule that says so.
        about: A spelling, or a code.
        request: The answer that says so.
    """

    kind: str
    action: str
    rule: str
    about: str
    summary: str
    request: str
    finding_id: str


def finding_rows(plan: Plan) -> list[PlannedFinding]:
    """What is found anew: what people decide first, then by kind and spelling."""
    rows = [
        PlannedFinding(
            finding.kind,
            entity_diff.value_text(finding.action),
            finding.policy or "",
            finding.venue_symbol or finding.code or finding.address or "",
            finding.summary or "",
            next((record.request or "" for record in finding.records or ()), ""),
            finding.finding_id,
        )
        for finding in plan.findings
    ]
    applied = FindingAction.APPLY.name
    return sorted(rows, key=lambda row: (row.action == applied, row.kind, row.action, row.about))


def _row(names: Mapping[str, tuple[str, str, str]], outcome: Outcome) -> PlanRow:
    after: Any = outcome.after
    changes = list(entity_diff.visible_diff(outcome.before, after)) if outcome.before else []
    kind = "LISTED" if outcome.before is None else _kind_of(field for field, _, _ in changes)
    kind = "ALIAS" if after.alias_of else kind
    symbol, base, quote = names.get(after.symbol_id, ("", "", ""))
    text = entity_diff.value_text
    return PlanRow(
        kind,
        after.venue_symbol,
        symbol,
        base,
        quote,
        text(after.tick_size) or ("bands" if after.tick_bands else ""),
        text(after.lot_size),
        text(after.min_order_size),
        text(after.status),
        f"of {after.alias_of}"
        if after.alias_of and not changes
        else "; ".join(
            f"{field}: {was or '-'} → {becomes or '-'}" for field, was, becomes in changes
        ),
    )


def _kind_of(fields: Iterator[str]) -> str:
    kinds = {_KINDS.get(field, "OTHER") for field in fields}
    return next((kind for kind in KINDS if kind in kinds), "OTHER")


def _names(plan: Plan) -> dict[str, tuple[str, str, str]]:
    """Symbol -> its text, and the tickers of base and quote: of known ones, and of new ones."""
    made: list[Any] = [outcome.after for outcome in plan.new_assets]
    assets = {asset.asset_id: asset.symbol for asset in (*plan.state.all(ASSET), *made)}
    found: dict[str, tuple[str, str, str]] = {}
    new: list[Any] = [outcome.after for outcome in plan.new_symbols]
    for symbol in (*plan.state.all(SYMBOL), *new):
        base, quote = (
            assets.get(asset_id, "") for asset_id in (symbol.base_asset_id, symbol.quote_asset_id)
        )
        found[symbol.symbol_id] = symbol.symbol, base, quote
    return found


def warnings(plan: Plan) -> Iterator[str]:
    """What a reviewer must look at before anything else, the gravest first."""
    rows = plan_rows(plan)
    for kind in GRAVE:
        spellings = [row.spelling for row in rows if row.kind == kind]
        if spellings:
            yield f"{kind} changes for {_some(spellings)}: orders would be other orders"
    changed = sum(row.kind not in ("LISTED", "ALIAS", "NOTES") for row in rows)
    known = changed + plan.unchanged
    if changed > 1 and changed * 5 > known:
        yield f"{changed} of {known} known listings change: more than a fifth at once"
    left = Counter(row.kind for row in finding_rows(plan) if row.action != FindingAction.APPLY.name)
    if left:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(left.items()))
        yield f"{left.total()} findings are left to people: {counts}"
    if plan.new_assets:
        tickers = sorted(outcome.after.symbol for outcome in plan.new_assets)  # type: ignore[union-attr]
        yield f"{len(tickers)} new assets, unverified: {_some(tickers)}"
    if plan.multiples:
        yield (
            f"codes that look like multiples of a coin, which nobody has stated:"
            f" {_some(sorted(set(plan.multiples)))}. They are assets of their own:"
            " --multiplier CODE=COIN:UNITS, or CODE=CODE:1"
        )


def _some(names: list[str], shown: int = 10) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")
