"""`cqar venue status`: how current what the registry says of venues is, and what waits there."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.venues.v1 import venue_facts_pb2, venue_pb2
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli import completion_names
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.target import Target, with_target

COLUMNS: Final = (
    *("venue", "state", "as of", "age", "stale after", "markets", "unsupported", "unreadable"),
    *("findings open", "reader"),
)
_OPEN: Final = (finding_pb2.FINDING_STATE_OPEN, finding_pb2.FINDING_STATE_HELD)
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@click.command("status", cls=GroupedCommand)
@click.argument("venues", nargs=-1, metavar="[VENUE]...", shell_complete=completion_names.venues)
@list_options
@with_target
def venue_status(target: Target, venues: tuple[str, ...], *, listing: ListOptions) -> None:
    """Show how current what the registry says of venues is, and what waits for people there.

    Without a VENUE, those are shown that were read, and those that say how old is too old. State
    OK: no older than the venue allows; STALE: opening positions is denied; NEVER READ.

    \b
    Example:
      cqar venue status binance kraken
    """
    now = dt.datetime.now(dt.UTC)
    with target.to_writer() as connection:
        documents = [_row(*read, now) for read in _read_status(connection, venues)]
    rows = [OutputRow([str(cell) for cell in _cells(each)], each) for each in documents]
    show_list(ListView("Venues", COLUMNS, rows, ("venue",), "no venue was read yet."), listing)


def _read_status(
    connection: Connection, venues: Sequence[str]
) -> list[tuple[venue_pb2.Venue, venue_facts_pb2.VenueFacts | None, Counter[str]]]:
    request = pb.ListVenueFactsRequest(venue_ids=venues)
    method = connection.admin.ListVenueFacts
    facts = {f.venue_id: f for f in pagination.entities(connection, method, request, "facts")}
    known = pagination.entities(
        connection, connection.registry.ListVenues, rpb.ListVenuesRequest(), "venues"
    )
    shown = [
        venue
        for venue in known
        if (venue.venue_id in venues)
        or (not venues and (venue.venue_id in facts or venue.HasField("facts_stale_after_s")))
    ]
    return [(v, facts.get(v.venue_id), _findings(connection, v.venue_id)) for v in shown]


def _findings(connection: Connection, venue_id: str) -> Counter[str]:
    """Kind -> number of findings about the venue that nobody decided yet."""
    # A first page has the counts of all that match, whatever its size.
    request = pb.ListProposalsRequest(venue_id=venue_id, states=_OPEN, page_size=1)
    return Counter(connection.call(connection.admin.ListProposals, request).counts)


def _row(
    venue: venue_pb2.Venue,
    facts: venue_facts_pb2.VenueFacts | None,
    findings: Counter[str],
    now: dt.datetime,
) -> dict[str, Any]:
    stale_after_s = venue.facts_stale_after_s if venue.HasField("facts_stale_after_s") else None
    row: dict[str, Any] = {"venue_id": venue.venue_id, "state": "NEVER READ"}
    if facts is not None:
        age_s = max(0, int((now - facts.as_of.ToDatetime(dt.UTC)).total_seconds()))
        is_stale = stale_after_s is not None and age_s >= stale_after_s
        row |= {
            "state": "STALE" if is_stale else "OK",
            "as_of": facts.as_of.ToJsonString(),
            "age_s": age_s,
            "read_at": facts.read_at.ToJsonString(),
            "reader": facts.reader or None,
            "markets": facts.markets if facts.HasField("markets") else None,
            "unsupported": facts.unsupported if facts.HasField("unsupported") else None,
            "unreadable": facts.unreadable if facts.HasField("unreadable") else None,
            "answers": [
                {"request": a.request, "sha256": a.sha256, "taken_at": a.taken_at.ToJsonString()}
                for a in facts.answers
            ],
        }
    return row | {
        "facts_stale_after_s": stale_after_s,
        "findings_open": dict(sorted(findings.items())),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    age, after = row.get("age_s"), row["facts_stale_after_s"]
    counts = (row.get(name) for name in ("markets", "unsupported", "unreadable"))
    return (
        row["venue_id"],
        row["state"],
        row.get("as_of", ""),
        "" if age is None else age_text(age),
        "" if after is None else age_text(after),
        *("" if count is None else str(count) for count in counts),
        str(sum(row["findings_open"].values())),
        row.get("reader") or "",
    )


def age_text(seconds: int) -> str:
    """Such as `3 h`: the largest unit of which there is one, rounded down."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
