"""`cqar undo`: makes what a revision changed as it was before; the log keeps both."""

from __future__ import annotations

from typing import Any, Final

import click
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.change_flow import (
    ChangeOptions,
    change_options,
    report,
    require_answer,
    show_ask_apply,
)
from cqar.cli.change_log import changes_text, subject_of
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import table
from cqar.cli.target import Target, with_target
from cqar.sdk.changes import MESSAGES

#: Changes of one revision that one command takes back: what one request may change.
CHANGES_MAX: Final = 5_000
#: Kinds that are never as they were: a revoked key stays revoked, and a decision taken.
_FINAL: Final = frozenset({"api_key", "signing_key", "finding"})


@click.command(cls=GroupedCommand)
@click.argument("revision", type=click.IntRange(1, 2**63 - 1))
@change_options
@with_target
def undo(target: Target, revision: int, *, how: ChangeOptions) -> None:
    """Take back what REVISION changed, in a new revision; `cqar log` shows the revisions.

    What was added is removed, what was removed is added, and what was changed is as it was. It is
    refused if anything of it changed since, or if a rule forbids the way back.

    \b
    Example:
      cqar undo 42 --reason "the wrong listing" --plan
    """
    require_answer(how)
    with target.to_writer() as connection:
        changes = _changes_of(connection, revision)
        items = [_item(change) for change in reversed(changes)]
        request = pb.ApplyRequest(items=items, historical=True)

        def attempt(*, dry_run: bool) -> pb.ApplyResponse:
            request.dry_run = dry_run
            return connection.apply(request, how.reason, "undo")

        def show(_: pb.ApplyResponse) -> None:
            columns = ("kind", "what", "it was", "by", "reason")
            table(f"To be taken back: revision {revision}", columns, map(_row, changes))

        question = f"Revision {revision} will be taken back. Continue?"
        response = show_ask_apply(how, attempt, show, question)
    report(how, response, f"taken back, revision {response.revision}.")


def _changes_of(connection: Connection, revision: int) -> list[Any]:
    """The changes of a revision.

    Raises:
        CallFailed: No change has the revision, or it is too large or of a kind that stays.
    """
    request = pb.ListChangesRequest(after_revision=revision - 1)
    found: list[Any] = []
    while True:
        response = connection.call(connection.admin.ListChanges, request)
        mine = [each for each in response.changes if each.entry.revision == revision]
        found += mine
        is_over = len(mine) < len(response.changes) or not response.next_page_token
        if is_over or len(found) > CHANGES_MAX:
            break
        request.page_token = response.next_page_token
    if not found:
        text = f"revision {revision} changed nothing that can be taken back: see cqar log"
        raise CallFailed(text, "NOT_FOUND", "REVISION_NOT_FOUND")
    if len(found) > CHANGES_MAX:
        text = f"revision {revision} has more than {CHANGES_MAX} changes"
        raise CallFailed(f"{text}: use cqar export --as-of and cqar apply", "FAILED_PRECONDITION")
    if final := sorted({change.entity.kind for change in found} & _FINAL):
        text = f"revision {revision} changed {', '.join(final)}: that is never taken back"
        raise CallFailed(text, "FAILED_PRECONDITION")
    return found


def _item(change: Any) -> pb.ApplyItem:
    """What makes an entity as it was, unless it changed since."""
    entry, entity = change.entry, change.entity
    # The revision that made it is the last one that may have touched it.
    item = pb.ApplyItem(if_revision=entry.revision)
    if not entry.before:
        item.tombstone.CopyFrom(entity)
        return item
    before: Any = MESSAGES[entity.kind].FromString(entry.before)
    getattr(item, entity.kind).CopyFrom(before)
    return item


def _row(change: Any) -> tuple[str, ...]:
    entry = change.entry
    return change.entity.kind, subject_of(change), changes_text(change), entry.actor, entry.reason
