"""The order of a mutation's steps: write lock, judgement, revision, commit, notification.

A mutation takes the lock on the registry's head first, so mutations are serial and rules that read
several entities cannot race. READ COMMITTED suffices: nobody else commits while the lock is held.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.domain.evaluation import Batch, Item, Outcome, Result
from cqar_shared.domain.planned_batch import PlannedBatch
from cqar_shared.domain.rules import CLOCKS_APART
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.replication.positions import LogPosition
from cqar_shared.rpc import request_limits
from cqar_shared.runtime.event_loop import is_long, run_off_loop
from cqar_writer.database import confirmed_commit
from cqar_writer.database.epoch_lock import Epochs, ReadTail, no_tail
from cqar_writer.database.head_signer import Signer
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import evaluate, idempotency
from cqar_writer.mutations.commit import (
    AppliedMutation,
    Cause,
    EncodeAnswer,
    JudgedRequest,
    append_revision,
    build_revision,
    constraints_as_violations,
    no_answer,
    with_answer,
    write_tables,
)
from cqar_writer.mutations.idempotency import IdempotencyKey
from cqar_writer.mutations.unarchive import unarchived
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.store import entity_rows

ITEMS_MAX: Final = request_limits.ITEMS_MAX


class _Request(NamedTuple):
    """What is to be judged, and how it is answered; see `Mutations.apply`."""

    batch: Batch
    working_set: WorkingSet
    cause: Cause
    idempotency_key: IdempotencyKey | None
    encode_answer: EncodeAnswer


class Mutations:
    """Validates and commits changes.

    Args:
        engine: The registry's database.
        now: The wall clock.
        committed: Called with epoch and revision after each commit, so that the relays need not
            wait for NOTIFY.
        at_once_max: Mutations that hold a connection at the same time. Only one can work; the
            others queue for the head's lock.
        signer: The key that signs revisions, if any.
        database: Judges the database behind `engine`; None: by what these mutations see alone.
        read_tail: Reads the stream's newest head, for where an epoch begins.

    Attributes:
        epochs: Begins epochs and hands out the write lock.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        now: Callable[[], dt.datetime],
        committed: Callable[[int, int], None] = lambda _, __: None,
        at_once_max: int = 4,
        signer: Signer | None = None,
        database: PrimaryDatabase | None = None,
        read_tail: ReadTail = no_tail,
    ) -> None:
        self._slots = asyncio.Semaphore(at_once_max)
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self.now = now
        self.epochs = Epochs(engine, self._database, now, committed, signer, read_tail)

    async def change(
        self,
        item: Item,
        cause: Cause,
        idempotency_key: IdempotencyKey | None = None,
        encode_answer: EncodeAnswer = no_answer,
    ) -> tuple[Outcome | None, AppliedMutation]:
        """Make one change; returns its outcome, and the registry's position with it.

        The outcome is None if the change was made before; `AppliedMutation.replay` is its answer.

        Raises:
            RegistryError: the item is rejected: Invalid with every violation, NotFound…
        """
        applied = await self.apply(
            [item], cause, idempotency_key=idempotency_key, encode_answer=encode_answer
        )
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
        confirms: bool = False,
        idempotency_key: IdempotencyKey | None = None,
        encode_answer: EncodeAnswer = no_answer,
    ) -> AppliedMutation:
        """Make many changes as one revision: all, or with `skip_rejected` the valid ones.

        Args:
            as_of: The instant from which listings have the terms that the items state; None: now.
            confirms: Note of terms that are so already that they were stated, too.
            encode_answer: Makes the answer that is stored for `idempotency_key`.

        Raises:
            Invalid: `as_of` is in the future.
            TooLarge: there are more than `ITEMS_MAX` items, or more than one change set holds.
        """
        if len(items) > ITEMS_MAX:
            raise TooLarge(f"{len(items)} items; at most {ITEMS_MAX}: split them")
        now = self.now()
        as_of = None if as_of is None else require_past(as_of, now)
        working_set = WorkingSet(now, historical=historical, as_of=as_of, confirms=confirms)
        request = _Request(Batch(items), working_set, cause, idempotency_key, encode_answer)
        if dry_run:
            return await self._dry_run(request)
        return await self._commit(request, skip_rejected=skip_rejected)

    async def apply_planned(
        self,
        batch: PlannedBatch[Any],
        cause: Cause,
        *,
        dry_run: bool = False,
        historical: bool = True,
        idempotency_key: IdempotencyKey | None = None,
        encode_answer: EncodeAnswer = no_answer,
    ) -> AppliedMutation:
        """Make the changes that a plan asks for as one revision, all or nothing.

        The plan sees the registry under the write lock.

        Raises:
            RegistryError: the plan refuses.
            TooLarge: the plan has more than `ITEMS_MAX` items, or more than one change set holds.
        """
        working_set = WorkingSet(self.now(), historical=historical)
        request = _Request(batch, working_set, cause, idempotency_key, encode_answer)
        return await (self._dry_run(request) if dry_run else self._commit(request))

    async def _commit(self, request: _Request, *, skip_rejected: bool = False) -> AppliedMutation:
        """Judge a request under the write lock, and commit its revision."""
        key, encode_answer = request.idempotency_key, request.encode_answer
        async with self.write_lock() as (tx, head):
            replay = await idempotency.load_answer(tx, key)
            if replay is not None:
                await confirmed_commit.confirm(tx)
                return replace(_unchanged(head, []), replay=replay)
            judged = await _judge(tx, request)
            is_rejected = any(o.result is Result.REJECTED for o in judged.outcomes)
            if not judged.changing or (is_rejected and not skip_rejected):
                applied = await with_answer(_unchanged(head, judged.outcomes), encode_answer)
                if not is_rejected:
                    await _acknowledge_unchanged(tx, key, applied.answer)
                return applied
            with constraints_as_violations():
                revision = await write_tables(tx, head, judged, encode_answer)
                row = await self.sign(tx, head, revision.row)
                await append_revision(tx, head, row, judged.changing, revision.payloads)
                await idempotency.store_answer(tx, key, revision.applied.answer)
                await confirmed_commit.commit(tx)
            self.notify_committed(row, head)
        for outcome, payload in zip(judged.changing, revision.payloads, strict=True):
            if outcome.after is not None:
                entity_rows.remember(outcome.kind.name, payload, outcome.after)
        return revision.applied

    async def _dry_run(self, request: _Request) -> AppliedMutation:
        """Judge a request and build its revision, without a lock; nothing is written."""
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            head = await self._database.head(tx)
            outcomes = await evaluate.judge(tx, request.batch, request.working_set)
        changing = [o for o in outcomes if o.changes]
        judged = JudgedRequest(outcomes, changing, request.working_set, request.cause)
        await run_off_loop(is_long(changing), build_revision, head, judged, no_answer)
        return await with_answer(_unchanged(head, outcomes), request.encode_answer)

    @asynccontextmanager
    async def write_lock(self) -> AsyncIterator[tuple[AsyncConnection, HeadRow]]:
        """Hold the registry's write lock until the transaction ends; yields the head behind it.

        Raises:
            ServiceNotReady: the database is not the current one, or ceased to be it meanwhile.
        """
        async with self._slots, self.epochs.locked() as (tx, head):
            yield tx, head

    async def bump_epoch(
        self,
        expected_epoch: int,
        seen_epoch: int,
        seen_revision: int,
        reason: str = revision_rows.LOST_COMMITS,
    ) -> bool:
        """Begin a new epoch, unless another writer already did; see `Epochs.begin`."""
        seen = LogPosition(seen_epoch, seen_revision, b"")
        return await self.epochs.begin(expected_epoch, seen, reason)

    async def sign(self, tx: AsyncConnection, head: HeadRow, row: OutboxRow) -> OutboxRow:
        """Sign a revision that is about to be appended, if this writer may."""
        return await self.epochs.sign(tx, head, row)

    def notify_committed(self, row: OutboxRow, head: HeadRow) -> None:
        """Note that `row` was committed after `head`, and wake the relays."""
        self.epochs.notify_committed(row, head)


