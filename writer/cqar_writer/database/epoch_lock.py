"""Hands out the registry's write lock and begins epochs, only in the registry's own database."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of, term_of
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_writer import metrics
from cqar_writer.database import confirmed_commit, head_signer
from cqar_writer.database.head_signer import Signer
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol import epoch_rules, revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.protocol.terms import Remedy, is_later
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

#: Attempts at a lock: each fails by a server that was left, or an epoch that had to begin.
LOCKS_MAX: Final = 4
#: How long the stream's newest message is waited for before an epoch begins.
TAIL_TIMEOUT_S: Final = 1.0

#: Reads the head in the stream's newest message; None if there is none, or NATS is away.
ReadTail = Callable[[], Awaitable[replication_pb2.Head | None]]


async def no_tail() -> None:
    """Stand in for a stream that nothing is known of."""


class Epochs:
    """Begins epochs beyond every position that this process and the stream have seen.

    Args:
        engine: The registry's database.
        database: Judges the server behind it.
        now: The wall clock.
        committed: Called with epoch and revision after each commit.
        signer: The key that signs revisions, if any.
        read_tail: Reads the stream's newest head.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        database: PrimaryDatabase,
        now: Callable[[], dt.datetime],
        committed: Callable[[int, int], None],
        signer: Signer | None,
        read_tail: ReadTail,
    ) -> None:
        self._engine = engine
        self._database = database
        self._now = now
        self._committed = committed
        self._signer = signer
        self._read_stream = read_tail
        self._renewing = asyncio.Lock()

    async def run(self) -> None:
        """Begin an epoch whenever one is found to be needed, until cancelled."""
        while True:
            raise_if_cancelled()
            await self._database.needs_epoch.wait()
            self._database.needs_epoch.clear()
            await self.renew()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[tuple[AsyncConnection, HeadRow]]:
        """Hold the registry's write lock until the transaction ends; yields the head behind it.

        Raises:
            ServiceNotReady: the database is not the registry's current one, or ceased to be it
                meanwhile.
        """
        for _ in range(LOCKS_MAX):
            self._database.require_unfenced()
            async with self._engine.connect() as tx:
                head, remedy = await self._database.look(tx, locks=True)
                if remedy is Remedy.USE:
                    yield tx, head
                    self._database.require_latest(head)
                    return
            if remedy is Remedy.RENEW:
                await self.renew()
        raise ServiceNotReady("PostgreSQL fails over: try again")

    async def renew(
        self, seen: LogPosition | None = None, reason: str = revision_rows.LOST_COMMITS
    ) -> bool:
        """Begin the epoch that a database needs after a promotion, a restore or lost commits.

        Only where the address leads now: a server behind a kept connection may have been replaced
        before any writer came, and would date itself later than its replacement.

        Args:
            seen: The position seen outside, if any.
            reason: Why, for the audit log.

        Returns:
            Whether an epoch began; False if none is needed where the address leads now, for example
            because another writer was first.
        """
        async with self._renewing:
            async with self._engine.connect() as tx:
                if (await self._database.look(tx)).remedy is not Remedy.RENEW:
                    return False
            tail = await self._read_tail()
            self._database.drop()
            async with self._engine.connect() as tx:
                head, remedy = await self._database.look(tx, locks=True)
                if remedy is not Remedy.RENEW:
                    return False
                at = position_of(head)
                beyond = seen if seen and positions.is_believable(at, seen) else at
                await self._begin(tx, head, tail, beyond, reason)
        return True

    async def begin(self, expected_epoch: int, seen: LogPosition, reason: str) -> bool:
        """Begin a new epoch, unless another writer already did.

        Args:
            expected_epoch: The epoch that the evidence was read in.
            seen: The position seen outside, in the stream or at a resolver; no number up to it is
                used again.
            reason: Why, for the audit log.

        Returns:
            Whether an epoch began; False if `seen` is further ahead than a history can lose, or
            the stream's newest message is of a later database (`cqar_writer.database.fencing`).

        Raises:
            Fenced: another database has replaced this one.
        """
        tail = await self._read_tail()
        for _ in range(LOCKS_MAX):
            async with self._engine.connect() as tx:
                head, remedy = await self._database.look(tx, locks=True)
                self._database.require_unfenced()
                if remedy is Remedy.LEAVE:
                    continue
                if head.epoch != expected_epoch:
                    return False
                if remedy is Remedy.USE:
                    if not _is_evidence(head, seen, tail):
                        return False
                    await self._begin(tx, head, tail, seen, reason)
                    return True
            return await self.renew(seen, reason)
        return False

    async def _read_tail(self) -> replication_pb2.Head | None:
        try:
            async with asyncio.timeout(TAIL_TIMEOUT_S):
                return await self._read_stream()
        except TimeoutError:
            return None

    async def _begin(
        self,
        tx: AsyncConnection,
        head: HeadRow,
        tail: replication_pb2.Head | None,
        seen: LogPosition,
        reason: str,
    ) -> None:
        known = self._database.newest.seen.of(head.registry_id)
        if head.database_changed:
            # The term must be later than that of any database that this process used,
            # whatever the clocks say.
            later_us = max(head.promoted_at_us, known.term.promoted_at_us)
            head = head._replace(promoted_at_us=later_us)
        beyond = epoch_rules.max_position(seen, known.position, *_believable(head, tail))
        nonce = secrets.token_bytes(revision_rows.NONCE_BYTES)
        row = revision_rows.build_epoch_start(head, beyond, self._now(), nonce, reason)
        row = await self.sign(tx, head, row)
        await outbox.ensure_partitions(tx, row.revision)
        await outbox.advance(tx, row, head)
        await confirmed_commit.commit(tx)
        log.warning("epoch %d -> %d at revision %d", head.epoch, row.epoch, row.revision)
        metrics.EPOCH_BUMPS.inc()
        self.notify_committed(row, head)

    def notify_committed(self, row: OutboxRow, head: HeadRow) -> None:
        """Note that `row` was committed after `head`, and wake the relays."""
        self._database.committed(row, head)
        self._committed(row.epoch, row.revision)

    async def sign(self, tx: AsyncConnection, head: HeadRow, row: OutboxRow) -> OutboxRow:
        """Sign a revision that is about to be appended, if this writer may."""
        return await head_signer.sign_revision(tx, self._signer, head, row)


def _is_evidence(head: HeadRow, seen: LogPosition, tail: replication_pb2.Head | None) -> bool:
    """Whether an epoch may begin beyond what was seen, in a database that needs none by itself."""
    if tail is not None and tail.registry_id == head.registry_id and is_later(head, tail):
        # Another writer may have published it from the registry's current database.
        log.error("no epoch begins: the stream's newest message is of %s", term_of(tail))
        return False
    if not positions.is_believable(position_of(head), seen):
        log.error("no epoch begins beyond %s: the head is %s", seen, position_of(head))
        return False
    return True


def _believable(head: HeadRow, tail: replication_pb2.Head | None) -> list[LogPosition]:
    """The stream's position, if a writer of this registry can have published it."""
    if tail is None or tail.registry_id != head.registry_id:
        return []
    position = position_of(tail)
    return [position] if positions.is_believable(position_of(head), position) else []
