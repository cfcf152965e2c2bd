"""`cqar watch`: changes as a resolver applies them, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click
import msgspec
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from google.protobuf import json_format

from cqar.cli.target import Target, override
from cqar.cli.typed import At
from cqar.cli.words import out, plain, print_json_line, to_stderr
from cqar.connection import CallFailed
from cqar.position import Position
from cqar.watching import Place
from shared.entities import KIND_BY_NAME

#: What people see of an entity; `--json` has all of it.
VALUE_CHARS_MAX = 600
#: A resolver that is lost for longer is not waited for.
LOST_S = 60.0


@click.command()
@click.option("--from", "since", type=At(), default=Position(0, 0), help="Default: from now on.")
@click.option("--kind", "kinds", multiple=True, help="Only these; may be given several times.")
@click.option("--venue", "venues", multiple=True, help="Only at these; several times.")
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

    A connection that is lost is made again for a minute, from what came last.

    \b
    Examples:
      cqar watch --kind quality_flag
      cqar watch --from 1:100 --venue binance --json
    """
    left = count
    for response in _responses(target, Place(since.revision, since.epoch, kinds, venues)):
        if as_json:
            print_json_line(response)
        if not response.HasField("change_set"):
            continue
        if not as_json:
            _show(response.change_set)
        left = left and left - 1
        if left == 0:
            return


def _responses(target: Target, place: Place) -> Iterator[rpb.WatchResponse]:
    """What a resolver tells; where a connection is lost, from there on by another one.

    Raises:
        CallFailed: Refused, or no resolver was there for a minute.
    """
    heard_s = time.monotonic()
    while True:
        question = place.question()
        try:
            with target.to_resolver() as connection:
                for response in connection.stream(connection.resolver.Watch, question.request):
                    heard_s = time.monotonic()
                    place.told(question.read(response))
                    yield response
        except CallFailed as error:
            is_lost = error.code == "UNAVAILABLE" and place.is_begun
            if not is_lost or time.monotonic() - heard_s > LOST_S:
                raise
            to_stderr(f"{error}: going on from {place}")
            time.sleep(place.pause_s())


def _show(change_set: replication_pb2.ChangeSet) -> None:
    when = change_set.committed_at.ToJsonString()
    why = f": {change_set.reason}" if change_set.reason else ""
    title = f"{change_set.epoch}:{change_set.revision}  {when}  {change_set.actor}{why}"
    out.print(plain(title), markup=False, style="bold", soft_wrap=True)
    for change in change_set.changes:
        out.print(plain(f"  {_said(change)}"), markup=False, soft_wrap=True)


def _said(change: replication_pb2.Change) -> str:
    if change.deleted:
        return f"{change.kind} {change.key} removed"
    if change.archived:
        return f"{change.kind} {change.key} archived"
    kind = KIND_BY_NAME.get(change.kind)
    if kind is None:
        return f"{change.kind} {change.key} (of a later release)"
    message = kind.message.FromString(change.entity)
    stated = json_format.MessageToDict(message, preserving_proto_field_name=True)
    exact = stated.get("exact", {})
    # The key stands before it, and doubles beside the exact decimals say nothing more.
    said = {name: value for name, value in stated.items() if name not in (*kind.key, *exact)}
    text = msgspec.json.encode(said).decode()
    cut = f"{text[:VALUE_CHARS_MAX]}…" if len(text) > VALUE_CHARS_MAX else text
    return f"{change.kind} {change.key} {cut}"
