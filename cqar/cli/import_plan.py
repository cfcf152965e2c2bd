"""How an import's plan looks: a table for people, a document for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from cqar.cli.output import say, table
from cqar.importer.plan import Plan
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Outcome

#: Examples shown of each part of a plan; --json has all.
SHOWN_MAX: Final = 10
#: Why a term that was known is not known any more.
UNTRACED: Final = "no field of the venue's record states it"
#: What `--show` shows whole.
BINDINGS: Final = "bindings"


def plan_document(plan: Plan, applied: dict[str, Any] | None) -> dict[str, Any]:
    """The plan, whole, in plain types."""
    return {
        "venue": plan.venue_id,
        "at": plan.at.isoformat(),
        "counts": _counts(plan),
        "reader": {
            "name": "ccxt",
            "rows": len(plan.markets),
            "unreviewed": plan.unreviewed,
            "untraced": dict(sorted(plan.untraced().items())),
            "status_unstated": plan.status_unstated,
        },
        "fields_changed": dict(sorted(plan.fields_changed().items())),
        "new_assets": [_entity(o).symbol for o in plan.new_assets],
        "new_symbols": [_entity(o).symbol for o in plan.new_symbols],
        "listed": [
            {
                "venue_symbol": _entity(o).venue_symbol,
                "status": entity_diff.value_text(_entity(o).status),
            }
            for o in plan.listed
        ],
        "changed": [
            {
                "venue_symbol": _entity(o).venue_symbol,
                "differences": [
                    {"field": field, "before": was, "after": becomes}
                    | ({"reason": UNTRACED} if _is_dropped(plan, o, field, becomes) else {})
                    for field, was, becomes in entity_diff.visible_diff(o.before, o.after)
                ],
            }
            for o in plan.changed
        ],
        "delisted": [_entity(o).venue_symbol for o in plan.delisted],
        "bindings": [binding._asdict() for binding in plan.bindings],
        "rejected": [msgspec.to_builtins(rejected) for rejected in plan.rejected],
        "notes": plan.notes,
        "applied": applied,
    }


def _entity(outcome: Outcome) -> Any:
    return outcome.after


def _is_dropped(plan: Plan, outcome: Outcome, field: str, becomes: str) -> bool:
    return not becomes and plan.is_untraced(_entity(outcome).venue_symbol, field)


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


def show_plan(
    plan: Plan, applied: dict[str, Any] | None, whole: Collection[str] = frozenset()
) -> None:
    """Print it, with some examples of each part.

    Args:
        whole: Parts that are shown whole, such as `bindings`.
    """
    title = f"{plan.venue_id} as of {plan.at:%Y-%m-%d %H:%M} UTC"
    table(title, ("what", "count"), _counts(plan).items())
    if fields := plan.fields_changed():
        table("Changes by field", ("field", "listings"), sorted(fields.items()))
    _some("New assets (unverified)", ("ticker",), [[_entity(o).symbol] for o in plan.new_assets])
    _some(
        "Listed",
        ("spelling", "status"),
        [[_entity(o).venue_symbol, entity_diff.value_text(_entity(o).status)] for o in plan.listed],
    )
    _some(
        "Bound by ticker alone (look at them)",
        ("code", "asset", "name", "id"),
        [[b.code, b.ticker, b.asset_name, b.asset_id] for b in plan.bindings],
        whole=BINDINGS in whole,
    )
    changes = [
        [
            _entity(o).venue_symbol,
            *(field, was),
            UNTRACED if _is_dropped(plan, o, field, becomes) else becomes,
        ]
        for o in plan.changed
        for field, was, becomes in entity_diff.visible_diff(o.before, o.after)
    ]
    _some("Changed", ("spelling", "field", "before", "after"), changes)
    _some("Delisted", ("spelling",), [[_entity(o).venue_symbol] for o in plan.delisted])
    _some("Rejected", ("spelling", "reason"), [(r.spelling, r.reason) for r in plan.rejected])
    for note in (*_reader_notes(plan), *plan.notes):
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


def _reader_notes(plan: Plan) -> Iterator[str]:
    """How far what was read is the venue's own word."""
    if plan.unreviewed:
        yield (
            f"{plan.unreviewed} of {len(plan.markets)} rows are read UNREVIEWED: nobody has"
            f" compared what ccxt reads of {plan.venue_id} with the venue's records"
        )
    for term, count in sorted(plan.untraced().items()):
        yield f"{term} of {count} rows: ccxt has one, and {UNTRACED}: not known"
    if plan.status_unstated:
        yield f"status of {plan.status_unstated} rows: {UNTRACED}: it is what ccxt takes for it"


def _some(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, whole: bool = False
) -> None:
    found = list(rows)
    if not found:
        return
    shown = found if whole else found[:SHOWN_MAX]
    more = f", the first {SHOWN_MAX}" if len(shown) < len(found) else ""
    table(f"{title}: {len(found)}{more}", columns, shown)
