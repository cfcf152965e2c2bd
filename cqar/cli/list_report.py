"""Prints the plan of a reference list: tables for people, a document for programs."""

from __future__ import annotations

from typing import Any, Final

from cqar.cli.output import say, table
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.statements import ListRow, RowOutcome

#: Rows shown of each outcome; --json has all.
EXAMPLES_MAX: Final = 10
_SHOWN: Final = (
    *(RowOutcome.CHANGED, RowOutcome.NEW, RowOutcome.UNSUPPORTED, RowOutcome.UNREADABLE),
)


def list_plan_document(plan: ListPlan, applied: dict[str, Any] | None) -> dict[str, Any]:
    """The whole plan as plain values.

    Args:
        applied: Counts and rejections of applying it; None if it was not applied.
    """
    return {
        "list": plan.list_kind,
        "name": plan.source.name,
        "sha256": plan.source.sha256,
        "at": plan.at.isoformat(),
        "records": len(plan.rows),
        "outcomes": plan.outcomes,
        "evidence": plan.evidence,
        "changes": plan.changes_by_kind,
        "findings": plan.findings,
        "rows": [
            {"row": number, "text": row.text, "outcome": row.outcome}
            | ({"reason": row.reason} if row.reason else {})
            | ({"by": row.by} if row.by else {})
            for number, row in enumerate(plan.rows, 1)
        ],
        "notes": plan.notes,
        "applied": applied,
    }


def show_list_plan(plan: ListPlan, *, show_all: bool = False) -> None:
    """Print a plan: counts, what it changes, then rows by outcome.

    Args:
        show_all: Whether to print every row, or the first ones of each outcome.
    """
    title = f"{plan.list_kind} {plan.source.name} as of {plan.at:%Y-%m-%d %H:%M} UTC"
    counts = [*plan.outcomes.items(), ("rows", len(plan.rows))]
    table(title, ("outcome", "rows"), counts)
    for name, cells in (
        ("Which asset is meant, by", plan.evidence),
        ("Changes", plan.changes_by_kind),
        ("Findings to decide", plan.findings),
    ):
        if cells:
            table(name, ("what", "count"), list(cells.items()))
    numbered = list(enumerate(plan.rows, 1))
    for outcome in _SHOWN:
        found = [(number, row) for number, row in numbered if row.outcome is outcome]
        if found:
            _show_rows(outcome, found, show_all=show_all)
    for note in plan.notes:
        say(f"note: {note}")


def _show_rows(outcome: str, found: list[tuple[int, ListRow]], *, show_all: bool) -> None:
    shown = found if show_all else found[:EXAMPLES_MAX]
    more = f", the first {EXAMPLES_MAX}; --all shows them all" if len(shown) < len(found) else ""
    cells = [(number, row.text, row.by, row.reason) for number, row in shown]
    table(f"{outcome}: {len(found)}{more}", ("row", "record", "by", "reason"), cells)
