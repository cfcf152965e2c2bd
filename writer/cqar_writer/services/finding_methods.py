"""The methods of `RegistryAdmin` about findings: propose, list, preview, decide."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain import decimals, rules
from cqar_shared.domain.evaluation import ChangeIntent, Item, Outcome
from cqar_shared.domain.finding_doubts import Choice
from cqar_shared.domain.finding_policy import FindingRule, with_policy
from cqar_shared.domain.kinds.finding import FINDING, UNDECIDED, Finding, FindingVerdict
from cqar_shared.domain.planned_batch import PlannedBatch
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid, RegistryError, TooLarge
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.message_size import DEFAULT_BYTES_MAX
from cqar_shared.rpc.request_limits import ASIDE_BYTES, FINDINGS_MAX
from cqar_shared.runtime.event_loop import run_off_loop
from cqar_writer.findings import deciding, preview
from cqar_writer.findings.deciding import DecisionRequest
from cqar_writer.findings.preview import ChangeReview
from cqar_writer.mutations import AppliedMutation, Cause, Mutations, idempotency_key_of
from cqar_writer.reads import findings
from cqar_writer.reads.sessions import Reads
from cqar_writer.services.outcome_messages import (
    preview_message,
    refused_preview,
    violations_of,
)
from cqar_writer.services.rpc_methods import REASON_CHARS_MAX, cause_of, count, send_position

_NO_CHOICE: Final = Choice()


class FindingMethods:
    """The methods; `RegistryAdminService` joins them.

    Args:
        policy: What is done with which findings; the first rule that matches decides.
    """

    def __init__(self, mutations: Mutations, reads: Reads, policy: Sequence[FindingRule]) -> None:
        self._mutations = mutations
        self._reads = reads
        self._policy = policy

    def with_policy(self, item: Item) -> Item:
        """Return an item of Apply as a caller may state it: findings get the policy's word."""
        if item.kind is not FINDING or not isinstance(item.given, Finding):
            return item
        given = with_policy(item.given, auth.caller.get().actor, self._policy)
        return msgspec.structs.replace(item, given=given)

    async def Propose(self, request: pb.ProposeRequest, context: Context) -> pb.ProposeResponse:
        if len(request.findings) > FINDINGS_MAX:
            raise TooLarge(f"{len(request.findings)} findings; at most {FINDINGS_MAX}: split them")
        is_long = request.ByteSize() > ASIDE_BYTES
        items, places = await run_off_loop(is_long, self._proposed, request)
        applied = await self._mutations.apply(
            list(items.values()),
            cause_of(context),
            dry_run=request.dry_run,
            idempotency_key=None if request.dry_run else await idempotency_key_of(request, context),
            encode_answer=partial(_encode_proposed, places),
        )
        if applied.committed:
            count(*applied.outcomes)
        answer = pb.ProposeResponse.FromString(applied.replay or applied.answer)
        send_position(context, answer.epoch, answer.revision)
        return answer

    def _proposed(self, request: pb.ProposeRequest) -> tuple[dict[str, Item], list[str]]:
        """Return the findings by their ids, each once, and the id of each in the request."""
        items: dict[str, Item] = {}
        places: list[str] = []
        for message in request.findings:
            given, unreadable = entity_codec.parse(FINDING, message)
            item = self.with_policy(
                Item(
                    kind=FINDING,
                    intent=ChangeIntent.UPSERT,
                    given=given,
                    unreadable=unreadable,
                )
            )
            key = FINDING.key_of(item.given) if item.given is not None else ""
            items.setdefault(key, item)
            places.append(key)
        return items, places

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: Context
    ) -> pb.ListProposalsResponse:
        async with self._reads.begin() as reader:
            send_position(context, reader.position.epoch, reader.position.revision)
            return await findings.page_of(reader, request)

    async def GetProposal(
        self, request: pb.GetProposalRequest, context: Context
    ) -> pb.GetProposalResponse:
        require_id("finding_id", request.finding_id)
        choice = _choice_of(request)
        async with self._reads.begin() as reader:
            send_position(context, reader.position.epoch, reader.position.revision)
            message = await reader.get(FINDING, request.finding_id)
        answer = pb.GetProposalResponse(finding=message)
        if message.state in UNDECIDED:
            plan = partial(deciding.plan_preview, request.finding_id, choice)
            batch = PlannedBatch[ChangeReview](plan, preview.review)
            answer.preview.CopyFrom(await self._previewed(batch, cause_of(context)))
        return answer

    async def _previewed(
        self, batch: PlannedBatch[ChangeReview], cause: Cause
    ) -> pb.DecisionPreview:
        try:
            applied = await self._mutations.apply_planned(batch, cause, dry_run=True)
        except RegistryError as error:
            return refused_preview(error)
        return preview_message(applied.outcomes, batch.reviewed)

    async def DecideProposal(
        self, request: pb.DecideProposalRequest, context: Context
    ) -> pb.DecideProposalResponse:
        decision = _decision_of(request)
        batch = PlannedBatch[ChangeReview](
            partial(deciding.plan_decision, decision), preview.review
        )
        applied = await self._mutations.apply_planned(
            batch,
            cause_of(context, request.reason),
            dry_run=request.dry_run,
            idempotency_key=None if request.dry_run else await idempotency_key_of(request, context),
            encode_answer=partial(_encode_decided, batch, decision.finding_id),
        )
        violations = violations_of(applied.outcomes)
        if violations and not request.dry_run:
            raise Invalid(violations)
        if applied.committed:
            count(*applied.outcomes)
        answer = pb.DecideProposalResponse.FromString(applied.replay or applied.answer)
        send_position(context, answer.epoch, answer.revision)
        return answer

    async def GetFindingPolicy(
        self, request: pb.GetFindingPolicyRequest, context: Context
    ) -> pb.GetFindingPolicyResponse:
        return pb.GetFindingPolicyResponse(
            rules=[
                pb.FindingRule(
                    name=rule.name,
                    kinds=rule.kinds,
                    venue_ids=rule.venue_ids,
                    fields=rule.fields,
                    action=rule.action.value,  # type: ignore[arg-type]
                )
                for rule in self._policy
            ]
        )


