"""Binds operators' codes to assets as a reviewed list says, and never over what is bound. Pure."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Final, NamedTuple

import msgspec

from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.statements import RowOutcome, Statements, speaks_for
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import Finding, FindingDifference
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, BindingEvidence, VenueAsset
from cqar_shared.domain.rules import overlap

REVIEWED: Final = "REVIEWED"


class CodePeriod(NamedTuple):
    """Since when and until when a code means an asset; None: not known, or unbounded."""

    listed_at: dt.datetime | None = None
    delisted_at: dt.datetime | None = None


def _period_of(held: VenueAsset) -> CodePeriod:
    return CodePeriod(held.listed_at, held.delisted_at)


class CodeBindings:
    """The codes of all operators, and those that a list adds."""

    def __init__(self, stated: Statements, assets: ListAssets) -> None:
        self._stated = stated
        self._assets = assets
        self._by_code: defaultdict[tuple[str, str], dict[str, VenueAsset]] = defaultdict(dict)
        for held in stated.state.all(VENUE_ASSET):
            self._file(held)

    def _file(self, held: VenueAsset) -> None:
        for code in held.codes:
            self._by_code[held.venue_id, code][held.asset_id] = held

    def holder(self, operator: str) -> str | None:
        """Return the venue that holds an operator's codes; None if the registry lacks it."""
        venue = self._stated.state.get(VENUE.name, operator)
        if venue is None:
            return None
        named: str | None = venue.operator
        return named if named and self._stated.state.get(VENUE.name, named) else operator

    def bound(self, operator: str, code: str) -> VenueAsset | None:
        """Return what a code means now."""
        held = self._by_code.get((operator, code), {}).values()
        return next((one for one in held if one.delisted_at is None), None)

    def holders_of(self, code: str, asset_id: str) -> list[str]:
        """Return the operators at which a code means an asset now."""
        return [
            venue_id
            for (venue_id, known), held in self._by_code.items()
            if known == code and asset_id in held and held[asset_id].delisted_at is None
        ]

    def bind(
        self, operator: str, code: str, asset_id: str, period: CodePeriod, detail: str
    ) -> None:
        """State that a code means an asset, or open a finding where it means another one.

        Args:
            operator: The venue that holds the codes.
            detail: What the list says beside its name, for people.
        """
        rivals = [
            held
            for held in self._by_code.get((operator, code), {}).values()
            if held.asset_id != asset_id
        ]
        if period == CodePeriod():
            # A list without dates speaks of now: what has ended is no contradiction.
            ends = [held.delisted_at for held in rivals if held.delisted_at is not None]
            period = CodePeriod(max(ends, default=None))
        given = VenueAsset(
            venue_id=operator,
            asset_id=asset_id,
            venue_asset_symbol=code,
            listed_at=period.listed_at,
            delisted_at=period.delisted_at,
        )
        contradicted = [held for held in rivals if overlap(held, given)]
        if contradicted:
            self._contradict(contradicted[0], code, asset_id)
        else:
            self._state(given, code, detail)

    def _state(self, given: VenueAsset, code: str, detail: str) -> None:
        stated = self._stated
        held: VenueAsset | None = stated.get(VENUE_ASSET, f"{given.venue_id}/{given.asset_id}")
        if held is not None and held.delisted_at is not None and given.delisted_at is None:
            ended = f"{held.delisted_at:%Y-%m-%d}"
            stated.refuse(
                RowOutcome.UNSUPPORTED,
                f"the asset ended at {given.venue_id} on {ended}: list it anew",
            )
            return
        said = BindingEvidence(
            kind=REVIEWED, code=code, detail=f"{stated.source.name}: {detail}"[:256]
        )
        stated_period = given.listed_at or given.delisted_at
        if held is not None and stated_period and _period_of(held) != _period_of(given):
            stated.remark("since and until stay as they are here")
        after = held or given
        evidence = after.evidence or ()
        if code not in after.codes:
            after = msgspec.structs.replace(after, other_codes=(*after.other_codes, code))
        if (said.kind, code, said.detail) not in {(e.kind, e.code, e.detail) for e in evidence}:
            said = msgspec.structs.replace(said, taken_at=stated.at)
            after = msgspec.structs.replace(after, evidence=(said, *evidence))
        stated.put(VENUE_ASSET, after)
        self._file(after)

    def review(self, operator: str, code: str, asset_id: str, detail: str) -> None:
        """Add a list's word to a binding that is there."""
        self._state(self._by_code[operator, code][asset_id], code, detail)

    def _contradict(self, held: VenueAsset, code: str, asset_id: str) -> None:
        """A list says another asset than the code is bound to: a person decides."""
        stated, assets = self._stated, self._assets
        known = assets.asset(held.asset_id)
        name = f"{known.name} ({known.symbol})" if known else held.asset_id
        if assets.are_related(held.asset_id, asset_id):
            stated.refuse(
                RowOutcome.UNSUPPORTED, f"{code} is {name} here, which is related to what is meant"
            )
            return
        meant = assets.asset(asset_id)
        meant_name = f"{meant.name} ({meant.symbol})" if meant else asset_id
        finding = Finding(
            kind=FindingKind.REUSE,
            venue_id=held.venue_id,
            code=code,
            asset_id=held.asset_id,
            proposed_asset_id=asset_id,
            evidence=(speaks_for(REVIEWED, asset_id, stated.source.name[:200]),),
            summary=f"{stated.source.name} says that {code} at {held.venue_id} is {meant_name};"
            f" here it is {name}",
        )
        if any(asset is not None and asset.unverified for asset in (known, meant)):
            keep, gone = assets.older(asset_id, held.asset_id)
            finding = msgspec.structs.replace(
                finding, kind=FindingKind.DUPLICATE, asset_id=gone, proposed_asset_id=keep
            )
        else:
            change = FindingDifference(field="asset_id", before=held.asset_id, after=asset_id)
            finding = msgspec.structs.replace(finding, differences=(change,))
        stated.find(finding)
        stated.remark(f"{finding.kind}: {code} is {name} here, {meant_name} in the list")
