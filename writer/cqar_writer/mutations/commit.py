"""Builds the revision of a judged request and writes its rows; the caller commits.

`build_revision` is pure: it encodes each changed entity, moves the count and the set hash on from
the head's, and seals the change set with its domain events. `write_tables` runs it in a thread
while PostgreSQL saves the relational rows; `append_revision` then saves the rest in one statement.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec, events
from cqar_shared.domain.evaluation import REFERRED_TO, Outcome
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.kinds.venue_symbol import sets_terms
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import FieldViolation, Invalid
from cqar_shared.replication import positions
from cqar_shared.runtime.event_loop import is_long, run_off_loop
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import finding_rows, outbox, session_keepalive, writes
from cqar_writer.store.saved_entities import CurrentRow, SavedEntities

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes something, why, in which request, and in which trace if it is traced."""

    actor: str
    reason: str = ""
    request_id: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class AppliedMutation:
    """The result of a request. Nothing was committed if `committed` is false."""

    outcomes: list[Outcome]
    epoch: int
    revision: int
    committed: bool
    #: The stored answer of an earlier request with the same idempotency key; no outcomes then.
    replay: bytes | None = None
    #: The encoded answer to this request.
    answer: bytes = b""


#: Encodes an answer before anything is committed: if it raises, nothing is.
EncodeAnswer = Callable[[AppliedMutation], bytes]


def no_answer(_: AppliedMutation) -> bytes:
    return b""


class JudgedRequest(NamedTuple):
    """A request after its items were judged.

    Attributes:
        outcomes: One for each item.
        changing: The outcomes that change an entity, and entities that are unarchived with them.
        working_set: What the items were judged by.
    """

    outcomes: list[Outcome]
    changing: list[Outcome]
    working_set: WorkingSet
    cause: Cause


class BuiltRevision(NamedTuple):
    """A revision that is not written yet.

    Attributes:
        row: Its outbox row, not signed.
        payloads: Each changing entity, encoded; empty for a removed one.
    """

    row: OutboxRow
    payloads: list[bytes]
    applied: AppliedMutation


async def with_answer(applied: AppliedMutation, encode_answer: EncodeAnswer) -> AppliedMutation:
    answer = await run_off_loop(is_long(applied.outcomes), encode_answer, applied)
    return replace(applied, answer=answer)


@contextmanager
def constraints_as_violations() -> Iterator[None]:
    """Tell a constraint that refuses what the rules accepted as a violation.

    Raises:
        Invalid: a constraint refused; the deferred ones do so at the commit.
    """
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise _unexpected_violation(error) from error


async def write_tables(
    tx: AsyncConnection, head: HeadRow, judged: JudgedRequest, encode_answer: EncodeAnswer
) -> BuiltRevision:
    """Build the next revision, and write the rows of the kinds' tables.

    Raises:
        TooLarge: the change set or the answer is too large.
    """
    building = run_off_loop(is_long(judged.outcomes), build_revision, head, judged, encode_answer)
    saving = _save_tables(tx, judged.changing)
    return await session_keepalive.run_concurrently(tx, building, saving)


