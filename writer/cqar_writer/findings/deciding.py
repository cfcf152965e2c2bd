"""Decides a finding: who may, how many must agree, and the items that follow. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from cqar_shared.domain import finding_effects
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_doubts import Choice
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.finding import (
    DECISIONS_MAX,
    FINDING,
    UNDECIDED,
    Finding,
    FindingAction,
    FindingDecision,
    FindingState,
    FindingVerdict,
)
from cqar_shared.errors import (
    AlreadyDecided,
    EntityNotFound,
    FieldViolation,
    Forbidden,
    Invalid,
    TooLarge,
)

#: Approvals by different people that a finding takes; other actions take one.
APPROVALS: Final = {FindingAction.TWO_PEOPLE: 2}


class DecisionRequest(NamedTuple):
    """What one actor says of a finding."""

    finding_id: str
    verdict: FindingVerdict
    actor: str
    reason: str
    choice: Choice = Choice()


def plan_decision(decision: DecisionRequest, registry: RegistryView) -> list[Item]:
    """Return the items of a decision; the finding is among them.

    Raises:
        EntityNotFound: There is no such finding.
        AlreadyDecided: It was decided before.
        Forbidden: The actor opened it, or agreed before.
        MovedOn: What it is about is no longer as it says.
        Invalid: A choice is missing, or is another one than the first who agreed made.
    """
    finding = require_finding(decision.finding_id, registry)
    _require_undecided(finding)
    _require_entitled(finding, decision)
    chosen = _agreed_choice(finding, decision)
    after = _decided(finding, decision._replace(choice=chosen), registry)
    items = [_replace(after)]
    if after.state is FindingState.APPROVED:
        items += finding_effects.approved(finding, chosen, registry)
        items += [_supersede(other) for other in finding_effects.rivals_of(finding, registry)]
    elif after.state is FindingState.REJECTED:
        items += finding_effects.rejected(finding, registry)
    return items


def plan_preview(finding_id: str, choice: Choice, registry: RegistryView) -> list[Item]:
    """Return the items of approving a finding, whoever does it."""
    finding = require_finding(finding_id, registry)
    _require_undecided(finding)
    items = finding_effects.approved(finding, choice, registry)
    return [*items, *map(_supersede, finding_effects.rivals_of(finding, registry))]


def require_finding(finding_id: str, registry: RegistryView) -> Finding:
    finding: Finding | None = registry.get(FINDING.name, finding_id)
    if finding is None:
        raise EntityNotFound(FINDING.name, finding_id)
    return finding


def approvals_missing(finding: Finding) -> int:
    """How many more must agree; 0 of what is decided."""
    if finding.state not in UNDECIDED:
        return 0
    return max(0, _needed(finding) - len(_approvers(finding)))


def _needed(finding: Finding) -> int:
    return APPROVALS.get(finding.action or FindingAction.REVIEW, 1)


def _approvers(finding: Finding) -> set[str]:
    decisions = finding.decisions or ()
    return {d.actor for d in decisions if d.verdict is FindingVerdict.APPROVE}


def _require_undecided(finding: Finding) -> None:
    if finding.state not in UNDECIDED:
        state = finding.state.name if finding.state else "decided"
        raise AlreadyDecided(f"finding {finding.finding_id} is {state}")
    if len(finding.decisions or ()) >= DECISIONS_MAX:
        raise TooLarge(f"at most {DECISIONS_MAX} decisions about one finding")


def _require_entitled(finding: Finding, decision: DecisionRequest) -> None:
    """Check that the actor may decide. Anyone may put it off."""
    if decision.verdict is FindingVerdict.HOLD:
        return
    asked = _approvers(finding)
    if decision.actor == finding.opened_by and decision.actor not in asked:
        raise Forbidden(f"{decision.actor!r} opened it: another actor decides")
    if decision.verdict is FindingVerdict.APPROVE and decision.actor in asked:
        raise Forbidden(f"{decision.actor!r} agreed before: another actor must agree, too")


def _agreed_choice(finding: Finding, decision: DecisionRequest) -> Choice:
    """Return the choice of those who agree: what the first one chose, all others do."""
    chosen = decision.choice
    if decision.verdict is not FindingVerdict.APPROVE:
        return chosen
    first = next((d for d in finding.decisions or () if d.verdict is FindingVerdict.APPROVE), None)
    if first is None:
        return chosen
    violations = [
        FieldViolation(field, "OTHER_CHOICE", f"{first.actor!r} agreed to {agreed or 'none'}")
        for field, agreed, given in (
            ("asset_id", first.asset_id, chosen.asset_id),
            ("units", first.units, chosen.units),
        )
        if given is not None and given != agreed
    ]
    if violations:
        raise Invalid(violations)
    return Choice(first.asset_id, first.units)


def _decided(finding: Finding, decision: DecisionRequest, registry: RegistryView) -> Finding:
    """Return the finding with one more decision, and the state that follows."""
    said = FindingDecision(
        actor=decision.actor,
        verdict=decision.verdict,
        reason=decision.reason,
        decided_at=registry.now,
        asset_id=decision.choice.asset_id,
        units=decision.choice.units,
    )
    after = msgspec.structs.replace(finding, decisions=(*(finding.decisions or ()), said))
    if decision.verdict is FindingVerdict.HOLD:
        return msgspec.structs.replace(after, state=FindingState.HELD)
    state = FindingState.REJECTED
    if decision.verdict is FindingVerdict.APPROVE:
        is_enough = len(_approvers(after)) >= _needed(after)
        state = FindingState.APPROVED if is_enough else FindingState.OPEN
    decided_at = None if state is FindingState.OPEN else registry.now
    return msgspec.structs.replace(after, state=state, decided_at=decided_at)


def _replace(after: Finding) -> Item:
    intent = ChangeIntent.EVOLVE
    return Item(kind=FINDING, intent=intent, key=after.finding_id, step=lambda _: after)


def _supersede(finding: Finding) -> Item:
    def step(before: Finding) -> Finding:
        return msgspec.structs.replace(before, state=FindingState.SUPERSEDED)

    return Item(kind=FINDING, intent=ChangeIntent.EVOLVE, key=finding.finding_id, step=step)
