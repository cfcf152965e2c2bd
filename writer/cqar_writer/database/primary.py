"""The registry's database, as long as it is that: whatever says where it is, is judged first.

`cqar_writer.protocol.terms` decides. Here a database that is not the registry's as it stands is
left: the
connection that led there is closed, and so are all others before their next use.
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
from cqar_shared.replication.positions import Term, position_of, term_of
from cqar_shared.sql import postgres
from cqar_writer import metrics
from cqar_writer.database.newest_position import Newest
from cqar_writer.protocol import terms
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow
from cqar_writer.protocol.terms import Remedy, Verdict
from cqar_writer.store import entity_rows, outbox
from cqar_writer.store.entity_rows import PlaceRow

log = logging.getLogger(__name__)

#: What PostgreSQL says where a standby is asked for the head, or for its lock.
STANDBY_SAYS: Final = frozenset({"55000", "25006"})
#: In a connection's notes: its history was compared with what this process knows.
_COMPARED: Final = "cqar_compared"

Row = TypeVar("Row", HeadRow, PlaceRow)


class Judged(NamedTuple):
    """A head, and what is to be done about the database that says so."""

    head: HeadRow
    remedy: Remedy


class PrimaryDatabase:
    """Reads and locks the head, and remembers what this process has seen.

    Args:
        newest: What it has seen.
        engines: All that lead to the address of the database.

    Attributes:
        drops: How often all connections were given up.
        is_fenced: Whether the address leads to a database that another took the place of.
        needs_epoch: Set where a new epoch is to begin (`cqar_writer.database.epoch_lock`).
    """

    def __init__(self, newest: Newest, *engines: AsyncEngine) -> None:
        self.newest = newest
        self.drops = 0
        self.is_fenced = False
        self.needs_epoch = asyncio.Event()
        self._engines = engines
        #: When all connections were given up, until one leads to the registry's database again.
        self._dropped_s: float | None = None
        #: Which server it was: its system identifier and timeline.
        self._server: tuple[int, int] | None = None

    async def head(self, tx: AsyncConnection) -> HeadRow:
        """The head, where the database is the registry's as it stands.

        Args:
            tx: Nothing was read in it.

        Raises:
            NotReady: It is not, and was left, or a new epoch has to begin in it first.
            Fenced: Another took its place.
        """
        head, remedy = await self.look(tx)
        if remedy is not Remedy.USE:
            raise self._unusable(head)
        return head

    async def place(self, tx: AsyncConnection) -> PlaceRow:
        """Where the head is; as `head`, in half the time."""
        found, remedy = await self._judged(tx, entity_rows.read_place)
        if remedy is not Remedy.USE:
            raise self._unusable(found)
        return found

    async def look(self, tx: AsyncConnection, *, locks: bool = False) -> Judged:
        """The head, and what is to be done: where the database is left, the connection is closed.

        Args:
            tx: Nothing was read in it.
            locks: Whether to take the registry's write lock with it.

        Raises:
            NotReady: It is a standby, and was left.
        """
        return Judged(
            *await self._judged(tx, entity_rows.lock_head if locks else entity_rows.read_head)
        )

    async def _judged(
        self, tx: AsyncConnection, read: Callable[[AsyncConnection], Awaitable[Row]]
    ) -> tuple[Row, Remedy]:
        seen = self.newest.seen
        try:
            row = await read(tx)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in STANDBY_SAYS:
                raise
            await self._leave(tx)
            raise ServiceNotReady(
                "the address of PostgreSQL leads to a standby: try again"
            ) from error
        if isinstance(row, HeadRow):
            self._note_server(row)
        verdict = terms.judge(seen, row)
        if verdict is Verdict.CURRENT and not await self._comes_after(tx, seen, row):
            verdict = Verdict.BEHIND
        is_fresh = self._dropped_s is not None and postgres.opened_s(tx) >= self._dropped_s
        remedy = terms.remedy(verdict, is_fresh=is_fresh)
        await self._follow(tx, row, verdict, remedy)
        return row, remedy

    async def _comes_after(self, tx: AsyncConnection, seen: terms.ObservedTerm, row: Any) -> bool:
        """Whether what is known is part of the history; a connection is asked for that once."""
        if tx.info.setdefault(_COMPARED, False) or not terms.is_to_be_compared(seen, row):
            tx.info[_COMPARED] = True
            return True
        found = await outbox.chain_at(tx, seen.position.revision)
        tx.info[_COMPARED] = found == seen.position.chain
        return bool(tx.info[_COMPARED])

    async def _follow(
        self, tx: AsyncConnection, row: HeadRow | PlaceRow, verdict: Verdict, remedy: Remedy
    ) -> None:
        if remedy is Remedy.USE:
            self.newest.note_head(row)
            self._dropped_s = None
            self._set_fenced(fenced=False)
            return
        if remedy is Remedy.RENEW:
            log.error("a new epoch has to begin: the database is %s, at %s", verdict.name, _at(row))
            self.needs_epoch.set()
            return
        log.log(
            logging.INFO if self.is_fenced else logging.ERROR,
            "PostgreSQL is left: it is %s, at %s, where %s, %s is known",
            *(verdict.name, _at(row), self.newest.seen.position, self.newest.seen.term),
        )
        self._set_fenced(fenced=remedy is Remedy.FENCE or self.is_fenced)
        await self._leave(tx)

    async def _leave(self, tx: AsyncConnection) -> None:
        await postgres.discard(tx)
        self.drop()

    def drop(self) -> None:
        """Give up all connections that are open."""
        for engine in self._engines:
            postgres.drop(engine)
        self.drops += 1
        self._dropped_s = time.monotonic()

    def _note_server(self, head: HeadRow) -> None:
        """Give up the connections to another server than the one that answered last."""
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

    def _unusable(self, found: HeadRow | PlaceRow) -> ServiceNotReady:
        if self.is_fenced:
            return self._fenced()
        return ServiceNotReady(
            f"PostgreSQL answered from {_at(found)}, which is not the registry's newest"
        )

    def _fenced(self) -> Fenced:
        return Fenced(
            "this writer's PostgreSQL is not the registry's any more: another was promoted"
            f" ({self.newest.seen.term}); ask another writer"
        )

    def require_unfenced(self) -> None:
        """Refuse to do anything where the address leads to an older database.

        Raises:
            Fenced: It does.
        """
        if self.is_fenced:
            raise self._fenced()

    def require_latest(self, head: HeadRow) -> None:
        """Refuse to acknowledge what was done in a database that another took the place of since.

        Args:
            head: As it was when that began.

        Raises:
            NotReady: There is a later one.
        """
        if term_of(head) < self.newest.seen.of(head.registry_id).term:
            raise ServiceNotReady(
                "PostgreSQL failed over meanwhile: the change may be lost; try again"
            )

    def committed(self, row: OutboxRow, head: HeadRow) -> None:
        """Note a commit of this process's own, after this head."""
        self.newest.note(row.epoch, row.revision, row.chain)
        if head.database_changed:
            self.newest.note_term(outbox.term_after(row, head))

    def is_replaced(self, term: Term) -> None:
        """Another writer answers from a later database: look where the address leads now."""
        self.newest.note_term(term)
        self.drop()


def _at(row: HeadRow | PlaceRow) -> str:
    return f"{position_of(row)}, {term_of(row)}"
