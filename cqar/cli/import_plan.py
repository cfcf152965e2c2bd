"""Prints an import's plan: tables for people, a document for programs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from cqar.cli.output import say, table
from cqar.importer.plan import Plan
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Outcome

#: Rows shown of each part of a plan; --json has all.
EXAMPLES_MAX: Final = 10
#: Why an import removes a term.
UNTRACED_REASON: Final = "no field of the venue's record states it"
#: The part of a plan that `--show` prints in full.
BINDINGS_PART: Final = "bindings"


def plan_document(plan: Plan, applied: dict[str, Any] | None) -> dict[str, Any]:
    """The whole plan as plain values.

    Args:
        applied: Counts and rejections of applying it; None if it was not applied.
    """
    return {
        "venue": plan.venue_id,
        "at": plan.at.isoformat(),
        "counts": _counts(plan),
        "reader": {
            "name": plan.reading.reader,
            "is_reviewed": plan.reading.is_reviewed,
            "records": plan.reading.records,
            "outcomes": plan.reading.outcomes,
            "unsupported": dict(Counter(row.kind for row in plan.reading.unsupported)),
            "unreadable": [row._asdict() for row in plan.reading.unreadable],
            "new_fields": dict(sorted(plan.reading.new_fields.items())),
            "vanished": plan.vanished,
            "incomplete": plan.reading.incomplete,
            "sources": [
                {"request": s.request, "sha256": s.sha256, "taken_at": _instant(s.taken_at)}
                for s in plan.reading.sources
            ],
            "untraced": dict(sorted(plan.untraced().items())),
            "status_unstated": plan.reading.status_unstated,
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
                    | ({"reason": UNTRACED_REASON} if _is_dropped(plan, o, field, becomes) else {})
                    for field, was, becomes in entity_diff.visible_diff(o.before, o.after)
                ],
            }
            for o in plan.changed
        ],
        "delisted": [_entity(o).venue_symbol for o in plan.delisted],
        "bindings": [binding._asdict() for binding in plan.bindings],
        "doubted": [
            {"venue_symbol": _entity(o).venue_symbol, "doubts": list(_entity(o).doubts or ())}
            for o in plan.doubted
        ],
        "multiples": sorted(set(plan.multiples)),
        "rejected": [rejected._asdict() for rejected in plan.rejected],
        "notes": plan.notes,
        "applied": applied,
    }


def _instant(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


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
        "doubted": len(plan.doubted),
        "unchanged": plan.unchanged,
        "rejected": len(plan.rejected),
    }


def show_plan(
    plan: Plan, applied: dict[str, Any] | None, full_parts: Collection[str] = frozenset()
) -> None:
    """Print the plan, with some rows of each part.

    Args:
        full_parts: Parts that are printed in full, such as `bindings`.
    """
    title = f"{plan.venue_id} as of {plan.at:%Y-%m-%d %H:%M} UTC"
    outcomes = {name.lower(): count for name, count in plan.reading.outcomes.items()}
    table(title, ("what", "count"), [*outcomes.items(), *_counts(plan).items()])
    if fields := plan.fields_changed():
        table("Changes by field", ("field", "listings"), sorted(fields.items()))
    _show_part(
        "New assets (unverified)", ("ticker",), [[_entity(o).symbol] for o in plan.new_assets]
    )
    _show_part(
        "Listed",
        ("spelling", "status"),
        [[_entity(o).venue_symbol, entity_diff.value_text(_entity(o).status)] for o in plan.listed],
    )
    _show_part(
        "Bound by ticker alone (review them)",
        ("code", "asset", "name", "id"),
        [[b.code, b.ticker, b.asset_name, b.asset_id] for b in plan.bindings],
        show_all=BINDINGS_PART in full_parts,
    )
    changes = [
        [
            _entity(o).venue_symbol,
            *(field, was),
            UNTRACED_REASON if _is_dropped(plan, o, field, becomes) else becomes,
        ]
        for o in plan.changed
        for field, was, becomes in entity_diff.visible_diff(o.before, o.after)
    ]
    _show_part("Changed", ("spelling", "field", "before", "after"), changes)
    _show_part("Delisted", ("spelling",), [[_entity(o).venue_symbol] for o in plan.delisted])
    _show_part(
        "Opening denied until read or decided",
        ("spelling", "doubts"),
        [[_entity(o).venue_symbol, ", ".join(_entity(o).doubts or ())] for o in plan.doubted],
    )
    _show_part("Unreadable", ("record", "reason"), plan.reading.unreadable)
    _show_part(
        "Unsupported",
        ("spelling", "kind", "reason"),
        [(u.spelling, u.kind, u.reason) for u in plan.reading.unsupported],
    )
    _show_part("Rejected", ("spelling", "reason"), [(r.spelling, r.reason) for r in plan.rejected])
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
    """How far the values are the venue's own statements, and what is new in its answers."""
    reading = plan.reading
    if not reading.is_reviewed:
        yield (
            f"{len(reading.markets)} rows are read UNREVIEWED: CQAR has no reader for"
            f" {plan.venue_id}, and nobody has compared what ccxt reads with the venue's records"
        )
    for term, count in sorted(plan.untraced().items()):
        yield f"{term} of {count} rows: ccxt has a value, but {UNTRACED_REASON}: not imported"
    if reading.status_unstated:
        yield f"status of {reading.status_unstated} rows: the record states none"
    for term in plan.vanished:
        yield f"{term}: the venue stated it before and states it of no market now: not known"
    for field, count in sorted(reading.new_fields.items()):
        yield f"{field}: a field that is new to the reader, in {count} records: not read"
    for reason in reading.incomplete:
        yield f"{reason}: nothing is taken for missing"
    if plan.multiples:
        codes = sorted(set(plan.multiples))
        shown = ", ".join(codes[:EXAMPLES_MAX]) + (", …" if len(codes) > EXAMPLES_MAX else "")
        yield (
            f"{len(codes)} codes look like multiples of a coin, which nobody has stated: {shown}."
            " They are assets of their own: --multiplier CODE=COIN:UNITS, or CODE=CODE:1"
        )


def _show_part(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, show_all: bool = False
) -> None:
    all_rows = list(rows)
    if not all_rows:
        return
    shown = all_rows if show_all else all_rows[:EXAMPLES_MAX]
    more = f", the first {EXAMPLES_MAX}" if len(shown) < len(all_rows) else ""
    table(f"{title}: {len(all_rows)}{more}", columns, shown)
