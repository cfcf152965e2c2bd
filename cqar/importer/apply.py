"""Sends entities to the writer, in batches that one revision can carry."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FINDING, Finding
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

if TYPE_CHECKING:
    from cqar.importer.plan import Plan

#: A change set holds 8 MiB, 900 KiB compressed; a thousand listings are 600 KiB, and 100 KiB.
BATCH_ITEMS: Final = 1_000
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
#: A listing has a finding of each kind at most.
GROUP_ITEMS_MAX: Final = 100


class RejectedRecord(NamedTuple):
    """What is not imported, and why."""

    spelling: str
    reason: str


class ApplyResult(NamedTuple):
    """Counts of what the writer did with the sent entities, and what it rejected.

    Attributes:
        revision: The registry's after it; 0: nothing was sent.
        commits: How many revisions it made.
    """

    created: int
    updated: int
    unchanged: int
    rejected: list[RejectedRecord]
    revision: int
    commits: int = 0


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
    now = entities_of(plan)
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
    commits = told.commits + older.commits
    return ApplyResult(counts[0], counts[1], counts[2], rejected, older.revision, commits)


def entities_of(plan: Plan) -> list[tuple[AnyKind, Entity]]:
    """What a plan stores now, in its order: findings beside the listings that they are about.

    The venue's own notes and facts come last: an import that was interrupted is then done again as
    it was, and is not taken for whole.
    """
    about: dict[str | None, list[tuple[AnyKind, Entity]]] = defaultdict(list)
    for finding in (*plan.findings, *plan.superseded):
        about[finding.listing_id or finding.asset_id].append((FINDING, finding))
    new, codes = _codes_of_new_assets(plan)
    for asset_id, held in codes.items():
        about[asset_id] = [*held, *about[asset_id]]
    beside = {VENUE_ASSET.key_of(entity) for held in codes.values() for _, entity in held}
    entities: list[tuple[AnyKind, Entity]] = []
    last: list[tuple[AnyKind, Entity]] = []
    for outcome in plan.changes:
        is_beside = outcome.kind is VENUE_ASSET and outcome.key in beside
        if outcome.after is not None and not is_beside:
            (last if outcome.kind is VENUE else entities).append((outcome.kind, outcome.after))
            if outcome.kind is VENUE_SYMBOL or outcome.key in new:
                entities += about.pop(outcome.key, ())
    if plan.facts is not None:
        last.append((VENUE_FACTS, plan.facts))
    return [*entities, *(pair for pairs in about.values() for pair in pairs), *last]


def _codes_of_new_assets(plan: Plan) -> tuple[set[str], dict[str, list[tuple[AnyKind, Entity]]]]:
    """New assets, and of each the venue's codes, which come with it.

    Whoever goes on with an interrupted import would else ask whether the code is that very asset.
    A code that is another asset's until this plan ends that stays behind that end.
    """
    ended = {code for o in plan.changes if o.kind is VENUE_ASSET for code in _codes(o.before)}
    new = {outcome.key for outcome in plan.changes if outcome.kind is ASSET and not outcome.before}
    codes: dict[str, list[tuple[AnyKind, Entity]]] = defaultdict(list)
    for outcome in plan.changes:
        held: Any = outcome.after
        is_new = outcome.kind is VENUE_ASSET and held is not None and held.asset_id in new
        if is_new and ended.isdisjoint(held.codes):
            codes[held.asset_id].append((VENUE_ASSET, held))
    return new, codes


def _codes(held: Any) -> tuple[str, ...]:
    return tuple(held.codes) if held is not None else ()


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
    revision = commits = 0
    for request in requests:
        answer = connection.call(connection.admin.Apply, request, reason)
        revision = answer.revision
        commits += answer.committed
        for outcome in answer.outcomes:
            status = pb.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
            # How current the registry is does not change what it says.
            counts[status] += outcome.entity.kind != VENUE_FACTS.name
            if status == "REJECTED":
                reasons = "; ".join(f"{v.field}: {v.message}" for v in outcome.violations)
                key = f"{outcome.entity.kind} {outcome.entity.key}"
                rejected.append(RejectedRecord(key, reasons))
        progress(len(request.items))
    return ApplyResult(
        counts["CREATED"], counts["UPDATED"], counts["UNCHANGED"], rejected, revision, commits
    )


def send_finding(connection: Connection, finding: Finding, reason: str) -> ApplyResult:
    """Send one finding by itself: that of an import that is refused.

    Raises:
        CallFailed: The writer refused it or did not answer.
    """
    return apply_entities(connection, [(FINDING, finding)], reason)


def item_of(kind: AnyKind, entity: Entity, if_revision: int | None) -> pb.ApplyItem:
    message: Any = entity_codec.to_message(kind, entity)
    return pb.ApplyItem(**{kind.name: message}, if_revision=if_revision)


def batches(
    items: Iterable[pb.ApplyItem], items_max: int = BATCH_ITEMS
) -> Iterator[list[pb.ApplyItem]]:
    """Yield them all in order, as many together as one revision carries.

    A finding goes with the listing that it follows: nothing is doubted that nobody can decide.
    """
    batch: list[pb.ApplyItem] = []
    left_bytes = BATCH_BYTES_MAX
    for group in _groups(items):
        size = sum(item.ByteSize() for item in group)
        if batch and (len(batch) + len(group) > items_max or size > left_bytes):
            yield batch
            batch, left_bytes = [], BATCH_BYTES_MAX
        batch += group
        left_bytes -= size
    if batch:
        yield batch


def _groups(items: Iterable[pb.ApplyItem]) -> Iterator[list[pb.ApplyItem]]:
    """Each item with the codes and findings about it that follow it, a hundred at most."""
    group: list[pb.ApplyItem] = []
    key = ""
    for item in items:
        about = _about(item)
        if not (about and about == key and len(group) < GROUP_ITEMS_MAX):
            if group:
                yield group
            group, key = [], item.venue_symbol.listing_id or item.asset.asset_id
        group.append(item)
    if group:
        yield group


def _about(item: pb.ApplyItem) -> str:
    """The listing or the asset that an item goes with; empty: it stands alone."""
    if item.HasField("finding"):
        return item.finding.listing_id or item.finding.asset_id
    return item.venue_asset.asset_id if item.HasField("venue_asset") else ""
