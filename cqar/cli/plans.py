"""How an import's plan looks: a table for people, a document for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from cqar.cli.words import say, table
from cqar.venues.plan import Plan
from shared import wording
from shared.judge import Outcome

#: Examples shown of each part of a plan; --json has all.
SHOWN_MAX: Final = 10


def plan_document(plan: Plan, applied: dict[str, Any] | None) -> dict[str, Any]:
    """The plan, whole, in plain types."""
    return {
        "venue": plan.venue_id,
        "at": plan.at.isoformat(),
        "counts": _counts(plan),
        "fields_changed": dict(sorted(plan.fields_changed().items())),
        "new_assets": [_entity(o).symbol for o in plan.new_assets],
        "new_symbols": [_entity(o).symbol for o in plan.new_symbols],
        "listed": [
            {"venue_symbol": _entity(o).venue_symbol, "status": wording.words(_entity(o).status)}
            for o in plan.listed
        ],
        "changed": [
            {
                "venue_symbol": _entity(o).venue_symbol,
                "differences": [
                    {"field": field, "before": was, "after": becomes}
                    for field, was, becomes in wording.news(o.before, o.after)
                ],
            }
            for o in plan.changed
        ],
        "delisted": [_entity(o).venue_symbol for o in plan.delisted],
        "rejected": [msgspec.to_builtins(rejected) for rejected in plan.rejected],
        "notes": plan.notes,
        "applied": applied,
    }


def _entity(outcome: Outcome) -> Any:
    return outcome.after


def _counts(plan: Plan) -> dict[str, int]:
    return {
        "new_assets": len(plan.new_assets),
        "new_symbols": len(plan.new_symbols),
        "listed": len(plan.listed),
        "changed": len(plan.changed),
        "delisted": len(plan.delisted),
        "unchanged": plan.unchanged,
        "rejected": len(plan.rejected),
    }


def show_plan(plan: Plan, applied: dict[str, Any] | None) -> None:
    title = f"{plan.venue_id} as of {plan.at:%Y-%m-%d %H:%M} UTC"
    table(title, ("what", "count"), _counts(plan).items())
    if fields := plan.fields_changed():
        table("Changes by field", ("field", "listings"), sorted(fields.items()))
    _some("New assets (unverified)", ("ticker",), [[_entity(o).symbol] for o in plan.new_assets])
    _some(
        "Listed",
        ("spelling", "status"),
        [[_entity(o).venue_symbol, wording.words(_entity(o).status)] for o in plan.listed],
    )
    changes = [
        [_entity(o).venue_symbol, field, was, becomes]
        for o in plan.changed
        for field, was, becomes in wording.news(o.before, o.after)
    ]
    _some("Changed", ("spelling", "field", "before", "after"), changes)
    _some("Delisted", ("spelling",), [[_entity(o).venue_symbol] for o in plan.delisted])
    _some("Rejected", ("spelling", "reason"), [(r.spelling, r.reason) for r in plan.rejected])
    for note in plan.notes:
        say(f"note: {note}")
    if applied is None:
        say("Nothing was changed: this is a plan.")
    elif not plan.changes:
        say("Nothing to change.")
    else:
        say(
            f"Applied: {applied['created']} created, {applied['updated']} updated,"
            f" {len(applied['rejected'])} rejected, at revision {applied['revision']}."
        )


def _some(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    whole = list(rows)
    if not whole:
        return
    more = f", the first {SHOWN_MAX}" if len(whole) > SHOWN_MAX else ""
    table(f"{title}: {len(whole)}{more}", columns, whole[:SHOWN_MAX])
