"""`cqar watch`: changes as a resolver applies them, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb

from cqar.admin.connection import CallFailed
from cqar.cli.json_entities import entity_of, plain_fields
from cqar.cli.output import print_json_line, say, to_stderr
from cqar.cli.param_types import At
from cqar.cli.target import Target, override
from cqar.sdk.session_position import Position
from cqar.sdk.watch_cursor import WatchCursor
from cqar_shared.domain.kinds import KIND_BY_NAME

#: A longer value of an entity is named and not shown; `--json` has all of it.
VALUE_CHARS_MAX: Final = 200
#: A resolver that is lost for longer is not waited for.
LOST_S: Final = 60.0


@click.command()
@click.option("--from", "since", type=At(), default=Position(0, 0), help="Default: from now on.")
@click.option("--kind", "kinds", multiple=True, help="Only these; may be given several times.")
@click.option(
    "--venue",
    "venues",
    multiple=True,
    help="Only these venues, their listings and their assets, and kinds of --kind; several times.",
)
@click.option("--count", type=click.IntRange(min=1), help="End after so many change sets.")
@click.option("--json", "as_json", is_flag=True, help="A JSON document a line, heartbeats too.")
@override
def watch(
    target: Target,
    *,
    since: Position,
    kinds: tuple[str, ...],
    venues: tuple[str, ...],
    count: int | None,
    as_json: bool,
) -> None:
    """Each change as a resolver applies it, until Ctrl-C.

    A connection that is lost is made again for a minute, from what came last. With --json each line
    is an object: `change_set`, whose `changes` say kind, key, whether it is `deleted` or
    `archived`, and the whole `entity`; or `freshness` alone, once a second where nothing changes.

    \b
    Examples:
      cqar watch --kind quality_flag
      cqar watch --from 1:100 --venue binance --json
    """
    left = count
    for response in _responses(target, WatchCursor(since.revision, since.epoch, kinds, venues)):
        if as_json:
            print_json_line(document(response))
        if not response.HasField("change_set"):
            continue
        if not as_json:
            _show(response.change_set)
        left = left and left - 1
        if left == 0:
            return


def _responses(target: Target, cursor: WatchCursor) -> Iterator[rpb.WatchResponse]:
    """What a resolver tells; where a connection is lost, from there on by another one.

    Raises:
        CallFailed: Refused, or no resolver was there for a minute.
    """
    heard_s = time.monotonic()
    while True:
        question = cursor.question()
        try:
            with target.to_resolver() as connection:
                for response in connection.stream(connection.resolver.Watch, question.request):
                    heard_s = time.monotonic()
                    if cursor.advance(question.read(response)):
                        yield response
        except CallFailed as error:
            is_lost = error.code == "UNAVAILABLE" and cursor.is_begun
            if not is_lost or time.monotonic() - heard_s > LOST_S:
                raise
            to_stderr(f"{error}: going on from {cursor}")
            time.sleep(cursor.pause_s())


def document(response: rpb.WatchResponse) -> dict[str, Any]:
    """What is told, as one object: entities decoded, their ends and archiving marked."""
    told = plain_fields(response)
    if response.HasField("change_set"):
        told["change_set"]["changes"] = [_decoded(c) for c in response.change_set.changes]
    return told


def _decoded(change: replication_pb2.Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "key": change.key,
        "deleted": change.deleted,
        "archived": change.archived,
        "entity": entity_of(change.kind, change.entity),
    }


def _show(change_set: replication_pb2.ChangeSet) -> None:
    when = change_set.committed_at.ToJsonString()
    why = f": {change_set.reason}" if change_set.reason else ""
    title = f"{change_set.epoch}:{change_set.revision}  {when}  {change_set.actor}{why}"
    say(title, bold=True)
    for change in change_set.changes:
        say(f"  {said(change)}")


def said(change: replication_pb2.Change) -> str:
    """A change in a line: each value whole, or its field named as not shown."""
    if change.deleted:
        return f"{change.kind} {change.key} removed"
    if change.archived:
        return f"{change.kind} {change.key} archived"
    entity = entity_of(change.kind, change.entity)
    kind = KIND_BY_NAME.get(change.kind)
    if kind is None or entity is None:
        return f"{change.kind} {change.key} (of a later release)"
    # The key stands before it.
    values = {name: value for name, value in entity.items() if name not in kind.key}
    encoded = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
    left_out = [name for name, text in encoded.items() if len(text) > VALUE_CHARS_MAX]
    shown = {name: value for name, value in values.items() if name not in left_out}
    text = f"{change.kind} {change.key} {msgspec.json.encode(shown).decode()}"
    return f"{text} not shown, too long: {', '.join(left_out)}; see --json" if left_out else text
