"""Shows findings: as rows of a list, and one with its evidence, its records and what would turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.output import say, table

Finding = finding_pb2.Finding

LIST_COLUMNS: Final = ("id", "kind", "about", "change", "opened", "state", "what")
#: Lines of a preview that are shown; JSON has all of them.
TURNED_SHOWN_MAX: Final = 50


def state_of(finding: Finding) -> str:
    return finding_pb2.FindingState.Name(finding.state).removeprefix("FINDING_STATE_")


def action_of(finding: Any) -> str:
    return finding_pb2.FindingAction.Name(finding.action).removeprefix("FINDING_ACTION_")


def about(finding: Finding) -> str:
    """What a finding is about, as a user names it."""
    if finding.venue_symbol:
        return f"{finding.venue_id}/{finding.venue_symbol}"
    if finding.code:
        return f"{finding.venue_id} code {finding.code}"
    if finding.address:
        return f"{finding.chain_id} {finding.address}"
    return finding.venue_id or f"asset {finding.asset_id}"


def change_text(finding: Finding) -> str:
    """The differences on a line each."""
    return "\n".join(
        f"{d.field}: {d.before or 'unset'} → {d.after or 'unset'}" for d in finding.differences
    )


def list_row(finding: Finding) -> tuple[str, ...]:
    opened = finding.opened_at.ToJsonString()
    what = finding.summary
    state = f"{state_of(finding)} ({action_of(finding)})"
    kind, change = finding.kind, change_text(finding)
    return finding.finding_id, kind, about(finding), change, opened, state, what


def load_assets(labels: IdLabels, findings: Iterable[Finding]) -> None:
    """Read the tickers of the assets that findings name."""
    ids = {
        asset_id
        for f in findings
        for asset_id in (f.asset_id, f.proposed_asset_id, *(e.asset_id for e in f.evidence))
        if asset_id
    }
    labels.load(("asset", asset_id) for asset_id in sorted(ids))


def show(finding: Finding, preview: pb.DecisionPreview, labels: IdLabels) -> None:
    """Print a finding whole."""
    load_assets(labels, [finding])
    table(f"{finding.kind}: {about(finding)}", ("what", "value"), _facts(finding, labels))
    if finding.differences:
        rows = [(d.field, d.before, d.after) for d in finding.differences]
        table("What would change", ("field", "before", "after"), rows)
    if finding.evidence:
        columns = ("candidate", "for", "against")
        table("Evidence", columns, _evidence_rows(finding, labels), frozenset(columns))
    for title, names, records in _record_tables(finding):
        table(title, names, records)
    if finding.decisions:
        table("Decisions", ("who", "what", "when", "why"), map(_decision_row, finding.decisions))
    show_preview(preview)


def _facts(finding: Finding, labels: IdLabels) -> Iterator[tuple[str, str]]:
    yield "id", finding.finding_id
    yield "state", state_of(finding)
    yield "policy", f"{finding.policy} ({action_of(finding)})"
    yield "opened", f"{finding.opened_at.ToJsonString()} by {finding.opened_by}"
    if finding.HasField("decided_at"):
        yield "decided", finding.decided_at.ToJsonString()
    named = (("meant now", finding.asset_id), ("proposed", finding.proposed_asset_id))
    yield from ((name, _asset(asset_id, labels)) for name, asset_id in named if asset_id)
    for name in ("units", "rate", "listing_id", "code", "summary"):
        if value := getattr(finding, name):
            yield name, value
    if finding.from_venue_symbol:
        yield "formerly", f"{finding.from_venue_id}/{finding.from_venue_symbol}"
    if finding.HasField("effective_at"):
        yield "since", finding.effective_at.ToJsonString()


def _asset(asset_id: str, labels: IdLabels) -> str:
    return f"{labels.get('asset', asset_id)} {asset_id}".strip()


def _evidence_rows(finding: Finding, labels: IdLabels) -> list[tuple[str, str, str]]:
    """What speaks for and against each candidate, side by side."""
    candidates = dict.fromkeys(e.asset_id for e in finding.evidence)
    rows = []
    for candidate in candidates:
        pieces = [e for e in finding.evidence if e.asset_id == candidate]
        for_ = "\n".join(_piece(e) for e in pieces if not e.is_against)
        against = "\n".join(_piece(e) for e in pieces if e.is_against)
        rows.append((_asset(candidate, labels) if candidate else "any", for_, against))
    return rows


def _piece(evidence: Any) -> str:
    return f"{evidence.kind}: {evidence.detail}" if evidence.detail else str(evidence.kind)


def _record_tables(finding: Finding) -> Iterator[tuple[str, tuple[str, ...], list[Any]]]:
    """Tables of the raw records: fields that differ, and where the records are from."""
    before = next((r for r in finding.records if r.is_before), None)
    now = next((r for r in finding.records if not r.is_before), None)
    if before is None and now is None:
        return
    old, new = _fields(before), _fields(now)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    rows = [(name, old.get(name, ""), new.get(name, "")) for name in names]
    title = "Raw records: fields that differ" if before and now else "Raw record"
    yield title, ("field", "before", "now"), rows
    sources = [
        ("before" if r.is_before else "now", r.request, r.taken_at.ToJsonString(), r.reader)
        for r in finding.records
        if r.request
    ]
    if sources:
        yield "Stated by", ("record", "request", "taken at", "reader"), sources


def _fields(record: Any) -> dict[str, str]:
    if record is None or not record.raw:
        return {}
    fields = msgspec.json.decode(record.raw, type=dict[str, Any])
    return {name: _text(value) for name, value in fields.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decision_row(decision: Any) -> tuple[str, ...]:
    verdict = finding_pb2.FindingVerdict.Name(decision.verdict).removeprefix("FINDING_VERDICT_")
    chosen = " ".join(filter(None, (decision.asset_id, decision.units)))
    what = f"{verdict} {chosen}".strip()
    return decision.actor, what, decision.decided_at.ToJsonString(), decision.reason


def show_preview(preview: pb.DecisionPreview) -> None:
    """Print what approving would change, or why it would be refused."""
    for violation in preview.violations:
        say(f"It cannot be approved so: {violation.field or violation.reason}: {violation.message}")
    if preview.counts:
        say(f"Approving it changes {count_text(preview.counts)}.")
    if preview.verdicts:
        rows = [verdict_row(verdict) for verdict in preview.verdicts[:TURNED_SHOWN_MAX]]
        table("Opening turns for", ("listing", "before", "after"), rows)
        if (more := len(preview.verdicts) - len(rows)) > 0:
            say(f"… and for {more} more: --json has all of them")


def count_text(counts: Any) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))


def verdict_row(verdict: pb.TurnedVerdict) -> tuple[str, str, str]:
    def permission(allowed: bool, reasons: Iterable[str]) -> str:
        return "allowed" if allowed else f"denied: {', '.join(reasons)}"

    return (
        f"{verdict.venue_id}/{verdict.venue_symbol}",
        permission(verdict.allowed_before, verdict.reasons_before),
        permission(verdict.allowed_after, verdict.reasons_after),
    )
