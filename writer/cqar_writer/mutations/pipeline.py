"""How anything changes: one transaction, one revision, one change set.

The head's row lock is taken first, so mutations are serial and rules that look at several
entities cannot race. READ COMMITTED suffices behind it: nobody else commits meanwhile.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec import entity_codec, events
from cqar_shared.domain.evaluation import REFERRED_TO, Batch, Item, Outcome, Result
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.venue_symbol import sets_terms
from cqar_shared.domain.rules import CLOCKS_APART
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import FieldViolation, Invalid, ServiceNotReady, TooLarge
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition
from cqar_shared.rpc import request_limits
from cqar_shared.runtime.event_loop import is_long, run_off_loop
from cqar_writer.database import confirmed_commit
from cqar_writer.database.epoch_lock import Epochs, ReadTail, no_tail
from cqar_writer.database.head_signer import Signer
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations import evaluate, stored_answers
from cqar_writer.mutations.idempotency import IdempotencyKey, require_same
from cqar_writer.mutations.unarchive import revived
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import entity_rows, outbox, session_keepalive, writes
from cqar_writer.store.writes import CurrentRow

log = logging.getLogger(__name__)

ITEMS_MAX: Final = request_limits.ITEMS_MAX

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes something, why, in which request, and in which trace if that is traced."""

    actor: str
    reason: str = ""
    request_id: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class AppliedMutation:
    """What became of a request. Nothing was committed if `committed` is false."""

    outcomes: list[Outcome]
    epoch: int
    revision: int
    committed: bool
    #: The answer that an earlier request of the same idempotency key got; no outcomes then.
    replay: bytes | None = None
    #: What the request's `answer` made of this.
    answer: bytes = b""


#: Makes an answer before anything is committed: where it raises, nothing is.
Answer = Callable[[AppliedMutation], bytes]


def unanswered(_: AppliedMutation) -> bytes:
    return b""


