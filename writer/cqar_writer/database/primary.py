"""Judges the server behind each connection, and leaves one that is not the registry's current one.

`cqar_writer.protocol.terms` decides. To leave a server means to close the connection that led to
it, and to close every other open connection before its next use.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.errors import Fenced, ServiceNotReady
from cqar_shared.replication.positions import LogPosition, Term, position_of, term_of
from cqar_shared.sql import postgres
from cqar_writer import metrics
from cqar_writer.protocol import terms
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.protocol.terms import DatabaseState, ObservedTerm, Remedy, Verdict
from cqar_writer.store import head_rows, outbox
from cqar_writer.store.head_rows import PlaceRow

log = logging.getLogger(__name__)

#: PostgreSQL's error codes when a standby is asked for the head, or for its lock.
STANDBY_SQLSTATES: Final = frozenset({"55000", "25006"})
#: Key in a connection's `info`: its history was compared with the newest known position.
_COMPARED: Final = "cqar_compared"

Row = TypeVar("Row", HeadRow, PlaceRow)


class NewestPosition:
    """The newest position that this process knows; it only moves on, within one registry.

    A cache or a database must have reached it.
    """

    def __init__(self) -> None:
        self.seen = ObservedTerm()

    @property
    def registry_id(self) -> bytes:
        """Empty until a head was read."""
        return self.seen.registry_id

    def note(self, epoch: int, revision: int, chain: bytes = b"") -> None:
        self.seen = self.seen.with_position(LogPosition(epoch, revision, chain))

    def note_head(self, head: DatabaseState) -> None:
        self.seen = self.seen.with_head(head)

    def note_term(self, term: Term) -> None:
        """Note that a database of this term exists, whether or not this process used it."""
        self.seen = self.seen._replace(term=max(self.seen.term, term))

    def is_reached(self, registry_id: bytes, epoch: int, revision: int) -> bool:
        """Whether a position is of this registry and not behind the newest known one."""
        return registry_id == self.registry_id and (epoch, revision) >= self.seen.position[:2]


class Judged(NamedTuple):
    """A head, and what to do about the server that reported it."""

    head: HeadRow
    remedy: Remedy


class PrimaryDatabase:
    """Reads and locks the head, and remembers what this process has seen.

    Args:
        newest: The newest position that this process knows.
        engines: All engines that connect to the database's address.

    Attributes:
        drops: How often all connections were given up.
        is_fenced: Whether the address leads to a database that another one has replaced.
        needs_epoch: Set when an epoch must begin (`cqar_writer.database.epoch_lock`).
    """

    def __init__(self, newest: NewestPosition, *engines: AsyncEngine) -> None:
        self.newest = newest
        self.drops = 0
        self.is_fenced = False
        self.needs_epoch = asyncio.Event()
        self._engines = engines
        #: When all connections were given up; None once one leads to the current database again.
        self._dropped_s: float | None = None
        #: System identifier and timeline of the server that answered last.
        self._server: tuple[int, int] | None = None

    async def head(self, tx: AsyncConnection) -> HeadRow:
        """Read the head of the registry's current database.

        Args:
            tx: Nothing was read in it yet.

        Raises:
            ServiceNotReady: the database is not the current one and was left, or an epoch must
                begin in
                it first.
            Fenced: another database has replaced it.
        """
        head, remedy = await self.look(tx)
        if remedy is not Remedy.USE:
            raise self._unusable(head)
        return head

    async def place(self, tx: AsyncConnection) -> PlaceRow:
        """Read the head's position; like `head`, in half the time."""
        row, remedy = await self._judged(tx, head_rows.read_place)
        if remedy is not Remedy.USE:
            raise self._unusable(row)
        return row

    async def look(self, tx: AsyncConnection, *, locks: bool = False) -> Judged:
        """Read the head and judge its server; the connection to a server that is left is closed.

        Args:
            tx: Nothing was read in it yet.
            locks: Whether to take the registry's write lock, too.

        Raises:
            ServiceNotReady: the server is a standby, and was left.
        """
        read = head_rows.lock_head if locks else head_rows.read_head
        return Judged(*await self._judged(tx, read))

    async def _judged(
        self, tx: AsyncConnection, read: Callable[[AsyncConnection], Awaitable[Row]]
    ) -> tuple[Row, Remedy]:
        seen = self.newest.seen
        try:
            row = await read(tx)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in STANDBY_SQLSTATES:
                raise
            await self._leave(tx)
            raise ServiceNotReady(
                "the address of PostgreSQL leads to a standby: try again"
            ) from error
        if isinstance(row, HeadRow):
            self._note_server(row)
        verdict = terms.judge(seen, row)
        if verdict is Verdict.CURRENT and not await self._includes(tx, seen, row):
            verdict = Verdict.BEHIND
        is_fresh = self._dropped_s is not None and postgres.opened_s(tx) >= self._dropped_s
        remedy = terms.remedy(verdict, is_fresh=is_fresh)
        await self._act_on(tx, row, verdict, remedy)
        return row, remedy

    async def _includes(self, tx: AsyncConnection, seen: ObservedTerm, row: Any) -> bool:
        """Whether the history includes the newest known position; asked once a connection."""
        if tx.info.setdefault(_COMPARED, False) or not terms.needs_chain_check(seen, row):
            tx.info[_COMPARED] = True
            return True
        chain = await outbox.chain_at(tx, seen.position.revision)
        tx.info[_COMPARED] = chain == seen.position.chain
        return bool(tx.info[_COMPARED])

    async def _act_on(
        self, tx: AsyncConnection, row: HeadRow | PlaceRow, verdict: Verdict, remedy: Remedy
    ) -> None:
        if remedy is Remedy.USE:
            self.newest.note_head(row)
            self._dropped_s = None
            self._set_fenced(fenced=False)
            return
        if remedy is Remedy.RENEW:
            log.error("an epoch must begin: the database is %s, at %s", verdict.name, _place(row))
            self.needs_epoch.set()
            return
        log.log(
            logging.INFO if self.is_fenced else logging.ERROR,
            "PostgreSQL is left: it is %s, at %s; the newest known is %s, %s",
            *(verdict.name, _place(row), self.newest.seen.position, self.newest.seen.term),
        )
        self._set_fenced(fenced=remedy is Remedy.FENCE or self.is_fenced)
        await self._leave(tx)

    async def _leave(self, tx: AsyncConnection) -> None:
        await postgres.discard(tx)
        self.drop()

    def drop(self) -> None:
        """Give up all open connections."""
        for engine in self._engines:
            postgres.drop(engine)
        self.drops += 1
        self._dropped_s = time.monotonic()

    def _note_server(self, head: HeadRow) -> None:
        """Give up the connections to a server other than the one that answered last."""
        server = (head.found_system_identifier, head.found_timeline_id)
        if self._server not in (None, server):
            log.warning("another server is behind the address of PostgreSQL")
            self.drop()
        self._server = server

    def _set_fenced(self, *, fenced: bool) -> None:
        if fenced != self.is_fenced:
            self.is_fenced = fenced
            metrics.FENCED.set(fenced)
            log.error("this writer is %s", "FENCED" if fenced else "not FENCED any more")

    def _unusable(self, row: HeadRow | PlaceRow) -> ServiceNotReady:
        if self.is_fenced:
            return self._fenced()
        return ServiceNotReady(
            f"PostgreSQL answered from {_place(row)}, which is not the registry's newest"
        )

    def _fenced(self) -> Fenced:
        return Fenced(
            "this writer's PostgreSQL is not the registry's any more: another was promoted"
            f" ({self.newest.seen.term}); ask another writer"
        )

    def require_unfenced(self) -> None:
        """Refuse all work while the address leads to a replaced database.

        Raises:
            Fenced: another database has replaced this one.
        """
        if self.is_fenced:
            raise self._fenced()

    def require_latest(self, head: HeadRow) -> None:
        """Refuse to acknowledge work in a database that was replaced while it was done.

        Args:
            head: The head when the work began.

        Raises:
            ServiceNotReady: there is a later database.
        """
        if term_of(head) < self.newest.seen.of(head.registry_id).term:
            raise ServiceNotReady(
                "PostgreSQL failed over meanwhile: the change may be lost; try again"
            )

    def committed(self, row: OutboxRow, head: HeadRow) -> None:
        """Note that this process committed `row` after `head`."""
        self.newest.note(row.epoch, row.revision, row.chain)
        if head.database_changed:
            self.newest.note_term(outbox.term_after(row, head))

    def note_replaced(self, term: Term) -> None:
        """Another writer answers from a later database: look where the address leads now."""
        self.newest.note_term(term)
        self.drop()


def _place(row: HeadRow | PlaceRow) -> str:
    return f"{position_of(row)}, {term_of(row)}"
