"""Decides what waits for a person: findings, and which assets are one. No I/O.

`SyncDecisions` and `AsyncDecisions` are the methods of `cqar.Writer` and `cqar.AsyncWriter`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.sdk.errors import InvalidRequest, Violation
from cqar.sdk.questions import Question
from cqar.sdk.reject_reports import ADMIN
from cqar.sdk.shown_result import ShownResult
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.finding import FINDING, Finding

VERDICTS: Final = ("approve", "reject", "hold")


class TurnedListing(ShownResult, frozen=True):
    """A listing that an order may, or may not, open a position in any more."""

    venue: str
    symbol: str
    before: bool
    after: bool


class Decided(ShownResult, frozen=True):
    """What a decision makes; of a dry run, what it would make.

    Attributes:
        finding: The finding that was decided, or that waits for another person; None: none does.
        approvals_missing: How many more people must agree before anything changes.
        counts: How many entities change, by kind.
        turned: At most 1,000.
        refused: Why the change would be refused; empty if it would not.
        revision: The registry's, at which that is so; 0 of a dry run.
    """

    finding: Finding | None
    approvals_missing: int
    counts: Mapping[str, int]
    turned: tuple[TurnedListing, ...]
    refused: tuple[Violation, ...]
    revision: int


def merge_question(
    from_asset_id: str, to_asset_id: str, reason: str, *, dry_run: bool
) -> Question[Decided]:
    """The call that makes two assets one; the first one's id answers with the second."""
    request = pb.MergeAssetsRequest(
        from_asset_id=from_asset_id, to_asset_id=to_asset_id, reason=reason, dry_run=dry_run
    )
    return Question(ADMIN, "MergeAssets", request, pb.MergeAssetsResponse, _decided)


def unmerge_question(asset_id: str, reason: str, *, dry_run: bool) -> Question[Decided]:
    """The call that parts an asset from the one that it was merged into."""
    request = pb.UnmergeAssetRequest(asset_id=asset_id, reason=reason, dry_run=dry_run)
    return Question(ADMIN, "UnmergeAsset", request, pb.UnmergeAssetResponse, _decided)


def decide_question(
    finding_id: str, verdict: str, reason: str, asset_id: str, units: str, *, dry_run: bool
) -> Question[Decided]:
    """The call that decides a finding.

    Raises:
        InvalidRequest: `verdict` is none of VERDICTS.
    """
    if verdict.lower() not in VERDICTS:
        raise InvalidRequest(f"verdict: {verdict!r} is none of {', '.join(VERDICTS)}")
    request = pb.DecideProposalRequest(
        finding_id=finding_id,
        verdict=finding_pb2.FindingVerdict.Value(f"FINDING_VERDICT_{verdict.upper()}"),
        reason=reason,
        asset_id=asset_id,
        units=units,
        dry_run=dry_run,
    )
    return Question(ADMIN, "DecideProposal", request, pb.DecideProposalResponse, _decided)


def _decided(answer: Any) -> Decided:
    has_finding = "finding" in answer.DESCRIPTOR.fields_by_name and answer.HasField("finding")
    preview = answer.preview
    return Decided(
        finding=entity_codec.from_message(FINDING, answer.finding) if has_finding else None,
        approvals_missing=getattr(answer, "approvals_missing", 0),
        counts=dict(preview.counts),
        turned=tuple(
            TurnedListing(v.venue_id, v.venue_symbol, v.allowed_before, v.allowed_after)
            for v in preview.verdicts
        ),
        refused=tuple(Violation(v.field, v.reason, v.message) for v in preview.violations),
        revision=answer.revision,
    )


class SyncDecisions:
    """Decisions, as methods. A policy may ask for another person's approval first."""

    def merge_assets(
        self, from_asset_id: str, to_asset_id: str, *, reason: str, dry_run: bool = False
    ) -> Decided:
        """Make two assets one: all that refers to the first one refers to the second."""
        return self._decide(merge_question(from_asset_id, to_asset_id, reason, dry_run=dry_run))

    def unmerge_asset(self, asset_id: str, *, reason: str, dry_run: bool = False) -> Decided:
        """Part an asset from the one that it was merged into, with all that referred to it."""
        return self._decide(unmerge_question(asset_id, reason, dry_run=dry_run))

    def decide_finding(
        self,
        finding_id: str,
        verdict: str,
        *,
        reason: str,
        asset_id: str = "",
        units: str = "",
        dry_run: bool = False,
    ) -> Decided:
        """Approve, reject or hold a finding.

        Args:
            asset_id, units: Which asset, or how many units, where the finding leaves a choice.
        """
        question = decide_question(*(finding_id, verdict, reason, asset_id, units), dry_run=dry_run)
        return self._decide(question)

    @abstractmethod
    def _decide(self, question: Question[Decided]) -> Decided:
        """Make the call."""


class AsyncDecisions:
    """As `SyncDecisions`, for asyncio."""

    async def merge_assets(
        self, from_asset_id: str, to_asset_id: str, *, reason: str, dry_run: bool = False
    ) -> Decided:
        """As `SyncDecisions.merge_assets`."""
        question = merge_question(from_asset_id, to_asset_id, reason, dry_run=dry_run)
        return await self._decide(question)

    async def unmerge_asset(self, asset_id: str, *, reason: str, dry_run: bool = False) -> Decided:
        """As `SyncDecisions.unmerge_asset`."""
        return await self._decide(unmerge_question(asset_id, reason, dry_run=dry_run))

    async def decide_finding(
        self,
        finding_id: str,
        verdict: str,
        *,
        reason: str,
        asset_id: str = "",
        units: str = "",
        dry_run: bool = False,
    ) -> Decided:
        """As `SyncDecisions.decide_finding`."""
        question = decide_question(*(finding_id, verdict, reason, asset_id, units), dry_run=dry_run)
        return await self._decide(question)

    @abstractmethod
    async def _decide(self, question: Question[Decided]) -> Decided:
        """Make the call."""
