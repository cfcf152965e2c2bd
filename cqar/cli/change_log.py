"""`cqar log`: all changes of the registry, and new ones as they are committed."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any, Final

import click
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import entity_of
from cqar.cli.list_output import ListOptions, ListView, OutputRow, is_table, list_options, show_list
from cqar.cli.output import print_json_line, print_tsv_line, say, to_stderr
from cqar.cli.param_types import SinceParam
from cqar.cli.target import Target, with_target
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS

COLUMNS: Final = ("when", "revision", "who", "why", "what", "changes")
NEVER_HIDDEN: Final = ("when", "what", "changes")
#: Forms of a log that does not end.
FOLLOWED: Final = ("table", "tsv", "jsonl")
PAGE_ENTRIES: Final = 500
#: How often a follower asks, and for how long it bears that no writer answers.
POLL_S: Final = 0.5
RECONNECT_FOR_S: Final = 60.0
#: What is recorded beside other changes and read elsewhere: shown only if it is asked for.
_BESIDE: Final = frozenset(
    {"listing_source", "asset_price", "venue_facts", "api_key", "signing_key"}
)
_SHOWN: Final = tuple(k.name for k in KINDS if k.exported and k.name not in _BESIDE)


@click.command("log", cls=GroupedCommand)
@click.option("--since", type=SinceParam(), help="Only changes since then, such as 1d.")
@click.option("--until", type=SinceParam(), help="Only changes until then.")
@click.option("--actor", "actors", multiple=True, help="Only this actor's; repeatable.")
@click.option("--venue", "venues", multiple=True, help="Only what is this venue's; repeatable.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([*KIND_BY_NAME]),
    metavar="KIND",
    help="Only this kind, such as venue_symbol; repeatable.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
@click.option("--follow", is_flag=True, help="Go on with new changes, until Ctrl-C.")
@list_options
@with_target
def change_log(target: Target, *, listing: ListOptions, **options: Any) -> None:
    """Show who changed what, when and why; the newest first.

    Sources, prices and keys are shown only if --kind names them.

    With --follow the order is that of the changes: those asked for, then each new one as it is
    committed. JSON has entities whole, before and after.

    \b
    Examples:
      cqar log --since 1d
      cqar log --venue binance --kind venue_symbol --limit 500 -o tsv
      cqar log --follow -o jsonl
    """
    follow, form = options["follow"], "table" if is_table(listing) else listing.form or "tsv"
    if follow and (form not in FOLLOWED or listing.sort or listing.quiet or listing.columns):
        text = "--follow never ends: give it with -o jsonl, tsv or table, and nothing else of lists"
        raise click.UsageError(text)
    with target.to_writer() as connection:
        # The head first: what is committed in between is followed.
        head = _head(connection)
        method, limit = connection.admin.ListChanges, options["limit"]
        rows = min(limit, PAGE_ENTRIES)
        found = pagination.entities(connection, method, _request(options), "changes", rows)
        changes = list(islice(found, limit))
    if not follow:
        listed = [OutputRow(row_of(change), document(change)) for change in changes]
        title = f"{len(changes)} changes, the newest first"
        show_list(ListView(title, COLUMNS, listed, NEVER_HIDDEN, "no changes."), listing)
        return
    for change in reversed(changes):
        _print(change, form)
    _follow(target, _request(options), max(_last(changes), head), form)


def _request(options: dict[str, Any]) -> pb.ListChangesRequest:
    request = pb.ListChangesRequest(
        actors=options["actors"], kinds=options["kinds"] or _SHOWN, venue_ids=options["venues"]
    )
    for name in ("since", "until"):
        if options[name] is not None:
            getattr(request, name).FromDatetime(options[name])
    return request


def _head(connection: Connection) -> int:
    revision: int = connection.call(connection.admin.GetHead, pb.GetHeadRequest()).head.revision
    return revision


def _last(changes: list[pb.LoggedChange]) -> int:
    return max((change.entry.revision for change in changes), default=0)


def _follow(target: Target, request: pb.ListChangesRequest, after: int, form: str) -> None:
    """Print new changes as they are committed; a writer that is away is asked again for a minute.

    Raises:
        CallFailed: A writer refused, or none answered for a minute.
    """
    request.ClearField("since")
    request.page_size = PAGE_ENTRIES
    request.after_revision = after
    answered_s = time.monotonic()
    while True:
        try:
            with target.to_writer() as connection:
                while True:
                    answer = connection.call(connection.admin.ListChanges, request)
                    answered_s = time.monotonic()
                    for change in answer.changes:
                        _print(change, form)
                    request.page_token = answer.next_page_token
                    if not answer.next_page_token:
                        request.after_revision = max(answer.revision, request.after_revision)
                        time.sleep(POLL_S)
        except CallFailed as error:
            is_away = error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
            if not is_away or time.monotonic() - answered_s > RECONNECT_FOR_S:
                raise
            to_stderr(f"{error}: going on after revision {request.after_revision}")
            # The page is read again from its beginning: a token is good at any writer.
            time.sleep(POLL_S)


def _print(change: pb.LoggedChange, form: str) -> None:
    if form == "jsonl":
        print_json_line(document(change))
    elif form == "tsv":
        print_tsv_line(row_of(change))
    else:
        when, revision, who, why, what, changes = row_of(change)
        reason = f" ({why})" if why else ""
        say(f"{when}  {revision}  {who}{reason}  {what}  {changes}")


def row_of(change: pb.LoggedChange) -> tuple[str, ...]:
    """A change as one row; see COLUMNS."""
    entry = change.entry
    return (
        entry.committed_at.ToJsonString(),
        f"{entry.epoch}:{entry.revision}",
        entry.actor,
        entry.reason,
        f"{change.entity.kind} {subject_of(change)}",
        changes_text(change),
    )


def subject_of(change: pb.LoggedChange) -> str:
    """What people call what was changed."""
    label = change.label or change.entity.key
    is_the_venue = change.entity.kind == "venue"
    return label if is_the_venue or not change.venue_id else f"{change.venue_id}/{label}"


def changes_text(change: pb.LoggedChange) -> str:
    """What became of it, on one line."""
    if not change.entry.after:
        return "removed"
    if not change.entry.before:
        return "added"
    kept = ("updated_at", "created_at")
    return "; ".join(
        f"{d.field} {d.before or 'none'} → {d.after or 'none'}"
        for d in change.entry.differences
        if d.field not in kept
    )


def document(change: pb.LoggedChange) -> dict[str, Any]:
    """A change as plain values, with decoded entities."""
    entry = change.entry
    return {
        "epoch": entry.epoch,
        "revision": entry.revision,
        "committed_at": entry.committed_at.ToJsonString(),
        "actor": entry.actor,
        "reason": entry.reason,
        "request_id": entry.request_id,
        "kind": change.entity.kind,
        "key": change.entity.key,
        "venue_id": change.venue_id or None,
        "label": change.label or None,
        "before": entity_of(change.entity.kind, entry.before),
        "after": entity_of(change.entity.kind, entry.after),
        "differences": [
            {"field": d.field, "before": d.before, "after": d.after} for d in entry.differences
        ],
    }
