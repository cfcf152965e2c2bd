"""What an import could not decide about identities, and its findings about it. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.evidence import source_of
from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.ladder import Candidate, Evidence
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.finding_policy import FindingKind, rule_for, with_id
from cqar_shared.domain.kinds.finding import (
    EVIDENCE_MAX,
    Finding,
    FindingDifference,
    FindingEvidence,
    FindingRecord,
)
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

_SUMMARY_CHARS_MAX: Final = 300
#: Candidates that a summary names.
_NAMED_MAX: Final = 3


class IdentityQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about a code, or about a listing.

    Attributes:
        asset_id: What it is until it is decided: an unverified asset of its own.
        is_about_listing: Whether it is about the listing of `spelling`, or about the code.
        spelling: Of the listing; of a code, one whose record is shown.
        old_asset_id: What a code that is used anew meant before.
        proposed, units, rate, from_spelling, effective_at: What is proposed, as far as it applies.
        before: The listing that had the spelling before.
        remarks: Evidence about no one candidate.
    """

    kind: FindingKind
    code: str
    asset_id: str
    candidates: tuple[Candidate, ...] = ()
    is_about_listing: bool = False
    spelling: str = ""
    old_asset_id: str | None = None
    proposed: str | None = None
    units: Decimal | None = None
    rate: Decimal | None = None
    from_spelling: str | None = None
    effective_at: dt.datetime | None = None
    before: VenueSymbol | None = None
    remarks: tuple[Evidence, ...] = ()


class FindingWriter:
    """Writes questions as findings.

    Args:
        holder: The operator whose codes the venue uses.
    """

    def __init__(
        self,
        state: RegistryState,
        index: AssetIndex,
        venue_id: str,
        holder: str,
        reading: Reading,
    ) -> None:
        self._state = state
        self._index = index
        self._venue_id = venue_id
        self._holder = holder
        self._reading = reading

    def findings(
        self,
        questions: Iterable[IdentityQuestion],
        listings: Mapping[str, VenueSymbol],
        used: set[Any],
    ) -> Iterator[Finding]:
        """The findings about listings and assets that are accepted.

        Args:
            listings: Spelling -> its listing, of those that are open.
            used: The assets that accepted listings stand on.
        """
        for question in questions:
            listing = listings.get(question.spelling)
            is_used = question.asset_id in used or self._index.get(question.asset_id) is not None
            if is_used and not (question.is_about_listing and listing is None):
                finding = self._finding(question, listing)
                if finding.finding_id not in self._state.known_findings:
                    rule = rule_for(finding, self._state.rules)
                    yield msgspec.structs.replace(finding, action=rule.action, policy=rule.name)

    def _finding(self, question: IdentityQuestion, listing: VenueSymbol | None) -> Finding:
        is_about_listing = question.is_about_listing and listing is not None
        differences = None
        if question.old_asset_id is not None:
            asset_ids = {"before": question.old_asset_id, "after": question.asset_id}
            differences = (FindingDifference(field="base_asset_id", **asset_ids),)
        return with_id(
            Finding(
                kind=question.kind,
                venue_id=self._venue_id if is_about_listing else self._holder,
                venue_symbol=question.spelling if is_about_listing else None,
                listing_id=listing.listing_id if is_about_listing and listing else None,
                code=question.code,
                asset_id=question.asset_id,
                differences=differences,
                evidence=tuple(_evidence(question))[:EVIDENCE_MAX] or None,
                proposed_asset_id=question.proposed,
                units=question.units,
                rate=question.rate,
                from_venue_id=self._venue_id if question.from_spelling else None,
                from_venue_symbol=question.from_spelling,
                effective_at=question.effective_at,
                records=tuple(self._records(question, listing)) or None,
                summary=self._summary(question)[:_SUMMARY_CHARS_MAX],
            )
        )

    def _records(
        self, question: IdentityQuestion, listing: VenueSymbol | None
    ) -> Iterator[FindingRecord]:
        listing_id = listing.listing_id if listing is not None else ""
        source = source_of(self._reading, question.spelling, listing_id, self._state.now)
        if source is not None:
            yield FindingRecord(
                raw=source.raw,
                request=source.request,
                sha256=source.sha256,
                taken_at=source.taken_at,
                reader=source.reader,
            )
        before = question.before
        if before is not None:
            dates = ("listed_at", "first_seen_at", "delisted_at")
            known = {
                "venue_symbol": before.venue_symbol,
                **{n: v.isoformat() for n in dates if (v := getattr(before, n)) is not None},
            }
            yield FindingRecord(is_before=True, raw=msgspec.json.encode(known).decode())

    def _summary(self, question: IdentityQuestion) -> str:
        venue = self._venue_id if question.is_about_listing else self._holder
        what = f"{venue} {question.spelling if question.is_about_listing else question.code}"
        named = [self._name(c.asset_id) for c in question.candidates[:_NAMED_MAX]]
        more = len(question.candidates) - len(named)
        candidates = ", ".join(named) + (f" or one of {more} more" if more > 0 else "")
        asked = f"{what}: is it {candidates}?" if named else f"{what}: which coin is it?"
        if question.units is not None:
            asked = f"{what}: is one unit {question.units:f} of {candidates or 'a coin'}?"
        if question.from_spelling is not None:
            rate = f", {question.rate:f} for one" if question.rate is not None else ""
            asked = f"{what}: is it what {question.from_spelling} became{rate}?"
        remarks = "; ".join(e.detail for e in question.remarks if e.detail)
        return f"{asked} {remarks}".strip()

    def _name(self, asset_id: str) -> str:
        asset = self._index.get(asset_id)
        return f"{asset.symbol} ({asset.name})" if asset is not None else asset_id


def _evidence(question: IdentityQuestion) -> Iterator[FindingEvidence]:
    for one in question.remarks:
        yield FindingEvidence(kind=one.kind, is_against=one.is_against, detail=one.detail)
    for candidate in question.candidates:
        for one in candidate.evidence:
            yield FindingEvidence(
                kind=one.kind,
                asset_id=candidate.asset_id,
                is_against=one.is_against,
                detail=one.detail,
            )
