"""A difference as a finding: what it is about, from what to what, by which records. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.evidence import answers_of, source_of
from cqar_shared.domain.entity_diff import value_text
from cqar_shared.domain.finding_policy import FindingKind, FindingRule, rule_for, with_id
from cqar_shared.domain.kinds.finding import (
    DIFFERENCES_MAX,
    Finding,
    FindingDifference,
    FindingRecord,
)
from cqar_shared.domain.kinds.listing_source import ListingSource
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

#: A longer text of a value is shortened, and ends with its hash.
VALUE_CHARS_MAX: Final = 4_096
SUMMARY_CHARS_MAX: Final = 256
#: Values and names shown in a summary.
SHOWN_CHARS_MAX: Final = 60
NAMES_SHOWN: Final = 5


class FindingMaker:
    """Makes findings of one reading, each with what the policy does with it.

    Args:
        rules: The policy; the first rule that matches decides.
        at: The instant of the answers.
    """

    def __init__(
        self, venue_id: str, reading: Reading, at: dt.datetime, rules: Sequence[FindingRule]
    ) -> None:
        self._venue_id = venue_id
        self._reading = reading
        self._at = at
        self._rules = rules

    def of_terms(
        self,
        kind: FindingKind,
        before: VenueSymbol | None,
        after: VenueSymbol,
        fields: Iterable[str],
        **proposed: Any,
    ) -> Finding:
        """A finding about fields of a listing that differ."""
        pairs = [(name, getattr(before, name, None), getattr(after, name)) for name in fields]
        return self.of_values(kind, after, pairs, **proposed)

    def of_values(
        self,
        kind: FindingKind,
        listing: VenueSymbol,
        pairs: Iterable[tuple[str, Any, Any]],
        **proposed: Any,
    ) -> Finding:
        """A finding about a listing: (field, value before, value after)."""
        differences = tuple(
            FindingDifference(field=field, before=_text(was), after=_text(becomes))
            for field, was, becomes in pairs
        )[:DIFFERENCES_MAX]
        changes = "; ".join(
            f"{d.field} {_shown(d.before)} → {_shown(d.after)}" for d in differences
        )
        return self._made(
            kind=kind,
            venue_symbol=listing.venue_symbol,
            listing_id=listing.listing_id,
            differences=differences or None,
            summary=f"{listing.venue_symbol}: {changes}",
            **proposed,
        )

    def of_unreadable(self, listing: VenueSymbol, reason: str) -> Finding:
        """A finding about a listing whose record cannot be read."""
        return self._made(
            kind=FindingKind.UNREADABLE,
            venue_symbol=listing.venue_symbol,
            listing_id=listing.listing_id,
            summary=f"{listing.venue_symbol}: {reason}",
        )

    def of_missing(
        self, kind: FindingKind, listing: VenueSymbol, since: dt.datetime, end: dt.datetime | None
    ) -> Finding:
        """A finding about a listing that the answers cover and do not name.

        Args:
            since: The first answer that lacked it; another absence is another finding.
            end: Its announced end so far.
        """
        differences = (
            FindingDifference(field="delisted_at", before=_text(end), after=value_text(since)),
        )
        return self._made(
            kind=kind,
            venue_symbol=listing.venue_symbol,
            listing_id=listing.listing_id,
            differences=differences,
            effective_at=since,
            summary=f"{listing.venue_symbol}: not in the answer since {value_text(since)}",
        )

    def of_mass_change(
        self, missing: Mapping[str, Sequence[VenueSymbol]], covered: Mapping[str, int]
    ) -> Finding:
        """A finding about a venue that lacks too much of a type at once.

        Args:
            missing: Type -> listings. Another set of them is another finding.
            covered: Type -> how many listings of the type the answers would hold.
        """
        differences, told = [], []
        for kind in sorted(missing)[:DIFFERENCES_MAX]:
            names = sorted(listing.venue_symbol for listing in missing[kind])
            ids = sorted(listing.listing_id for listing in missing[kind])
            digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
            lacking = f"{len(names)} missing: sha256 {digest}"
            differences.append(FindingDifference(field=kind, after=lacking))
            more = " …" if len(names) > NAMES_SHOWN else ""
            told.append(
                f"{len(names)} of {covered[kind]} {kind} listings are missing:"
                f" {', '.join(names[:NAMES_SHOWN])}{more}"
            )
        return self._made(
            kind=FindingKind.MASS_CHANGE,
            differences=tuple(differences),
            summary="; ".join(told),
        )

    def _made(self, *, kind: FindingKind, summary: str, **content: Any) -> Finding:
        finding = with_id(
            Finding(
                kind=kind.value,
                venue_id=self._venue_id,
                summary=_cut(summary, SUMMARY_CHARS_MAX),
                **content,
            )
        )
        rule = rule_for(finding, self._rules)
        return msgspec.structs.replace(finding, action=rule.action, policy=rule.name)

    def records_of(self, listing: VenueSymbol) -> tuple[FindingRecord, ...]:
        """What the answers say of the listing now; of one that they lack, which answer it is."""
        source = source_of(self._reading, listing.venue_symbol, listing.listing_id, self._at)
        if source is not None:
            return (record_of(source, is_before=False),)
        return tuple(
            FindingRecord(
                request=answer.request,
                sha256=answer.sha256,
                taken_at=answer.taken_at,
                reader=self._reading.reader,
            )
            for answer in answers_of(self._reading, self._at)[:1]
        )


def record_of(source: ListingSource, *, is_before: bool) -> FindingRecord:
    """The record that a listing's terms are from, as a finding's."""
    return FindingRecord(
        is_before=is_before,
        raw=source.raw,
        request=source.request,
        sha256=source.sha256,
        taken_at=source.taken_at,
        reader=source.reader,
    )


def _text(value: Any) -> str | None:
    """A value as the writer compares and takes it; None where it is unset."""
    text = value_text(value)
    if len(text) <= VALUE_CHARS_MAX:
        return text or None
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: VALUE_CHARS_MAX - 80]}… sha256 {digest}"


def _shown(text: str | None) -> str:
    return _cut(text, SHOWN_CHARS_MAX) if text else "unset"


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"
