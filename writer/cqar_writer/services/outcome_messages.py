"""Tells what a request changes, or would change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.errors import FieldViolation, Invalid, RegistryError
from cqar_writer.findings.preview import TOLD_MAX, ChangeReview
from cqar_writer.reads.change_entries import difference_message


def outcome_message(outcome: Outcome) -> pb.ApplyOutcome:
    message = pb.ApplyOutcome(
        status=pb.OutcomeStatus.Name(outcome.result),  # type: ignore[arg-type]
        entity=pb.EntityRef(kind=outcome.kind.name, key=outcome.key),
    )
    if outcome.before is not None and outcome.after is not None:
        news = entity_diff.visible_diff(outcome.before, outcome.after)
        message.differences.extend(map(difference_message, news))
    for v in outcome.violations:
        message.violations.add(field=v.field, reason=v.reason, message=v.message)
    return message


def preview_message(outcomes: Sequence[Outcome], review: ChangeReview | None) -> pb.DecisionPreview:
    """Tell what a planned change does, and why it is refused if it is."""
    preview = pb.DecisionPreview()
    for outcome in islice((o for o in outcomes if o.changes or o.error), TOLD_MAX):
        preview.outcomes.append(outcome_message(outcome))
    for v in violations_of(outcomes):
        preview.violations.add(field=v.field, reason=v.reason, message=v.message)
    if review is not None:
        preview.counts.update(review.counts)
        preview.verdicts.extend(review.turned[:TOLD_MAX])
    return preview


def refused_preview(error: RegistryError) -> pb.DecisionPreview:
    """Tell why a plan is refused."""
    preview = pb.DecisionPreview()
    violations = (
        error.violations
        if isinstance(error, Invalid)
        else (FieldViolation("", error.reason, str(error)),)
    )
    for v in violations:
        preview.violations.add(field=v.field, reason=v.reason, message=v.message)
    return preview


def violations_of(outcomes: Sequence[Outcome]) -> list[FieldViolation]:
    """What is wrong with a planned change; each names the entity that it is about."""
    return [
        v._replace(field=f"{outcome.kind.name} {outcome.key}: {v.field}".rstrip(": "))
        for outcome in outcomes
        for v in outcome.violations
    ]
