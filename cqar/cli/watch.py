"""`cqar watch`: prints changes as a resolver applies them, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb

from cqar.admin.connection import CallFailed
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import entity_of, plain_fields
from cqar.cli.output import print_json_line, say, to_stderr
from cqar.cli.param_types import PositionParam
from cqar.cli.target import Target, with_target
from cqar.sdk.session_position import Position
from cqar.sdk.watch_cursor import WatchCursor
from cqar_shared.domain.kinds import KIND_BY_NAME

#: A longer value of an entity is named but not shown; `--json` has all of it.
VALUE_CHARS_MAX: Final = 200
#: The command gives up after no response for this long.
RECONNECT_FOR_S: Final = 60.0


@click.command(cls=GroupedCommand)
@click.option(
    "--from",
    "start",
    type=PositionParam(),
    default=Position(0, 0),
    help="First revision; default: the next one.",
)
@click.option("--kind", "kinds", multiple=True, help="Only this kind; repeatable.")
@click.option(
    "--venue",
    "venues",
    multiple=True,
    help="Only this venue, its listings and its assets, and kinds of --kind; repeatable.",
)
@click.option("--count", type=click.IntRange(min=1), help="End after this many change sets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
@with_target
def watch(
    target: Target,
    *,
    start: Position,
    kinds: tuple[str, ...],
    venues: tuple[str, ...],
    count: int | None,
    as_json: bool,
) -> None:
    """Print each change as a resolver applies it, until Ctrl-C.

    A lost connection is retried for a minute and continues after the last change. With --json each
    line is an object. `change_set` has `changes`, each with kind, key, `deleted`, `archived` and
    the whole `entity`. `freshness` alone is sent once a second while nothing changes.

    \b
    Examples:
      cqar watch --kind quality_flag
      cqar watch --from 1:100 --venue binance --json
    """
    remaining = count
    for response in _follow(target, WatchCursor(start.revision, start.epoch, kinds, venues)):
        if as_json:
            print_json_line(document(response))
        if not response.HasField("change_set"):
            continue
        if not as_json:
            _show(response.change_set)
        remaining = remaining and remaining - 1
        if remaining == 0:
            return


def _follow(target: Target, cursor: WatchCursor) -> Iterator[rpb.WatchResponse]:
    """The responses of a resolver; a lost connection is replaced and continues at the cursor.

    Raises:
        CallFailed: the resolver refused, or none responded for a minute.
    """
    last_response_s = time.monotonic()
    while True:
        question = cursor.question()
        try:
            with target.to_resolver() as connection:
                for response in connection.stream(connection.resolver.Watch, question.request):
                    last_response_s = time.monotonic()
                    if cursor.advance(question.read(response)):
                        yield response
        except CallFailed as error:
            is_lost = error.code == "UNAVAILABLE" and cursor.is_begun
            if not is_lost or time.monotonic() - last_response_s > RECONNECT_FOR_S:
                raise
            to_stderr(f"{error}: continuing from {cursor}")
            time.sleep(cursor.pause_s())


def document(response: rpb.WatchResponse) -> dict[str, Any]:
    """A response as plain values, with decoded entities."""
    fields = plain_fields(response)
    if response.HasField("change_set"):
        fields["change_set"]["changes"] = [
            _change_document(change) for change in response.change_set.changes
        ]
    return fields


def _change_document(change: replication_pb2.Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "key": change.key,
        "deleted": change.deleted,
        "archived": change.archived,
        "entity": entity_of(change.kind, change.entity),
    }


def _show(change_set: replication_pb2.ChangeSet) -> None:
    when = change_set.committed_at.ToJsonString()
    reason = f": {change_set.reason}" if change_set.reason else ""
    title = f"{change_set.epoch}:{change_set.revision}  {when}  {change_set.actor}{reason}"
    say(title, bold=True)
    for change in change_set.changes:
        say(f"  {change_text(change)}")


def change_text(change: replication_pb2.Change) -> str:
    """A change on one line; values that are too long are only named."""
    subject = f"{change.kind} {change.key}"
    if change.deleted:
        return f"{subject} removed"
    if change.archived:
        return f"{subject} archived"
    entity = entity_of(change.kind, change.entity)
    kind = KIND_BY_NAME.get(change.kind)
    if kind is None or entity is None:
        return f"{subject} (of a later release)"
    values = {name: value for name, value in entity.items() if name not in kind.key}
    encoded = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
    too_long = [name for name, text in encoded.items() if len(text) > VALUE_CHARS_MAX]
    short = {name: value for name, value in values.items() if name not in too_long}
    text = f"{subject} {msgspec.json.encode(short).decode()}"
    return f"{text} not shown, too long: {', '.join(too_long)}; see --json" if too_long else text
