"""Sends entities to the writer, in batches that one revision can carry."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity

if TYPE_CHECKING:
    from cqar.importer.plan import Plan

#: A change set holds 8 MiB, 900 KiB compressed; a thousand listings are 600 KiB, and 100 KiB.
BATCH_ITEMS: Final = 1_000
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024


class RejectedRecord(NamedTuple):
    """What is not imported, and why."""

    spelling: str
    reason: str


class ApplyResult(NamedTuple):
    """Counts of what the writer did with the sent entities, and what it rejected."""

    created: int
    updated: int
    unchanged: int
    rejected: list[RejectedRecord]
    revision: int


def apply_plan(
    connection: Connection,
    plan: Plan,
    reason: str,
    revision: int,
    as_of: dt.datetime | None,
    progress: Callable[[int], None] = lambda _: None,
) -> ApplyResult:
    """Apply what is now, and behind it what an older answer says of its time.

    Args:
        revision: The registry's, for which the plan was made.
        as_of: The instant of the answers, where that is not the present.

    Raises:
        CallFailed: The writer refused a whole batch or did not answer.
    """
    now = [(o.kind, o.after) for o in plan.changes if o.after is not None]
    told = apply_entities(connection, now, reason, progress, revision, plan.changes_at or as_of)
    again = min(plan.stated_again, told.updated)
    told = told._replace(updated=told.updated - again, unchanged=told.unchanged + again)
    past = [(o.kind, o.past[0] if o.past else o.after) for o in plan.past if o.after is not None]
    if not past:
        return told
    known = max(told.revision, revision)
    older = apply_entities(connection, past, reason, progress, known, plan.at)
    counts = [a + b for a, b in zip(told[:3], older[:3], strict=True)]
    rejected = [*told.rejected, *older.rejected]
    return ApplyResult(counts[0], counts[1], counts[2], rejected, older.revision)


def apply_entities(
    connection: Connection,
    entities: Sequence[tuple[AnyKind, Entity]],
    reason: str,
    progress: Callable[[int], None] = lambda _: None,
    if_revision: int | None = None,
    as_of: dt.datetime | None = None,
) -> ApplyResult:
    """Upsert entities in the given order; rejected ones are reported and stop nothing.

    Args:
        progress: Called with the number of items done after each batch.
        if_revision: What changed after it is rejected, not overwritten.
        as_of: Since when listings' terms are so; None: now. What is so already is noted then, too.

    Raises:
        CallFailed: The writer refused a whole batch or did not answer.
    """
    items = (item_of(kind, entity, if_revision) for kind, entity in entities)
    return apply_requests(connection, _requests(items, as_of), reason, progress)


def _requests(
    items: Iterable[pb.ApplyItem], as_of: dt.datetime | None
) -> Iterator[pb.ApplyRequest]:
    for batch in batches(items):
        request = pb.ApplyRequest(items=batch, skip_rejected=True, historical=True)
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
            request.confirms = True
        yield request


def apply_requests(
    connection: Connection,
    requests: Iterable[pb.ApplyRequest],
    reason: str,
    progress: Callable[[int], None] = lambda _: None,
) -> ApplyResult:
    """Send requests in their order, and count what became of their items.

    Raises:
        CallFailed: The writer refused a whole request or did not answer.
    """
    counts: Counter[str] = Counter()
    rejected: list[RejectedRecord] = []
    revision = 0
    for request in requests:
        answer = connection.call(connection.admin.Apply, request, reason)
        revision = answer.revision
        for outcome in answer.outcomes:
            status = pb.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
            counts[status] += 1
            if status == "REJECTED":
                reasons = "; ".join(f"{v.field}: {v.message}" for v in outcome.violations)
                key = f"{outcome.entity.kind} {outcome.entity.key}"
                rejected.append(RejectedRecord(key, reasons))
        progress(len(request.items))
    return ApplyResult(
        counts["CREATED"], counts["UPDATED"], counts["UNCHANGED"], rejected, revision
    )


def item_of(kind: AnyKind, entity: Entity, if_revision: int | None) -> pb.ApplyItem:
    message: Any = entity_codec.to_message(kind, entity)
    return pb.ApplyItem(**{kind.name: message}, if_revision=if_revision)


def batches(items: Iterable[pb.ApplyItem]) -> Iterator[list[pb.ApplyItem]]:
    """Yield them all in order, as many together as one revision carries."""
    batch: list[pb.ApplyItem] = []
    left_bytes = BATCH_BYTES_MAX
    for item in items:
        size = item.ByteSize()
        if batch and (len(batch) == BATCH_ITEMS or size > left_bytes):
            yield batch
            batch, left_bytes = [], BATCH_BYTES_MAX
        batch.append(item)
        left_bytes -= size
    if batch:
        yield batch
