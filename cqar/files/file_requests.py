"""Sends what files change to the writer: judged first, then applied, as one revision if it fits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar.files.comparison import FileChange
from cqar.importer.apply import batches, item_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

#: One revision's; a change set of so many listings has half of what a message may have.
ITEMS_MAX: Final = 5_000


class JudgedChanges(NamedTuple):
    """What the writer says of changes.

    Attributes:
        changed: Those that change something, with what became of them.
        rejected: What is refused, for people, by the place in the files.
        revision: The registry's after them; zero of a dry run.
    """

    changed: list[tuple[FileChange, str]]
    rejected: list[str]
    revision: int


def ended(change: FileChange, registry: dict[tuple[str, str], Any], now: dt.datetime) -> FileChange:
    """A removal as it is done: a listing ends, and is not forgotten; all else is removed."""
    if change.kind is not VENUE_SYMBOL:
        return change
    listing: Any = entity_codec.from_message(VENUE_SYMBOL, registry[change.kind.name, change.key])
    if listing.delisted_at is not None and listing.delisted_at <= now:
        return change._replace(before=None)
    return change._replace(entity=msgspec.structs.replace(listing, delisted_at=now))


def judge(
    connection: Connection, changes: Sequence[FileChange], revision: int
) -> JudgedChanges | None:
    """Ask the writer what it would do; None where that is more than one request holds.

    Args:
        revision: What changed after it is refused.

    Raises:
        CallFailed: The writer refused the request as a whole, or did not answer.
    """
    parts = list(_parts(changes, revision))
    if len(parts) > 1:
        return None
    judged = JudgedChanges([], [], 0)
    for part, items in parts:
        request = pb.ApplyRequest(items=items, dry_run=True, historical=True)
        answer = connection.call(connection.admin.Apply, request)
        judged = _with_outcomes(judged, part, answer)
    return judged


def apply(
    connection: Connection,
    changes: Sequence[FileChange],
    revision: int,
    reason: str,
    progress: Callable[[int], None] = lambda _: None,
) -> JudgedChanges:
    """Apply changes: as one revision where they fit, else as several, until one is refused.

    Raises:
        CallFailed: The writer refused a request as a whole, or did not answer.
    """
    judged = JudgedChanges([], [], 0)
    for part, items in _parts(changes, revision):
        request = pb.ApplyRequest(items=items, historical=True)
        answer = connection.call(connection.admin.Apply, request, reason)
        told = _with_outcomes(judged, part, answer)
        if told.rejected:
            return judged._replace(rejected=told.rejected)
        judged = told._replace(revision=answer.revision)
        progress(len(items))
    return judged


def _parts(
    changes: Sequence[FileChange], revision: int
) -> Iterator[tuple[Sequence[FileChange], list[pb.ApplyItem]]]:
    """The changes with their items, as many together as one request holds."""
    done = 0
    for items in batches((_item(change, revision) for change in changes), ITEMS_MAX):
        yield changes[done : done + len(items)], items
        done += len(items)


def _item(change: FileChange, revision: int) -> pb.ApplyItem:
    """An entity that the writer is to find by what it is has no revision to compare."""
    if change.entity is None:
        ref = pb.EntityRef(kind=change.kind.name, key=change.key)
        return pb.ApplyItem(tombstone=ref, if_revision=revision)
    return item_of(change.kind, change.entity, revision)


def _with_outcomes(
    judged: JudgedChanges, part: Sequence[FileChange], answer: pb.ApplyResponse
) -> JudgedChanges:
    changed, rejected = [*judged.changed], [*judged.rejected]
    for change, outcome in zip(part, answer.outcomes, strict=True):
        status = pb.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
        place = change.place or f"{change.kind.name} {change.key}"
        if status == "REJECTED":
            rejected += [f"{place}: {v.field}: {v.message}" for v in outcome.violations]
        elif status != "UNCHANGED":
            changed.append((change, status))
    return JudgedChanges(changed, rejected, judged.revision)