def build_revision(
    head: HeadRow, judged: JudgedRequest, encode_answer: EncodeAnswer
) -> BuiltRevision:
    """Build the revision after `head`, and the answer to its request.

    Raises:
        TooLarge: the change set or the answer is too large.
    """
    working_set, cause, number = judged.working_set, judged.cause, head.revision + 1
    context = events.EventContext(head.epoch, number, working_set.now, cause.actor, cause.reason)
    change_set = replication_pb2.ChangeSet(
        epoch=head.epoch,
        revision=number,
        actor=cause.actor,
        reason=cause.reason,
        request_id=cause.request_id,
        traceparent=cause.traceparent,
    )
    change_set.committed_at.FromDatetime(working_set.now)
    announced = replication_pb2.DomainEvents()
    live, set_hash = head.live_count, positions.set_hash_from(head.set_hash)
    changing = judged.changing
    payloads = [entity_codec.encode(o.kind, o.after) if o.after else b"" for o in changing]
    for index, (outcome, payload) in enumerate(zip(changing, payloads, strict=True)):
        kind, key = outcome.kind, outcome.key
        stored = working_set.stored((kind.name, key))
        # An archived entity is neither counted nor hashed.
        if stored is not None and stored.exists and not stored.archived:
            set_hash -= positions.hash_of(kind.name, key, stored.payload)
            live -= 1
        if outcome.after is not None and kind.resident:
            set_hash += positions.hash_of(kind.name, key, payload)
            live += 1
        change_set.changes.add(
            kind=kind.name,
            key=key,
            entity=payload,
            deleted=outcome.after is None,
            archived=outcome.after is not None and not kind.resident,
            past=[entity_codec.encode(kind, one) for one in outcome.past],
        )
        if outcome.before != outcome.after:
            last = payload or (stored.payload if stored else b"")
            event = events.event_of(kind, outcome.before, outcome.after, last, context, index)
            if event is not None:
                announced.events.append(event)
    row = revision_rows.build_revision(head, change_set, announced, live, set_hash, working_set.now)
    applied = AppliedMutation(judged.outcomes, row.epoch, row.revision, committed=True)
    return BuiltRevision(row, payloads, replace(applied, answer=encode_answer(applied)))


async def _save_tables(tx: AsyncConnection, changing: list[Outcome]) -> None:
    """Save the rows of the kinds' tables, whose immediate constraints are checked here."""
    saved: defaultdict[str, list[Entity]] = defaultdict(list)
    removed: defaultdict[str, list[Entity]] = defaultdict(list)
    for outcome in changing:
        if outcome.after is not None:
            saved[outcome.kind.name].append(outcome.after)
        elif outcome.before is not None:
            removed[outcome.kind.name].append(outcome.before)
    # In the order in which the items were judged: a removal makes room for its replacement.
    for kind in reversed(KINDS):
        if kind.name not in REFERRED_TO:
            await writes.remove(tx, kind, removed[kind.name])
    for kind in KINDS:
        await writes.save(tx, kind, saved[kind.name])
    for kind in reversed(KINDS):
        if kind.name in REFERRED_TO:
            await writes.remove(tx, kind, removed[kind.name])
    found: list[Any] = [(o.before, o.after) for o in changing if o.kind is FINDING]
    await finding_rows.count_changes(tx, found)


async def append_revision(
    tx: AsyncConnection,
    head: HeadRow,
    row: OutboxRow,
    changing: list[Outcome],
    payloads: Sequence[bytes],
) -> None:
    """Append a revision to the outbox, with the encoded entities and new listing terms."""
    entities = await session_keepalive.run(
        tx, is_long(changing), _saved_entities, row.revision, changing, payloads
    )
    await outbox.advance(tx, row, head, entities)


def _saved_entities(
    revision: int, changing: list[Outcome], payloads: Sequence[bytes]
) -> SavedEntities:
    encoded = list(zip(changing, payloads, strict=True))
    rows = [
        CurrentRow(
            *(o.kind.name, o.key, revision, payload),
            deleted=o.after is None,
            archived=o.after is not None and not o.kind.resident,
        )
        for o, payload in encoded
    ]
    dated = [(payload, o.after) for o, payload in encoded if sets_terms(o.before, o.after)]
    past = [(entity_codec.encode(o.kind, one), one) for o in changing for one in o.past]
    return SavedEntities(rows, [*past, *dated])


def _unexpected_violation(error: sa.exc.IntegrityError) -> Invalid:
    """Map a violated constraint that a rule should have reported first."""
    name = writes.constraint_name(error)
    log.error("constraint %s refused what the rules accepted: %s", name, error.orig)
    return Invalid([FieldViolation("", name.upper() or "CONSTRAINT", "the database refuses it")])
