"""What becomes of each difference: taken, or left to people and doubted until then. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from cqar.importer.differences.findings import FindingMaker
from cqar.importer.differences.open_findings import DOUBT_OF, OpenFindings
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import UNDECIDED, Finding, FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

#: A change of these kinds is a finding also where the policy applies it.
_NOTED: Final = frozenset({FindingKind.END_ANNOUNCED, FindingKind.SCHEDULED, FindingKind.GONE})


class DifferenceDecision(NamedTuple):
    """What becomes of a difference.

    Attributes:
        is_taken: Whether the new value is proposed.
        doubt: What the listing gets until people have decided; None: nothing.
    """

    is_taken: bool
    doubt: str | None = None


class Decisions:
    """Decides differences one by one, and collects what is found.

    Attributes:
        maker: Makes the findings.
        findings: Those that are new, in their order, with their action and its rule.
        open: Those of before.
    """

    def __init__(self, maker: FindingMaker, known: OpenFindings) -> None:
        self.maker = maker
        self.open = known
        self.findings: list[Finding] = []

    def takes(self, finding: Finding) -> bool:
        """Whether the policy applies a difference, and nobody has rejected it."""
        is_applied = finding.action is FindingAction.APPLY
        return is_applied and self.open.state_of(finding) is not FindingState.REJECTED

    def decide(self, finding: Finding, listing: VenueSymbol) -> DifferenceDecision:
        """Decide a difference; what is found is noted, unless it was found before."""
        if self.open.state_of(finding) is FindingState.REJECTED:
            return DifferenceDecision(is_taken=False)
        if self.takes(finding):
            if finding.kind in _NOTED:
                self._add(finding, listing)
            return DifferenceDecision(is_taken=True)
        self.note(finding, listing)
        action = finding.action or FindingAction.REVIEW
        return DifferenceDecision(is_taken=False, doubt=DOUBT_OF.get(action))

    def note(self, finding: Finding, listing: VenueSymbol) -> None:
        """Note a finding that people decide."""
        if self.open.state_of(finding) in UNDECIDED:
            self.open.keep(finding)
        else:
            self._add(finding, listing)

    def _add(self, finding: Finding, listing: VenueSymbol) -> None:
        records = self.maker.records_of(listing)
        self.findings.append(msgspec.structs.replace(finding, records=records or None))


def with_doubts(
    listing: VenueSymbol, added: set[str], lifted: frozenset[str] = frozenset()
) -> VenueSymbol:
    """The listing with doubts added, in a stable order, and others lifted."""
    left = [doubt for doubt in listing.doubts or () if doubt not in lifted]
    new = sorted(added - {*left})
    return msgspec.structs.replace(listing, doubts=(*left, *new) or None)