def _decision_of(request: pb.DecideProposalRequest) -> DecisionRequest:
    """Read a decision.

    Raises:
        Invalid: A field is missing or cannot be; names all of them.
    """
    violations: list[FieldViolation] = list(rules.check_uuid("finding_id", request.finding_id))
    if request.verdict not in {verdict.value for verdict in FindingVerdict}:
        message = "APPROVE, REJECT or HOLD"
        violations.append(FieldViolation("verdict", "REQUIRED", message))
    if rules.is_blank(request.reason):
        violations.append(FieldViolation("reason", "REQUIRED", "why it is decided so"))
    elif len(request.reason) > REASON_CHARS_MAX:
        message = f"has {len(request.reason)} characters; at most {REASON_CHARS_MAX}"
        violations.append(FieldViolation("reason", "TOO_LONG", message))
    choice = _NO_CHOICE
    try:
        choice = _choice_of(request)
    except Invalid as error:
        violations += error.violations
    if violations:
        raise Invalid(violations)
    return DecisionRequest(
        request.finding_id,
        FindingVerdict(request.verdict),
        auth.caller.get().actor,
        request.reason,
        choice,
    )


def _choice_of(request: Any) -> Choice:
    """Read the choice of a request: an asset, and units.

    Raises:
        Invalid: It is no id, or no positive decimal.
    """
    violations: list[FieldViolation] = []
    if request.asset_id:
        violations += rules.check_uuid("asset_id", request.asset_id)
    units: Decimal | None = None
    if request.units:
        try:
            units = decimals.parse(request.units)
        except ValueError as error:
            violations.append(FieldViolation("units", "NOT_A_DECIMAL", str(error)))
    if units is not None and units < 0:
        violations.append(FieldViolation("units", "NEGATIVE", "must be zero or more"))
    if violations:
        raise Invalid(violations)
    return Choice(request.asset_id or None, units)


def _encode_proposed(places: Sequence[str], applied: AppliedMutation) -> bytes:
    """Encode a ProposeResponse: the findings in their order, as they are now.

    Raises:
        Invalid: One of them is rejected, so nothing is committed.
        TooLarge: Clients could not receive the answer.
    """
    by_key = {outcome.key: outcome for outcome in applied.outcomes}
    violations = [
        v._replace(field=f"findings[{place}].{v.field}".rstrip("."))
        for place, key in enumerate(places)
        for v in by_key[key].violations
    ]
    if violations:
        raise Invalid(violations)
    response = pb.ProposeResponse(revision=applied.revision, epoch=applied.epoch)
    response.findings.extend(_message_of(by_key[key]) for key in places)
    if response.ByteSize() > DEFAULT_BYTES_MAX:
        raise TooLarge(f"the answer would be of over {DEFAULT_BYTES_MAX // 1024} KiB: split it")
    return response.SerializeToString()


def _encode_decided(
    batch: PlannedBatch[ChangeReview], finding_id: str, applied: AppliedMutation
) -> bytes:
    """Encode a DecideProposalResponse."""
    response = pb.DecideProposalResponse(revision=applied.revision, epoch=applied.epoch)
    outcome = next((o for o in applied.outcomes if o.key == finding_id), None)
    if outcome is None:
        raise EntityNotFound(FINDING.name, finding_id)
    if outcome.after is not None:
        response.finding.CopyFrom(_message_of(outcome))
        after: Any = outcome.after
        response.approvals_missing = deciding.approvals_missing(after)
    response.preview.CopyFrom(preview_message(applied.outcomes, batch.reviewed))
    return response.SerializeToString()


def _message_of(outcome: Outcome) -> Any:
    return entity_codec.to_message(FINDING, outcome.after or Finding())
