"""The methods of `RegistryAdmin` about merges: merge assets, take a merge back."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import rules
from cqar_shared.domain.asset_merge import merge_items, too_many
from cqar_shared.domain.asset_unmerge import unmerge_items
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.planned_batch import PlannedBatch
from cqar_shared.domain.relinking import CHANGED_MAX
from cqar_shared.errors import FieldViolation, Invalid, RegistryError
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.findings import preview
from cqar_writer.findings.merging import MergeRequest, plan_merge
from cqar_writer.findings.preview import ChangeReview
from cqar_writer.mutations import AppliedMutation, Cause, idempotency_key_of
from cqar_writer.services.finding_methods import FindingMethods
from cqar_writer.services.outcome_messages import (
    preview_message,
    refused_preview,
    violations_of,
)
from cqar_writer.services.rpc_methods import REASON_CHARS_MAX, cause_of, count, send_position


class MergeMethods(FindingMethods):
    """The methods; `RegistryAdminService` joins them."""

    async def MergeAssets(
        self, request: pb.MergeAssetsRequest, context: Context
    ) -> pb.MergeAssetsResponse:
        """Merge an asset, or open the finding that waits for another person."""
        _require(request, "from_asset_id", "to_asset_id")
        cause = cause_of(context, request.reason)
        previewed = await self._merge_preview(request, cause)
        if request.dry_run:
            return pb.MergeAssetsResponse(preview=previewed)
        if previewed.violations:
            raise Invalid(
                [FieldViolation(v.field, v.reason, v.message) for v in previewed.violations]
            )
        asked = MergeRequest(
            request.from_asset_id,
            request.to_asset_id,
            auth.caller.get().actor,
            request.reason,
            self._policy,
        )
        batch = PlannedBatch[ChangeReview](partial(plan_merge, asked), preview.review)
        applied = await self._mutations.apply_planned(
            batch,
            cause,
            idempotency_key=await idempotency_key_of(request, context),
            encode_answer=partial(_encode_merged, batch, previewed),
        )
        answer = pb.MergeAssetsResponse.FromString(_answered(applied))
        send_position(context, answer.epoch, answer.revision)
        return answer

    async def UnmergeAsset(
        self, request: pb.UnmergeAssetRequest, context: Context
    ) -> pb.UnmergeAssetResponse:
        """Take the newest merge of an asset back."""
        _require(request, "asset_id")
        async with self._reads.begin() as reader:
            moved = await reader.moved_by_merge(request.asset_id)
        plan = partial(unmerge_items, request.asset_id, moved)
        batch = PlannedBatch[ChangeReview](plan, preview.review)
        applied = await self._mutations.apply_planned(
            batch,
            cause_of(context, request.reason),
            dry_run=request.dry_run,
            idempotency_key=None if request.dry_run else await idempotency_key_of(request, context),
            encode_answer=partial(_encode_unmerged, batch),
        )
        encoded = applied.answer if request.dry_run else _answered(applied)
        answer = pb.UnmergeAssetResponse.FromString(encoded)
        send_position(context, answer.epoch, answer.revision)
        return answer

    async def _merge_preview(
        self, request: pb.MergeAssetsRequest, cause: Cause
    ) -> pb.DecisionPreview:
        # Counted before they are loaded: a quote asset has a hundred thousand.
        async with self._reads.begin() as reader:
            if await reader.has_more_referrers(ASSET, request.from_asset_id, CHANGED_MAX):
                raise too_many(request.from_asset_id, request.to_asset_id)
        plan = partial(merge_items, request.from_asset_id, request.to_asset_id)
        batch = PlannedBatch[ChangeReview](plan, preview.review)
        try:
            applied = await self._mutations.apply_planned(batch, cause, dry_run=True)
        except RegistryError as error:
            if not request.dry_run:
                raise
            return refused_preview(error)
        return preview_message(applied.outcomes, batch.reviewed)


def _require(request: Any, *ids: str) -> None:
    """Check the assets and the reason of a request.

    Raises:
        Invalid: An id is none, or the reason is missing or too long; names all of them.
    """
    violations = [v for name in ids for v in rules.check_uuid(name, getattr(request, name))]
    if rules.is_blank(request.reason):
        violations.append(FieldViolation("reason", "REQUIRED", "why they are one, or are not"))
    elif len(request.reason) > REASON_CHARS_MAX:
        message = f"has {len(request.reason)} characters; at most {REASON_CHARS_MAX}"
        violations.append(FieldViolation("reason", "TOO_LONG", message))
    if violations:
        raise Invalid(violations)


def _answered(applied: AppliedMutation) -> bytes:
    """Return the answer to what was committed, or was before.

    Raises:
        Invalid: Something is rejected, so nothing was committed.
    """
    if applied.replay is not None:
        return applied.replay
    if violations := violations_of(applied.outcomes):
        raise Invalid(violations)
    if applied.committed:
        count(*applied.outcomes)
    return applied.answer


def _encode_merged(
    batch: PlannedBatch[ChangeReview], previewed: pb.DecisionPreview, applied: AppliedMutation
) -> bytes:
    """Encode a MergeAssetsResponse, with the finding that waits or was decided, if any."""
    response = pb.MergeAssetsResponse(revision=applied.revision, epoch=applied.epoch)
    findings = [o for o in applied.outcomes if o.kind is FINDING and o.after is not None]
    for outcome in findings[:1]:
        message: Any = entity_codec.to_message(FINDING, outcome.after or FINDING.entity())
        response.finding.CopyFrom(message)
    is_done = len(applied.outcomes) > len(findings)
    told = preview_message(applied.outcomes, batch.reviewed) if is_done else previewed
    response.preview.CopyFrom(told)
    return response.SerializeToString()


def _encode_unmerged(batch: PlannedBatch[ChangeReview], applied: AppliedMutation) -> bytes:
    """Encode an UnmergeAssetResponse."""
    response = pb.UnmergeAssetResponse(revision=applied.revision, epoch=applied.epoch)
    response.preview.CopyFrom(preview_message(applied.outcomes, batch.reviewed))
    return response.SerializeToString()
