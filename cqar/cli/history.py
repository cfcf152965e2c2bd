"""`cqar history`: the changes of an entity, or of all periods of a venue's spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import click
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import entity_of
from cqar.cli.list_output import ListOptions, ListView, OutputRow, is_table, list_options, show_list
from cqar.cli.output import to_stderr
from cqar.cli.target import Target, with_target
from cqar_shared.codec import entity_codec
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME

COLUMNS: Final = ("revision", "when", "who", "why", "what")
#: Columns without which a history says nothing.
NEVER_HIDDEN: Final = ("when", "why", "what")
#: The largest page of a history that the writer gives.
PAGE_ENTRIES: Final = 200


class HistorySubject(NamedTuple):
    """An entity whose history is shown.

    Attributes:
        period: State of a spelling's listing, such as VOIDED; empty for any other entity.
    """

    ref: apb.EntityRef
    period: str
    title: str


class EntityHistory(NamedTuple):
    """A subject's changes, newest first."""

    subject: HistorySubject
    changes: list[apb.HistoryEntry]


@click.command(cls=GroupedCommand)
@click.argument("entity")
@list_options
@with_target
def history(target: Target, entity: str, *, listing: ListOptions) -> None:
    """Show the changes of ENTITY, newest first: when, by whom, why, and which fields.

    ENTITY is VENUE/SPELLING or KIND:KEY. For a spelling, every period that it ever had is shown,
    including those that have ended, are archived or were voided.

    \b
    Examples:
      cqar history binance/BTCUSDT
      cqar history venue:binance
    """
    with target.to_writer() as connection:
        histories = [
            EntityHistory(subject, list(history_entries(connection, subject.ref)))
            for subject in _subjects(connection, entity)
        ]
    if is_table(listing) and not listing.columns:
        # Each period by itself, with its title above it.
        for each in histories:
            title = f"{each.subject.title}: {len(each.changes)} changes"
            show_list(ListView(title, COLUMNS, _rows(each), NEVER_HIDDEN), listing)
        return
    columns = ("of", *COLUMNS)
    rows = [
        OutputRow((each.subject.title, *row.cells), row.document)
        for each in histories
        for row in _rows(each)
    ]
    show_list(ListView(f"{len(rows)} changes", columns, rows, ("of", "revision")), listing)


def history_entries(connection: Connection, ref: apb.EntityRef) -> Iterator[apb.HistoryEntry]:
    """The changes of an entity, newest first.

    Raises:
        CallFailed: the entity never existed, or the key may not read it.
    """
    method, request = connection.admin.History, apb.HistoryRequest(entity=ref)
    return pagination.entities(connection, method, request, "entries", PAGE_ENTRIES)


def _subjects(connection: Connection, entity: str) -> list[HistorySubject]:
    """The entities that the user means, the newest period first.

    Raises:
        UsageError: `entity` is neither VENUE/SPELLING nor KIND:KEY.
        CallFailed: the spelling never had a meaning, or there is no such venue.
    """
    kind, colon, key = entity.partition(":")
    venue, slash, spelling = entity.partition("/")
    if colon and "/" not in kind:
        return [HistorySubject(apb.EntityRef(kind=kind, key=key), "", entity)]
    if not slash:
        raise click.UsageError("give VENUE/SPELLING, such as binance/BTCUSDT, or KIND:KEY")
    request = apb.ListPeriodsRequest(venue_id=venue, venue_symbol=spelling)
    response = connection.call(connection.admin.ListPeriods, request)
    if response.is_partial:
        to_stderr("there may be older voided periods: run the command again to find them")
    return [_subject(entity, period) for period in reversed(response.periods)]


def _subject(entity: str, period: apb.SpellingPeriod) -> HistorySubject:
    ref = apb.EntityRef(kind="venue_symbol", key=period.listing_id)
    state = apb.PeriodState.Name(period.state).removeprefix("PERIOD_STATE_")
    title = f"{entity}, listing {period.listing_id}, {state.lower()}, from "
    has_begin = period.HasField("listed_at")
    title += period.listed_at.ToJsonString() if has_begin else "an unknown time"
    if period.HasField("delisted_at"):
        title += f" to {period.delisted_at.ToJsonString()}"
    return HistorySubject(ref, state, title)


def _rows(history: EntityHistory) -> list[OutputRow]:
    subject, changes = history
    return [OutputRow(_row(subject, entry), _document(subject, entry)) for entry in changes]


def _row(subject: HistorySubject, entry: apb.HistoryEntry) -> tuple[str, ...]:
    differences = _differences(subject.ref.kind, entry)
    return (
        f"{entry.epoch}:{entry.revision}",
        entry.committed_at.ToJsonString(),
        entry.actor,
        entry.reason,
        "\n".join(f"{field}: {before} → {after}" for field, before, after in differences),
    )


def _document(subject: HistorySubject, entry: apb.HistoryEntry) -> dict[str, Any]:
    """An entry with decoded entities and complete differences."""
    kind = subject.ref.kind
    document = json_format.MessageToDict(entry, preserving_proto_field_name=True)
    document["before"] = entity_of(kind, entry.before)
    document["after"] = entity_of(kind, entry.after)
    document["differences"] = [
        {"field": field, "before": before, "after": after}
        for field, before, after in _differences(kind, entry)
    ]
    if subject.period:
        document |= {"listing_id": subject.ref.key, "period": subject.period}
    return document


def _differences(kind_name: str, entry: apb.HistoryEntry) -> list[tuple[str, str, str]]:
    """(field, before, after) in full; the writer's own are truncated."""
    kind: AnyKind | None = KIND_BY_NAME.get(kind_name)
    if kind is None:
        return [(d.field, d.before, d.after) for d in entry.differences]
    before, after = (
        entity_codec.decode(kind, payload) if payload else None
        for payload in (entry.before, entry.after)
    )
    return list(entity_diff.differences(before, after))
