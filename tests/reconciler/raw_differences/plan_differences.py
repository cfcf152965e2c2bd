"""What a plan does, in the form of the oracle: each change and each finding, counted."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from cqar.importer.plan import Plan
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.kinds.finding import Finding, FindingAction
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.reconciler.raw_differences.differences import (
    APPLIED,
    ENDED,
    LISTED,
    MISSING,
    UNREADABLE,
    Difference,
)

#: What a listing has beside what its record states. A corrected date is no difference of terms.
_BESIDE: Final = ("doubts", "metadata", "listed_at")
_PERIOD: Final = ("status", "delisted_at")
#: Findings about which coin a listing is of; beside these, the MULTIPLIER of a code.
_IDENTITIES: Final = ("SAME_TICKER", "REUSE", "RENAMED", "SWAP", "DUPLICATE")


def plan_differences(plan: Plan, at: dt.datetime) -> Counter[Difference]:
    """All that the plan changes in listings, and all that it leaves to people but identities."""
    found: Counter[Difference] = Counter()
    for outcome in plan.of(VENUE_SYMBOL, Result.CREATED):
        found[Difference(_spelling(outcome.after), LISTED)] += 1
    for outcome in plan.of(VENUE_SYMBOL, Result.UPDATED):
        found.update(listing_changes(outcome.before, outcome.after, at))
    for finding in plan.findings:
        found.update(finding_differences(finding))
    return found


def identity_findings(plan: Plan) -> Counter[tuple[str, str]]:
    """(kind, spelling) of findings about what a listing means."""
    return Counter((f.kind, f.venue_symbol or "") for f in plan.findings if is_of_identity(f))


def _spelling(entity: Any) -> str:
    spelling: str = entity.venue_symbol
    return spelling


def listing_changes(before: Any, after: Any, at: dt.datetime) -> Iterator[Difference]:
    """What became of a listing that there was."""
    is_over = after.delisted_at is not None and after.delisted_at <= at
    if is_over:
        yield Difference(after.venue_symbol, ENDED)
    for field, _, _ in entity_diff.visible_diff(before, after):
        if field not in _BESIDE and not (is_over and field in _PERIOD):
            yield Difference(after.venue_symbol, APPLIED, field)


def finding_differences(finding: Finding) -> Iterator[Difference]:
    """What a finding leaves to people, or notes; nothing, if it is of identity."""
    spelling = finding.venue_symbol or finding.code or ""
    is_of_listing = finding.kind in (MISSING, UNREADABLE) or finding.action is FindingAction.APPLY
    if is_of_listing:
        yield Difference(spelling, finding.kind)
    elif not is_of_identity(finding):
        for difference in finding.differences or ():
            yield Difference(spelling, finding.kind, difference.field)


def is_of_identity(finding: Finding) -> bool:
    """Whether it is about which coin a listing is of."""
    is_of_code = finding.kind == "MULTIPLIER" and not finding.differences
    return is_of_code or finding.kind in _IDENTITIES
