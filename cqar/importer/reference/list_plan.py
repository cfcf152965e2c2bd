"""What a reference list would change, judged by the very rules that the writer applies. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cqar.importer.reference.statements import ListRow, RowOutcome, Statements
from cqar_shared.domain.evaluation import Batch, ChangeIntent, Item, Outcome, Result
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.errors import FieldViolation


class ListPlan:
    """A list's rows, each with its outcome, and the changes in the order of kinds.

    Attributes:
        list_kind: Such as tokenlist.
        notes: Lines for people.
    """

    def __init__(self, list_kind: str, stated: Statements) -> None:
        self.list_kind = list_kind
        self.source = stated.source
        self.at = stated.at
        self.rows: list[ListRow] = stated.rows
        self.revision = stated.state.revision
        self.notes: list[str] = []
        self.changes: list[Outcome] = _judge(stated)

    @property
    def label(self) -> str:
        return f"{self.list_kind} {self.source.name} (sha256 {self.source.sha256})"

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of rows by outcome; they add up to the rows."""
        counts = Counter(row.outcome for row in self.rows)
        return {outcome.value: counts[outcome] for outcome in RowOutcome}

    @property
    def evidence(self) -> dict[str, int]:
        """Number of rows by what said which asset is meant."""
        return dict(sorted(Counter(row.by for row in self.rows if row.by).items()))

    @property
    def changes_by_kind(self) -> dict[str, int]:
        """Number of changes, such as `asset created`."""
        counts = Counter(f"{o.kind.name} {o.result.name.lower()}" for o in self.changes)
        return dict(sorted(counts.items()))

    @property
    def findings(self) -> dict[str, int]:
        """Number of findings that are opened, by kind."""
        opened = (o.after for o in self.changes if o.kind is FINDING)
        return dict(sorted(Counter(finding.kind for finding in opened).items()))  # type: ignore[union-attr]


def _judge(stated: Statements) -> list[Outcome]:
    """Judge all that is stated, give each row its outcome, and return what changes something."""
    items = [
        Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity)
        for kind, entity in stated.entities.values()
    ]
    judged = Batch(items).judge(stated.state)
    outcomes = dict(zip(stated.entities, judged, strict=True))
    made: set[Ref] = set()
    for row in stated.rows:
        _finish(row, outcomes, made)
    changes = _with_purpose([outcome for outcome in judged if outcome.changes])
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    return sorted(changes, key=lambda outcome: order[outcome.kind.name])


def _finish(row: ListRow, outcomes: dict[Ref, Outcome], made: set[Ref]) -> None:
    """Set a row's outcome by what became of what it states.

    Args:
        made: What earlier rows have made already.
    """
    for ref in row.optional:
        if outcomes[ref].result is Result.REJECTED:
            reasons = "; ".join(_reasons([outcomes[ref]]))
            row.reason = f"{row.reason}; {reasons}" if row.reason else reasons
    found = [outcomes[ref] for ref in row.refs]
    needed = [outcomes[ref] for ref in row.refs if ref not in row.optional]
    if rejected := [o for o in needed if o.result is Result.REJECTED]:
        row.outcome = RowOutcome.UNREADABLE
        row.reason = "; ".join(_reasons(rejected))
    elif row.outcome is None:
        own = [o for ref, o in zip(row.refs, found, strict=True) if ref not in made]
        is_new = any(o.result is Result.CREATED and o.kind is not FINDING for o in own)
        if is_new and not row.is_known:
            row.outcome = RowOutcome.NEW
        elif any(o.changes for o in found):
            row.outcome = RowOutcome.CHANGED
        else:
            row.outcome = RowOutcome.UNCHANGED
    made.update(row.refs)


def violations_of(outcomes: list[Outcome]) -> list[FieldViolation]:
    """Return what is wrong, without what only follows from that."""
    gone = {(o.kind.name, o.key) for o in outcomes if o.result is Result.REJECTED}
    found: list[FieldViolation] = []
    for outcome in outcomes:
        found += [v for v in outcome.violations if not _follows(v, gone)]
    return found or [v for outcome in outcomes for v in outcome.violations]


def _follows(violation: FieldViolation, gone: set[Ref]) -> bool:
    return violation.reason == "NOT_FOUND" and any(key in violation.message for _, key in gone)


def _reasons(rejected: list[Outcome]) -> list[str]:
    return [f"{v.field} {v.reason}: {v.message}" for v in violations_of(rejected)]


def _with_purpose(changes: list[Outcome]) -> list[Outcome]:
    """Leave out new assets that nothing accepted stands on, and what is found about these."""
    wanted = {ref for outcome in changes for _, ref in outcome.kind.refs_of(_after(outcome))}
    alone = {
        outcome.key
        for outcome in changes
        if outcome.kind is ASSET
        and outcome.result is Result.CREATED
        and (ASSET.name, outcome.key) not in wanted
    }
    return [
        outcome
        for outcome in changes
        if outcome.key not in alone
        and (outcome.kind is not FINDING or _after(outcome).asset_id not in alone)
    ]


def _after(outcome: Outcome) -> Any:
    return outcome.after
