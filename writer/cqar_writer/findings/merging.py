"""Plans a merge of assets: at once, or by a finding that waits for another person. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from cqar_shared.domain.asset_merge import merge_items
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_policy import FindingKind, FindingRule, with_policy
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.finding import (
    FINDING,
    UNDECIDED,
    Finding,
    FindingAction,
    FindingDecision,
    FindingDifference,
    FindingVerdict,
)
from cqar_shared.errors import Conflict
from cqar_writer.findings import deciding
from cqar_writer.findings.deciding import DecisionRequest

#: Of the policy's actions those that let one person who asks for a merge make it.
_AT_ONCE: Final = frozenset({FindingAction.APPLY, FindingAction.REVIEW})
#: How often the same merge may be asked for, and rejected or taken back.
ASKED_MAX: Final = 64


class MergeRequest(NamedTuple):
    """Who wants which asset merged into which, and why."""

    from_id: str
    to_id: str
    actor: str
    reason: str
    policy: Sequence[FindingRule]


def plan_merge(request: MergeRequest, registry: RegistryView) -> list[Item]:
    """Return the items of a merge, or of the finding that waits for another person.

    Whoever asks for a merge that another person asked for agrees to it.

    Raises:
        EntityNotFound: One of the assets does not exist.
        Invalid: They cannot be merged; says why.
        Forbidden: The actor asked for it before.
    """
    finding = _finding_of(request, registry)
    if finding.action in _AT_ONCE:
        return merge_items(request.from_id, request.to_id, registry)
    if finding.opened_at is not None:
        approve = FindingVerdict.APPROVE
        decision = DecisionRequest(finding.finding_id, approve, request.actor, request.reason)
        return deciding.plan_decision(decision, registry)
    said = FindingDecision(
        actor=request.actor,
        verdict=FindingVerdict.APPROVE,
        reason=request.reason,
        decided_at=registry.now,
        asset_id=request.to_id,
    )
    opened = msgspec.structs.replace(finding, decisions=(said,))
    return [Item(kind=FINDING, intent=ChangeIntent.UPSERT, given=opened)]


def _finding_of(request: MergeRequest, registry: RegistryView) -> Finding:
    """Return the finding of a merge: the one that waits, else one that is new.

    One that was decided stays decided; the same merge asked for again is another finding.
    """
    names = [registry.get("asset", each) for each in (request.from_id, request.to_id)]
    symbols = [asset.symbol if asset is not None else "" for asset in names]
    given = Finding(
        kind=FindingKind.ASSET_MERGE,
        asset_id=request.from_id,
        proposed_asset_id=request.to_id,
        summary=f"merge {symbols[0]} ({request.from_id}) into {symbols[1]} ({request.to_id})",
    )
    for time in range(1, ASKED_MAX + 1):
        if time > 1:
            again = FindingDifference(field="asked", before=str(time - 1), after=str(time))
            given = msgspec.structs.replace(given, differences=(again,))
        finding = with_policy(given, request.actor, request.policy)
        known: Finding | None = registry.get(FINDING.name, finding.finding_id)
        if known is None:
            return finding
        if known.state in UNDECIDED:
            return known
    raise Conflict(f"this merge was asked for {ASKED_MAX} times: nobody wants it to stay")
