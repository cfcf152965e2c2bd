"""What becomes of listings that the answers lack, or name in a record that cannot be read. Pure."""

from __future__ import annotations

import datetime as dt

from cqar.importer.differences.decisions import Decisions, with_doubts
from cqar.importer.missing import SOURCE_MISSING, SOURCE_UNREADABLE, MassChange, Missing
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import Finding, FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

#: Decided, for as long as the absence lasts.
_DECIDED = (FindingState.APPROVED, FindingState.REJECTED)


def refuse_mass(decisions: Decisions, missing: Missing) -> None:
    """Refuse answers that lack too much, unless a person or the policy allows just that.

    Raises:
        MassChange: The answers lack too much.
    """
    lacking, covered = missing.mass, missing.covered
    if not lacking:
        decisions.open.note_whole(covered)
        return
    finding = decisions.maker.of_mass_change(lacking, covered)
    is_allowed = decisions.open.state_of(finding) is FindingState.APPROVED
    if is_allowed or finding.action is FindingAction.APPLY:
        return
    counts = ", ".join(f"{len(v)} of {covered[kind]} {kind}" for kind, v in lacking.items())
    raise MassChange(
        f"{counts} listings are not in it: that looks like a cut-off file. If the venue really"
        " dropped them: --allow-mass-change",
        finding,
    )


def reviewed_absence(
    decisions: Decisions,
    before: VenueSymbol,
    given: VenueSymbol,
    since: dt.datetime,
    now: dt.datetime,
) -> VenueSymbol | None:
    """A listing that the answers lack; None if it stays as it is.

    Args:
        given: Doubted for the first absence, or ended after the second.
        since: Since when it is missing.
    """
    end = before.delisted_at
    missing = decisions.maker.of_missing(FindingKind.SOURCE_MISSING, before, since, end)
    is_dismissed = decisions.open.state_of(missing) in _DECIDED
    if given.delisted_at is not None and given.delisted_at <= now:
        gone = decisions.maker.of_missing(FindingKind.GONE, before, since, end)
        if not is_dismissed and decisions.decide(gone, before).is_taken:
            decisions.open.note_read(given.listing_id)
            return given
        decisions.open.keep(missing)
        return None
    return _doubted(decisions, before, given, missing, SOURCE_MISSING, is_lifted=is_dismissed)


def reviewed_unreadable(
    decisions: Decisions, before: VenueSymbol, given: VenueSymbol, reason: str
) -> VenueSymbol | None:
    """A listing whose record cannot be read; None if it stays as it is."""
    finding = decisions.maker.of_unreadable(before, reason)
    # Who rejects it keeps the doubt.
    is_lifted = decisions.open.state_of(finding) is FindingState.APPROVED
    return _doubted(decisions, before, given, finding, SOURCE_UNREADABLE, is_lifted=is_lifted)


def _doubted(
    decisions: Decisions,
    before: VenueSymbol,
    given: VenueSymbol,
    finding: Finding,
    doubt: str,
    *,
    is_lifted: bool,
) -> VenueSymbol | None:
    """The listing with its doubt, unless a person lifted it or the policy wants none.

    Args:
        given: With the doubt.
    """
    if decisions.open.state_of(finding) in _DECIDED:
        decisions.open.keep(finding)
    elif finding.action is not FindingAction.APPLY:
        decisions.note(finding, before)
    is_reviewed_only = finding.action is FindingAction.REVIEW
    if is_lifted or (is_reviewed_only and doubt not in (before.doubts or ())):
        given = with_doubts(given, set(), frozenset({doubt}))
    return given if given != before else None