async def _judge(tx: AsyncConnection, request: _Request) -> JudgedRequest:
    working_set = request.working_set
    outcomes = await evaluate.judge(tx, request.batch, working_set)
    changing = [o for o in outcomes if o.changes]
    changing += unarchived(changing, working_set)
    return JudgedRequest(outcomes, changing, working_set, request.cause)


async def _acknowledge_unchanged(
    tx: AsyncConnection, key: IdempotencyKey | None, answer: bytes
) -> None:
    """Return once a failover can no longer lose what a request read that changes nothing."""
    if key is None:
        await confirmed_commit.confirm(tx)
    else:
        await idempotency.store_answer(tx, key, answer)
        await confirmed_commit.commit(tx)


def _unchanged(head: HeadRow, outcomes: list[Outcome]) -> AppliedMutation:
    return AppliedMutation(outcomes, head.epoch, head.revision, committed=False)


def require_past(as_of: dt.datetime, now: dt.datetime) -> dt.datetime:
    """Return `as_of`, at most `now`; it may be ahead by as much as clocks differ.

    Raises:
        Invalid: `as_of` is in the future.
    """
    if as_of > now + CLOCKS_APART:
        raise Invalid([FieldViolation("as_of", "FUTURE", "has not come yet")])
    return min(as_of, now)
