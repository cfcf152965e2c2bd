"""The finding that enough reports of refused orders make, and the doubt that it puts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_effects import DOUBTED_BY_REJECTS
from cqar_shared.domain.finding_policy import FindingKind, FindingRule, with_policy
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.finding import (
    DETAIL_CHARS_MAX,
    EVIDENCE_MAX,
    FINDING,
    UNDECIDED,
    Finding,
    FindingAction,
    FindingDifference,
    FindingEvidence,
    FindingState,
    with_id,
)
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.listing_term_rules import DOUBTS_MAX
from cqar_writer.rejects.reject_reasons import FIELDS, name_of
from cqar_writer.store.reject_rows import RejectTotal, ReportedReject

#: Who opens such findings: anybody may decide them.
ACTOR: Final = "cqar"
#: Evidence of one actor's reports.
REJECTS: Final = "REJECTS"
#: Actions of the policy that put the listing in doubt until the finding is decided.
_DOUBTING: Final = frozenset(
    (FindingAction.QUARANTINE, FindingAction.HOLD, FindingAction.TWO_PEOPLE)
)


class Doubted(NamedTuple):
    """What is reported, and who reported it."""

    report: ReportedReject
    totals: Sequence[RejectTotal]
    rules: Sequence[FindingRule]


def finding_of(report: ReportedReject, listing: VenueSymbol | None) -> Finding:
    """The finding about a spelling, a reason and the terms that the registry states now.

    Its id follows from them: while these terms stand there is one, however much is reported.
    """
    differences = tuple(
        FindingDifference(field=field, before=entity_diff.value_text(value))
        for field in FIELDS.get(report.reason, ())
        if (value := getattr(listing, field, None))
    )
    reason = name_of(report.reason)
    return with_id(
        Finding(
            kind=FindingKind.ORDER_REJECTED,
            venue_id=report.venue_id,
            venue_symbol=report.venue_symbol,
            listing_id=listing.listing_id if listing is not None else None,
            differences=differences or None,
            summary=f"the venue refuses orders that these terms allow: {reason}",
            code=reason,
        )
    )


def stands(finding: Finding | None) -> bool:
    """Whether more reports make nothing new: it waits for people, or was rejected."""
    return finding is not None and finding.state in (*UNDECIDED, FindingState.REJECTED)


def plan_doubt(doubted: Doubted, registry: RegistryView) -> list[Item]:
    """Return the finding and the doubt; nothing where the finding is there, or was decided.

    What was rejected stays so until the terms change. What was approved is opened anew: somebody
    said that the terms were read again, and they are refused still.
    """
    report = doubted.report
    listing = _listing(report, registry)
    finding = finding_of(report, listing)
    before: Finding | None = registry.get(FINDING.name, finding.finding_id)
    if stands(before):
        return []
    finding = msgspec.structs.replace(finding, evidence=_evidence(doubted.totals))
    finding = with_policy(finding, ACTOR, doubted.rules)
    items = [Item(kind=FINDING, intent=ChangeIntent.UPSERT, given=finding)]
    if listing is not None and finding.action in _DOUBTING and _has_room(listing):
        items.append(
            Item(
                kind=VENUE_SYMBOL,
                intent=ChangeIntent.EVOLVE,
                key=listing.listing_id,
                step=_with_doubt,
            )
        )
    return items


def _listing(report: ReportedReject, registry: RegistryView) -> Any:
    return registry.get(VENUE_SYMBOL.name, report.listing_id) if report.listing_id else None


def _has_room(listing: VenueSymbol) -> bool:
    doubts = listing.doubts or ()
    return DOUBTED_BY_REJECTS not in doubts and len(doubts) < DOUBTS_MAX


def _with_doubt(listing: VenueSymbol) -> VenueSymbol:
    return msgspec.structs.replace(listing, doubts=(*(listing.doubts or ()), DOUBTED_BY_REJECTS))


def _evidence(totals: Sequence[RejectTotal]) -> tuple[FindingEvidence, ...]:
    return tuple(
        FindingEvidence(
            kind=REJECTS,
            detail=f"{t.actor}: {t.reports} reports, the last {t.code} {t.message}"[
                :DETAIL_CHARS_MAX
            ],
        )
        for t in totals[:EVIDENCE_MAX]
    )