class Mutations:
    """Validates and commits changes.

    Args:
        engine: The registry's database.
        now: The wall clock.
        committed: Called with epoch and revision after each commit, so that the relays need not
            wait for NOTIFY.
        at_once_max: Mutations that hold a connection at the same time; only one can work, the
            others queue for the head's lock.
        signer: The key that revisions are signed with, if any.
        database: Judges what `engine` leads to; None: by what these mutations see alone.
        tail: What the stream holds, for where an epoch begins.

    Attributes:
        epochs: Begins them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        now: Callable[[], dt.datetime],
        committed: Callable[[int, int], None] = lambda _, __: None,
        at_once_max: int = 4,
        signer: Signer | None = None,
        database: PrimaryDatabase | None = None,
        tail: ReadTail = no_tail,
    ) -> None:
        self._turn = asyncio.Semaphore(at_once_max)
        self._engine = engine
        self._database = database or PrimaryDatabase(Newest(), engine)
        self.now = now
        self.epochs = Epochs(engine, self._database, now, committed, signer, tail)

    async def change(
        self,
        item: Item,
        cause: Cause,
        once: IdempotencyKey | None = None,
        answer: Answer = unanswered,
    ) -> tuple[Outcome | None, AppliedMutation]:
        """Make one change; returns its outcome, and where the registry stands with it.

        Without an outcome it was made before, and `Applied.replay` is the answer it got.

        Raises:
            CqarError: Why the item is rejected: Invalid with every violation, NotFound…
        """
        applied = await self.apply([item], cause, once=once, answer=answer)
        if applied.replay is not None:
            return None, applied
        (outcome,) = applied.outcomes
        if outcome.error is not None:
            raise outcome.error
        return outcome, applied

    async def apply(
        self,
        items: Sequence[Item],
        cause: Cause,
        *,
        dry_run: bool = False,
        skip_rejected: bool = False,
        historical: bool = False,
        as_of: dt.datetime | None = None,
        once: IdempotencyKey | None = None,
        answer: Answer = unanswered,
    ) -> AppliedMutation:
        """Make many changes as one revision: all, or with `skip_rejected` those that are valid.

        Args:
            as_of: Since when a listing's terms are as the items say; None: now.
            answer: What it makes is kept for `once`.

        Raises:
            Invalid: `as_of` has not come yet.
            TooLarge: More than `ITEMS_MAX` items, or more than one change set holds.
        """
        if len(items) > ITEMS_MAX:
            raise TooLarge(f"{len(items)} items; at most {ITEMS_MAX}: split them")
        now = self.now()
        as_of = None if as_of is None else require_past(as_of, now)
        batch, seen = Batch(items), WorkingSet(now, historical=historical, as_of=as_of)
        if dry_run:
            async with self._engine.connect() as tx:
                await tx.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                head = await self._database.head(tx)
                outcomes = await evaluate.judge(tx, batch, seen)
            changing = [o for o in outcomes if o.changes]
            await run_off_loop(is_long(changing), _sealed, head, changing, seen, cause)
            applied = AppliedMutation(outcomes, head.epoch, head.revision, committed=False)
            return await _answered(applied, answer)
        return await self._commit(batch, seen, cause, once, answer, skip_rejected=skip_rejected)

    async def _commit(
        self,
        batch: Batch,
        seen: WorkingSet,
        cause: Cause,
        once: IdempotencyKey | None,
        answer: Answer,
        *,
        skip_rejected: bool,
    ) -> AppliedMutation:
        async with self.turn() as (tx, head):
            if once is not None and (kept := await stored_answers.kept_answer(tx, once)):
                require_same(once, kept.request_hash)
                await confirmed_commit.confirm(tx)
                return AppliedMutation(
                    [], head.epoch, head.revision, committed=False, replay=kept.response
                )
            outcomes = await evaluate.judge(tx, batch, seen)
            rejected = any(o.result is Result.REJECTED for o in outcomes)
            changing = [o for o in outcomes if o.changes]
            changing += revived(changing, seen)
            if not changing or (rejected and not skip_rejected):
                applied = AppliedMutation(outcomes, head.epoch, head.revision, committed=False)
                applied = await _answered(applied, answer)
                if once is not None and not rejected:
                    await stored_answers.keep_answer(tx, once, applied.answer)
                    await confirmed_commit.commit(tx)
                elif not rejected:
                    await confirmed_commit.confirm(tx)
                return applied
            try:
                making = run_off_loop(
                    is_long(outcomes), _made, head, changing, seen, cause, outcomes, answer
                )
                payloads, row, applied = await session_keepalive.beside(
                    tx, making, _save(tx, changing)
                )
                await _note(tx, changing, payloads, row.revision)
            except sa.exc.IntegrityError as error:
                raise _unforeseen(error) from error
            row = await self.signed(tx, head, row)
            await outbox.advance(tx, row, head)
            if once is not None:
                await stored_answers.keep_answer(tx, once, applied.answer)
            await confirmed_commit.commit(tx)
            self.note(row, head)
        for outcome, payload in zip(changing, payloads, strict=True):
            if outcome.after is not None:
                entity_rows.remember(outcome.kind.name, payload, outcome.after)
        return applied

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[tuple[AsyncConnection, HeadRow]]:
        """The registry's write lock, until the transaction ends, and the head behind it.

        Raises:
            NotReady: The database is not the registry's as it stands, or was not when this ended.
        """
        async with self._turn, self.epochs.locked() as (tx, head):
            yield tx, head

    async def bump_epoch(
        self,
        expected_epoch: int,
        seen_epoch: int,
        seen_revision: int,
        reason: str = revision_rows.LOST,
    ) -> bool:
        """Begin a new history, unless another writer already did; see `Epochs.begin`."""
        seen = LogPosition(seen_epoch, seen_revision, b"")
        return await self.epochs.begin(expected_epoch, seen, reason)

    async def signed(self, tx: AsyncConnection, head: HeadRow, row: OutboxRow) -> OutboxRow:
        """A revision that is about to be appended, signed if this writer may."""
        return await self.epochs.signed(tx, head, row)

    def note(self, row: OutboxRow, head: HeadRow) -> None:
        """Tell who waits for it that this was committed after this head."""
        self.epochs.note(row, head)


def require_past(as_of: dt.datetime, now: dt.datetime) -> dt.datetime:
    """Refuse to be told what will be; a caller's clock may be a little ahead.

    Raises:
        Invalid: It has not come yet.
    """
    if as_of > now + CLOCKS_APART:
        raise Invalid([FieldViolation("as_of", "FUTURE", "has not come yet")])
    return min(as_of, now)


async def _answered(applied: AppliedMutation, answer: Answer) -> AppliedMutation:
    return replace(applied, answer=await run_off_loop(is_long(applied.outcomes), answer, applied))


def _sealed(
    head: HeadRow, changing: list[Outcome], seen: WorkingSet, cause: Cause
) -> tuple[list[bytes], OutboxRow]:
    """Each entity serialised, empty where it is removed, and the revision that says so."""
    payloads = [entity_codec.encode(o.kind, o.after) if o.after else b"" for o in changing]
    return payloads, _next_revision(head, changing, payloads, seen, cause)


def _made(
    head: HeadRow,
    changing: list[Outcome],
    seen: WorkingSet,
    cause: Cause,
    outcomes: list[Outcome],
    answer: Answer,
) -> tuple[list[bytes], OutboxRow, AppliedMutation]:
    """What is committed, and what the request is answered."""
    payloads, row = _sealed(head, changing, seen, cause)
    applied = AppliedMutation(outcomes, row.epoch, row.revision, committed=True)
    return payloads, row, replace(applied, answer=answer(applied))


def _next_revision(
    head: HeadRow,
    changing: list[Outcome],
    payloads: list[bytes],
    seen: WorkingSet,
    cause: Cause,
) -> OutboxRow:
    revision = head.revision + 1
    moment = events.EventContext(head.epoch, revision, seen.now, cause.actor, cause.reason)
    change_set = replication_pb2.ChangeSet(
        epoch=head.epoch,
        revision=revision,
        actor=cause.actor,
        reason=cause.reason,
        request_id=cause.request_id,
        traceparent=cause.traceparent,
    )
    change_set.committed_at.FromDatetime(seen.now)
    announced = replication_pb2.DomainEvents()
    live, set_hash = head.live_count, positions.set_hash_from(head.set_hash)
    for index, (outcome, payload) in enumerate(zip(changing, payloads, strict=True)):
        kind, key = outcome.kind, outcome.key
        stored = seen.stored((kind.name, key))
        # What is archived is neither counted nor hashed.
        counted = stored is not None and stored.exists and not stored.archived
        before = stored if counted else None
        if before is not None:
            set_hash -= positions.hash_of(kind.name, key, before.payload)
        if outcome.after is not None:
            set_hash += positions.hash_of(kind.name, key, payload)
        live += (outcome.after is not None) - (before is not None)
        change_set.changes.add(
            kind=kind.name, key=key, entity=payload, deleted=outcome.after is None
        )
        event = None
        if outcome.before != outcome.after:
            told = payload or (stored.payload if stored else b"")
            event = events.event_of(kind, outcome.before, outcome.after, told, moment, index)
        if event is not None:
            announced.events.append(event)
    return revision_rows.sealed(head, change_set, announced, live, set_hash, seen.now)


async def _save(tx: AsyncConnection, changing: list[Outcome]) -> None:
    """The relational rows, and with them the constraints that speak at once."""
    saved: defaultdict[str, list[Entity]] = defaultdict(list)
    removed: defaultdict[str, list[Entity]] = defaultdict(list)
    for outcome in changing:
        if outcome.after is not None:
            saved[outcome.kind.name].append(outcome.after)
        elif outcome.before is not None:
            removed[outcome.kind.name].append(outcome.before)
    await writes.plan_bulk_write(tx, len(changing))
    # In the order in which they were judged: what goes makes room for what takes its place.
    for kind in reversed(KINDS):
        if kind.name not in REFERRED_TO:
            await writes.remove(tx, kind, removed[kind.name])
    for kind in KINDS:
        await writes.save(tx, kind, saved[kind.name])
    for kind in reversed(KINDS):
        if kind.name in REFERRED_TO:
            await writes.remove(tx, kind, removed[kind.name])


async def _note(
    tx: AsyncConnection, changing: list[Outcome], payloads: list[bytes], revision: int
) -> None:
    """The entities as they are sent, and the constraints that speak in the end."""
    rows, terms = await session_keepalive.work(
        tx, is_long(changing), _noted, list(zip(changing, payloads, strict=True)), revision
    )
    await writes.save_current(tx, rows)
    await writes.save_terms(tx, terms)
    await writes.check_constraints(tx)


def _noted(
    told: Sequence[tuple[Outcome, bytes]], revision: int
) -> tuple[list[CurrentRow], list[tuple[bytes, Any]]]:
    """Rows of `current`, and the listings whose terms are new."""
    rows = [
        CurrentRow(o.kind.name, o.key, revision, payload, deleted=o.after is None, archived=False)
        for o, payload in told
    ]
    terms = [(payload, o.after) for o, payload in told if sets_terms(o.before, o.after)]
    return rows, terms


def _unforeseen(error: sa.exc.IntegrityError) -> Invalid | ServiceNotReady:
    """A constraint that a rule should have spoken for first."""
    name = writes.constraint_name(error)
    log.error("constraint %s refused what the rules accepted: %s", name, error.orig)
    return Invalid([FieldViolation("", name.upper() or "CONSTRAINT", "the database refuses it")])
