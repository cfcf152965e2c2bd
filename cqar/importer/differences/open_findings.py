"""What was found before about a venue, and what of it is not so any more. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from cqar_shared.domain import entity_diff
from cqar_shared.domain.finding_effects import CHANGE_UNDECIDED, DOUBTED_BY_REJECTS
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import UNDECIDED, Finding, FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

#: Kinds that an import finds by comparing terms; others are found by comparing identities.
COMPARED: Final = frozenset(
    {
        *(FindingKind.LISTED, FindingKind.STATUS, FindingKind.FEES, FindingKind.TERMS),
        *(FindingKind.END_ANNOUNCED, FindingKind.SCHEDULED, FindingKind.GONE),
        *(FindingKind.STEPS_FINER, FindingKind.STEPS_COARSER, FindingKind.CONTRACT_SIZE),
        *(FindingKind.CONTRACT_KIND, FindingKind.ORDER_UNIT, FindingKind.MULTIPLIER),
        *(FindingKind.UNREADABLE, FindingKind.SOURCE_MISSING, FindingKind.MASS_CHANGE),
    }
)
#: Approving one of these lifts a doubt, until the listing is read again.
_DOUBTING: Final = frozenset({FindingKind.UNREADABLE, FindingKind.SOURCE_MISSING})
MEANING_UNDECIDED: Final = "MEANING_UNDECIDED"
#: What an undecided finding about a listing's terms denies, by action.
DOUBT_OF: Final = {
    FindingAction.TWO_PEOPLE: CHANGE_UNDECIDED,
    FindingAction.HOLD: MEANING_UNDECIDED,
    FindingAction.QUARANTINE: CHANGE_UNDECIDED,
}


class OpenFindings:
    """Findings of before, and which of them hold still.

    Args:
        venue_id: Whose differences are compared; what is known of others stays as it is.
        known: Id -> finding: undecided ones, rejected ones, and doubts that were lifted.
        others: Findings of the same import that are made elsewhere.
    """

    def __init__(
        self, venue_id: str, known: Mapping[str, Finding], others: Iterable[Finding] = ()
    ) -> None:
        self._venue_id = venue_id
        self._known = known
        self._kept: set[str] = set()
        self._read: set[str] = set()
        self._terms: dict[str, VenueSymbol] = {}
        self._whole: frozenset[str] = frozenset()
        self._about: dict[str, list[Finding]] = defaultdict(list)
        for finding in known.values():
            self._about[finding.listing_id or ""].append(finding)
        self._others: dict[str, set[str]] = defaultdict(set)
        for finding in others:
            self._others[finding.listing_id or ""] |= _doubts(finding)

    def state_of(self, finding: Finding) -> FindingState | None:
        """What became of the same finding before; None if it is new, or closed."""
        known = self._known.get(finding.finding_id)
        return known.state if known is not None else None

    def keep(self, finding: Finding) -> None:
        """Note that a finding of before holds still."""
        self._kept.add(finding.finding_id)

    @property
    def kept(self) -> int:
        """How many findings of before are undecided, and hold still."""
        known = (self._known.get(finding_id) for finding_id in self._kept)
        return sum(finding is not None and finding.state in UNDECIDED for finding in known)

    def note_read(self, listing_id: str) -> None:
        """Note that the answers say how a listing is: what they do not say anew is over."""
        self._read.add(listing_id)

    def note_terms(self, listing: VenueSymbol) -> None:
        """Note the terms that a listing has from now on: what doubted former ones is over."""
        self._terms[listing.listing_id] = listing

    def note_whole(self, kinds: Iterable[str]) -> None:
        """Note of which types the answers lack no more than they may."""
        self._whole = frozenset(kinds)

    def lifted(self, listing_id: str) -> frozenset[str]:
        """The doubts of a listing for which no reason is left, once it was read."""
        about = self._about.get(listing_id, ())
        over = {doubt for f in about if self._is_over(f) for doubt in _doubts(f)}
        stay = {
            doubt
            for f in about
            if f.state in UNDECIDED and not self._is_over(f)
            for doubt in _doubts(f)
        }
        return frozenset(over - stay - self._others.get(listing_id, set()))

    def superseded(self) -> list[Finding]:
        """Those that are not so any more, as the writer takes them."""
        return [
            msgspec.structs.replace(finding, state=FindingState.SUPERSEDED)
            for finding in self._known.values()
            if self._is_over(finding)
        ]

    def _is_over(self, finding: Finding) -> bool:
        if finding.kind == FindingKind.ORDER_REJECTED:
            return finding.state in UNDECIDED and self._has_other_terms(finding)
        is_ours = finding.venue_id == self._venue_id and _is_compared(finding)
        if finding.finding_id in self._kept or not is_ours:
            return False
        is_lifted_doubt = finding.state is FindingState.APPROVED and finding.kind in _DOUBTING
        if finding.state not in UNDECIDED and not is_lifted_doubt:
            return False
        if finding.kind == FindingKind.MASS_CHANGE:
            return self._whole.issuperset(d.field for d in finding.differences or ())
        return finding.listing_id in self._read

    def _has_other_terms(self, finding: Finding) -> bool:
        """Whether a term that orders were refused by is another one now."""
        listing = self._terms.get(finding.listing_id or "")
        return listing is not None and any(
            entity_diff.value_text(getattr(listing, d.field)) != d.before
            for d in finding.differences or ()
        )


def _is_compared(finding: Finding) -> bool:
    """Whether it is a difference of terms: what a multiplier is proposed by is another matter."""
    if finding.kind != FindingKind.MULTIPLIER:
        return finding.kind in COMPARED
    return any(d.field == "unit_multiplier" for d in finding.differences or ())


def _doubts(finding: Finding) -> set[str]:
    if finding.kind == FindingKind.ORDER_REJECTED:
        return {DOUBTED_BY_REJECTS}
    doubt = DOUBT_OF.get(finding.action or FindingAction.REVIEW)
    return {doubt} if doubt is not None else set()
