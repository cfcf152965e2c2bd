"""Prints an import's plan: tables for people, a document for programs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click
import msgspec

from cqar.cli.output import printable, say, table
from cqar.importer.answer_reader import AnswerSource, Unreadable
from cqar.importer.identity import CodeBinding
from cqar.importer.plan import Plan
from cqar.importer.plan_rows import PlannedFinding, PlanRow, finding_rows, plan_rows, warnings
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.finding import Finding

#: Rows shown of each part of a plan; --json has all.
EXAMPLES_MAX: Final = 10
#: Why an import removes a term.
UNTRACED_REASON: Final = "no field of the venue's record states it"


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
            "sources": _sources(plan.reading.sources),
            "untraced": dict(sorted(plan.untraced().items())),
            "status_unstated": plan.reading.status_unstated,
        },
        "currencies": _beside(
            plan.reading.currency_outcomes,
            plan.reading.unreadable_currencies,
            plan.reading.currencies_from,
        ),
        "prices": _beside(
            plan.reading.price_outcomes,
            plan.reading.unreadable_prices,
            [plan.reading.prices_from] if plan.reading.prices_from else [],
        )
        | {"stored": len(plan.of(ASSET_PRICE, Result.CREATED, Result.UPDATED))},
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
        "warnings": list(warnings(plan)),
        "rows": [row._asdict() for row in plan_rows(plan)],
        "bindings": [binding._asdict() for binding in plan.bindings],
        "doubted": [
            {"venue_symbol": _entity(o).venue_symbol, "doubts": list(_entity(o).doubts or ())}
            for o in plan.doubted
        ],
        "findings": [_finding(f) for f in plan.findings],
        "superseded": [_finding(f) for f in plan.superseded],
        "multiples": sorted(set(plan.multiples)),
        "rejected": [rejected._asdict() for rejected in plan.rejected],
        "notes": plan.notes,
        "applied": applied,
    }


def _beside(
    outcomes: Mapping[str, int], unreadable: Iterable[Unreadable], sources: Iterable[AnswerSource]
) -> dict[str, Any]:
    """What was read of answers beside the listing."""
    return {
        "records": sum(outcomes.values()),
        "outcomes": dict(outcomes),
        "unreadable": [row._asdict() for row in unreadable],
        "sources": _sources(sources),
    }


def _sources(sources: Iterable[AnswerSource]) -> list[dict[str, Any]]:
    return [
        {"request": s.request, "sha256": s.sha256, "taken_at": _instant(s.taken_at)}
        for s in sources
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    """A finding without what is not set; enums by name."""
    plain: dict[str, Any] = msgspec.to_builtins(finding, enc_hook=str)
    words = {"action": finding.action, "state": finding.state}
    named = {name: entity_diff.value_text(value) for name, value in words.items()}
    return {name: value for name, value in {**plain, **named}.items() if value not in (None, "")}


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
        "findings": len(plan.findings),
    }


def show_plan(plan: Plan, applied: dict[str, Any] | None, *, show_all: bool = False) -> None:
    """Print the plan: warnings, counts, then rows by kind of change.

    Args:
        show_all: Whether to print every row, or the first ones of each kind.
    """
    for warning in warnings(plan):
        say(f"warning: {warning}")
    outcomes = {name.lower(): count for name, count in plan.reading.outcomes.items()}
    title = f"{plan.venue_id} as of {plan.at:%Y-%m-%d %H:%M} UTC, read by {plan.reading.reader}"
    table(title, ("what", "count"), [*outcomes.items(), *_counts(plan).items()])
    rows = plan_rows(plan)
    if fields := plan.fields_changed():
        table("Changes by field", ("field", "listings"), sorted(fields.items()))
    for kind, count in Counter(row.kind for row in rows).items():
        _show_rows(kind, count, [row for row in rows if row.kind == kind], show_all=show_all)
    found = finding_rows(plan)
    for kind, action in dict.fromkeys((row.kind, row.action) for row in found):
        _show_part(
            f"Finding {kind}, {action}",
            PlannedFinding._fields[3:],
            [row[3:] for row in found if (row.kind, row.action) == (kind, action)],
            show_all=show_all,
        )
    bound = Counter(" + ".join(b.evidence) for b in plan.bindings)
    if bound:
        table("Codes bound to known assets, by evidence", ("evidence", "codes"), bound.items())
    if show_all:
        columns = ("code", "asset", "name", "evidence", "detail")
        rows_bound = [(b.code, b.ticker, b.asset_name, *_bound_by(b)) for b in plan.bindings]
        _show_part("Bindings", columns, rows_bound, show_all=True)
    _show_part("Unreadable", ("record", "reason"), plan.reading.unreadable, show_all=show_all)
    _show_part(
        "Unreadable currencies",
        ("code", "reason"),
        plan.reading.unreadable_currencies,
        show_all=show_all,
    )
    _show_part(
        "Unreadable prices",
        ("spelling", "reason"),
        plan.reading.unreadable_prices,
        show_all=show_all,
    )
    _show_part(
        "Unsupported",
        ("spelling", "kind", "reason"),
        [(u.spelling, u.kind, u.reason) for u in plan.reading.unsupported],
        show_all=show_all,
    )
    rejected = [(r.spelling, r.reason) for r in plan.rejected]
    _show_part("Rejected", ("spelling", "reason"), rejected, show_all=show_all)
    for note in (*_reader_notes(plan), *plan.notes):
        say(f"note: {note}")
    if applied is None:
        say("Nothing was changed: this is a plan.")
    elif not (plan.changes or plan.findings or plan.superseded):
        say("Nothing to change.")
    else:
        say(
            f"Applied: {applied['created']} created, {applied['updated']} updated,"
            f" {len(applied['rejected'])} rejected, at revision {applied['revision']}."
        )


def _bound_by(binding: CodeBinding) -> tuple[str, str]:
    return " + ".join(binding.evidence), binding.detail


def _show_rows(kind: str, count: int, rows: list[PlanRow], *, show_all: bool) -> None:
    shown = rows if show_all else rows[:EXAMPLES_MAX]
    more = f", the first {EXAMPLES_MAX}; --all shows them all" if len(shown) < count else ""
    # Of a new listing nothing changes; the columns of one kind are the same whatever the data.
    columns = PlanRow._fields[1:-1] if kind == "LISTED" else PlanRow._fields[1:]
    table(f"{kind}: {count}{more}", columns, [row[1 : len(columns) + 1] for row in shown])


def print_rows(plan: Plan) -> None:
    """Print every row as a line of values separated by tabs, with a line of names first.

    Findings follow, as `FINDING` and their kind; their action stands in the place of a status.
    """
    click.echo("\t".join(PlanRow._fields))
    for row in plan_rows(plan):
        click.echo("\t".join(printable(value) for value in row))
    for found in finding_rows(plan):
        row = PlanRow(
            *(f"FINDING {found.kind}", found.about, "", "", "", "", "", "", found.action),
            f"{found.summary} ({found.finding_id})",
        )
        click.echo("\t".join(printable(value) for value in row))


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
    for field, count in sorted(reading.new_currency_fields.items()):
        yield f"{field}: a field of currencies that is new to the reader, in {count}: not read"
    if reading.currencies:
        yield f"{len(reading.currencies)} codes are described by the venue's list of currencies"
    if reading.prices:
        stored = len(plan.of(ASSET_PRICE, Result.CREATED, Result.UPDATED))
        yield f"{len(reading.prices)} listings have a last price; those of {stored} assets are kept"
    for reason in reading.incomplete:
        yield f"{reason}: nothing is taken for missing"


def _show_part(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, show_all: bool = False
) -> None:
    all_rows = list(rows)
    if not all_rows:
        return
    shown = all_rows if show_all else all_rows[:EXAMPLES_MAX]
    more = f", the first {EXAMPLES_MAX}" if len(shown) < len(all_rows) else ""
    table(f"{title}: {len(all_rows)}{more}", columns, shown)
