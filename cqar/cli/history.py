"""`cqar history`: what became of an entity, or of all that a venue's spelling ever meant."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import click
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.admin.connection import Connection
from cqar.cli.history_pages import history_entries
from cqar.cli.json_entities import entity_of
from cqar.cli.output import print_json, table, to_stderr
from cqar.cli.target import Target, with_target
from cqar_shared.codec import entity_codec
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME

COLUMNS: Final = ("revision", "when", "who", "why", "what")
#: A history without them tells nothing.
NEVER_HIDDEN: Final = frozenset({"when", "what"})


class HistorySubject(NamedTuple):
    """An entity whose history is told.

    Attributes:
        period: Of a spelling's listings what became of it, such as VOIDED; else empty.
        title: How it is called.
    """

    ref: apb.EntityRef
    period: str
    title: str


class EntityHistory(NamedTuple):
    """A subject's changes, newest first."""

    subject: HistorySubject
    changes: list[apb.HistoryEntry]


@click.command()
@click.argument("entity")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_target
def history(target: Target, entity: str, *, as_json: bool) -> None:
    """What became of ENTITY, newest first: when, by whom, why, and which fields.

    ENTITY is a venue's spelling, or KIND:KEY. Of a spelling every period is told that it ever had,
    those too that have ended, are archived or were voided.

    \b
    Examples:
      cqar history binance/BTCUSDT
      cqar history venue:binance
    """
    with target.to_writer() as connection:
        told = [
            EntityHistory(subject, list(history_entries(connection, subject.ref)))
            for subject in _subjects(connection, entity)
        ]
    if as_json:
        print_json([_document(one.subject, entry) for one in told for entry in one.changes])
        return
    for one in told:
        title = f"{one.subject.title}: {len(one.changes)} changes"
        rows = [_row(one.subject, entry) for entry in one.changes]
        table(title, COLUMNS, rows, NEVER_HIDDEN)


def _subjects(connection: Connection, entity: str) -> list[HistorySubject]:
    """The entities that are meant, the newest period first.

    Raises:
        CallFailed: A spelling that never meant anything, or a venue that is not there.
    """
    kind, colon, key = entity.partition(":")
    venue, slash, spelling = entity.partition("/")
    if colon and "/" not in kind:
        return [HistorySubject(apb.EntityRef(kind=kind, key=key), "", entity)]
    if not slash:
        raise click.UsageError("name it as VENUE/SPELLING, such as binance/BTCUSDT, or KIND:KEY")
    request = apb.ListPeriodsRequest(venue_id=venue, venue_symbol=spelling)
    answer = connection.call(connection.admin.ListPeriods, request)
    if answer.is_partial:
        to_stderr("there may be more periods that were voided: ask again to have older ones found")
    return [_subject(entity, period) for period in reversed(answer.periods)]


def _subject(entity: str, period: apb.SpellingPeriod) -> HistorySubject:
    ref = apb.EntityRef(kind="venue_symbol", key=period.listing_id)
    state = apb.PeriodState.Name(period.state).removeprefix("PERIOD_STATE_")
    begins = period.HasField("listed_at")
    title = f"{entity}, listing {period.listing_id}, {state.lower()}, from "
    title += period.listed_at.ToJsonString() if begins else "an unknown time"
    if period.HasField("delisted_at"):
        title += f" to {period.delisted_at.ToJsonString()}"
    return HistorySubject(ref, state, title)


def _row(subject: HistorySubject, entry: apb.HistoryEntry) -> tuple[str, ...]:
    return (
        f"{entry.epoch}:{entry.revision}",
        entry.committed_at.ToJsonString(),
        entry.actor,
        entry.reason,
        "\n".join(
            f"{field}: {before} → {after}"
            for field, before, after in _differences(subject.ref.kind, entry)
        ),
    )


def _document(subject: HistorySubject, entry: apb.HistoryEntry) -> dict[str, Any]:
    """An entry with its entities decoded and its differences whole."""
    kind = subject.ref.kind
    told = json_format.MessageToDict(entry, preserving_proto_field_name=True)
    told["before"], told["after"] = entity_of(kind, entry.before), entity_of(kind, entry.after)
    told["differences"] = [
        {"field": field, "before": before, "after": after}
        for field, before, after in _differences(kind, entry)
    ]
    if subject.period:
        told |= {"listing_id": subject.ref.key, "period": subject.period}
    return told


def _differences(kind_name: str, entry: apb.HistoryEntry) -> list[tuple[str, str, str]]:
    """(field, before, after), whole: the writer's own are cut after some hundred characters."""
    kind: AnyKind | None = KIND_BY_NAME.get(kind_name)
    if kind is None:
        return [(d.field, d.before, d.after) for d in entry.differences]
    before, after = (
        entity_codec.decode(kind, payload) if payload else None
        for payload in (entry.before, entry.after)
    )
    return list(entity_diff.differences(before, after))
