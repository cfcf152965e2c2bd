"""`cqar watch`: changes as a resolver applies them, until Ctrl-C."""

from __future__ import annotations

import click
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from google.protobuf import json_format

from cqar.cli.target import Target, override
from cqar.cli.words import out, plain, print_json_line
from shared.entities import KIND_BY_NAME

VALUE_CHARS_MAX = 160


@click.command()
@click.option("--from", "position", default="", metavar="EPOCH:REVISION", help="Else: from now on.")
@click.option("--kind", "kinds", multiple=True, help="Only these; may be given several times.")
@click.option("--venue", "venues", multiple=True, help="Only at these; several times.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many change sets.")
@click.option("--json", "as_json", is_flag=True, help="A JSON document a line, heartbeats too.")
@override
def watch(
    target: Target,
    *,
    position: str,
    kinds: tuple[str, ...],
    venues: tuple[str, ...],
    count: int | None,
    as_json: bool,
) -> None:
    """Each change as a resolver applies it, until Ctrl-C.

    \b
    Examples:
      cqar watch --kind quality_flag
      cqar watch --from 1:100 --venue binance --json
    """
    epoch, revision = _position(position) if position else (0, 0)
    request = rpb.WatchRequest(from_revision=revision, epoch=epoch, kinds=kinds, venue_ids=venues)
    left = count
    with target.to_resolver() as connection:
        for response in connection.stream(connection.resolver.Watch, request):
            if as_json:
                print_json_line(response)
            if not response.HasField("change_set"):
                continue
            if not as_json:
                _show(response.change_set)
            left = left and left - 1
            if left == 0:
                return


def _position(text: str) -> tuple[int, int]:
    epoch, colon, revision = text.partition(":")
    if not (colon and epoch.isdigit() and revision.isdigit()):
        raise click.UsageError(f"--from is EPOCH:REVISION such as 1:42, not {text!r}")
    return int(epoch), int(revision)


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
    text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
    return f"{change.kind} {change.key} {text[:VALUE_CHARS_MAX]}"
