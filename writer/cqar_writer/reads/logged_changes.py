"""Reads the log of all changes off the outbox, in either direction, a page at a time.

A page costs a bounded amount of reading. What filters leave out is read, too, so a page may be
empty and yet not be the last.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import Ref
from cqar_shared.replication import positions
from cqar_shared.runtime.event_loop import run_off_loop
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.reads import change_entries, entity_history
from cqar_writer.store import outbox

#: Change sets that are read at once, and for one page.
ROWS_AT_ONCE: Final = 50
ROWS_MAX: Final = 500
#: Change sets that are unpacked for one page; earlier ones of its entities count, too.
UNPACKED_BYTES_MAX: Final = 48 * 1024 * 1024
#: Entries of one page; a message may have 4 MiB.
PAGE_BYTES_MAX: Final = 3 * 1024 * 1024

Placed = tuple[int, replication_pb2.Change]


class LogQuery(NamedTuple):
    """What is asked of the log.

    Attributes:
        is_forward: The oldest first.
        revision, place: Where to begin: with this change of this revision.
        since: Nothing that was committed before, where the newest come first.
        until_revision: Nothing later, where the oldest come first.
        actors, kinds, venue_ids: Empty: all.
        hidden: Kinds that the caller may not see.
        with_before: Tell what was before, and what differs.
    """

    is_forward: bool
    revision: int
    place: int
    since: dt.datetime | None
    until_revision: int
    actors: frozenset[str]
    kinds: frozenset[str]
    venue_ids: frozenset[str]
    hidden: frozenset[str]
    limit: int
    with_before: bool


class LogPage:
    """A page that is being put together.

    Attributes:
        next: Where the next page begins: (revision, place of the change); None after the last.
        complete_until: All up to this revision is told, where the oldest come first.
    """

    def __init__(self, query: LogQuery) -> None:
        self.query = query
        self.changes: list[pb.LoggedChange] = []
        self.next: tuple[int, int] | None = None
        self.complete_until = query.revision - 1
        self._rows_left = ROWS_MAX
        self._unpacked_left = UNPACKED_BYTES_MAX
        self._bytes_left = PAGE_BYTES_MAX

    async def read(self, tx: AsyncConnection) -> None:
        """Read rows until the page is full, the log has ended, or enough was read."""
        at = self.query.revision
        step = 1 if self.query.is_forward else -1
        while rows := await self._rows(tx, at):
            for row in rows:
                if self._is_spent:
                    self.next = (row.revision, 0)
                    return
                await self._take(tx, row)
                if self.next is not None:
                    return
                self.complete_until = row.revision
                at = row.revision + step

    @property
    def _is_spent(self) -> bool:
        is_full = len(self.changes) >= self.query.limit or self._bytes_left <= 0
        return is_full or self._rows_left <= 0 or self._unpacked_left <= 0

    async def _rows(self, tx: AsyncConnection, at: int) -> list[OutboxRow]:
        if self.query.is_forward:
            rows = await outbox.rows_after(tx, at - 1, ROWS_AT_ONCE)
            return [row for row in rows if row.revision <= self.query.until_revision]
        rows = await outbox.rows_before(tx, at + 1, ROWS_AT_ONCE)
        since = self.query.since
        return [row for row in rows if since is None or row.committed_at >= since]

    async def _take(self, tx: AsyncConnection, row: OutboxRow) -> None:
        """Add what is wanted of a revision; where there is no room for all, note where it ends."""
        self._rows_left -= 1
        change_set = await self._unpack(row.payload)
        begins_at = self.query.place if row.revision == self.query.revision else 0
        chosen = self._chosen(change_set, begins_at)
        room = self.query.limit - len(self.changes)
        shown = chosen[:room]
        earlier = await self._earlier(tx, row.revision, shown)
        added = await asyncio.to_thread(self._add, change_set, shown, earlier)
        if added < len(chosen):
            self.next = (row.revision, chosen[added][0])

    async def _unpack(self, payload: bytes) -> replication_pb2.ChangeSet:
        self._unpacked_left -= positions.unpacked_bytes(payload)
        return await run_off_loop(
            entity_history.is_large(payload), entity_history.unpacked, payload
        )

    def _chosen(self, change_set: replication_pb2.ChangeSet, begins_at: int) -> list[Placed]:
        """The changes that the caller may see, of the kinds and actors asked for.

        A change of another venue is left out later: what was removed is read for its venue.
        """
        query = self.query
        if query.actors and change_set.actor not in query.actors:
            return []
        return [
            (place, change)
            for place, change in enumerate(change_set.changes)
            if place >= begins_at
            and (not query.kinds or change.kind in query.kinds)
            and change.kind not in query.hidden
            and not (query.venue_ids and change_entries.is_elsewhere(change, query.venue_ids))
        ]

    async def _earlier(
        self, tx: AsyncConnection, revision: int, shown: Sequence[Placed]
    ) -> dict[Ref, bytes]:
        """What entities were before a revision, as far as it is to be told.

        Of what was removed it is always looked up: nothing else says what it was.
        """
        refs = [
            (change.kind, change.key)
            for _, change in shown
            if self.query.with_before or change.deleted
        ]
        if not refs:
            return {}
        last = await outbox.last_changes(tx, refs, revision)
        found: dict[Ref, bytes] = {}
        # In the order of the page: what is shown first is looked up first.
        revisions = dict.fromkeys(last[ref] for ref in refs if ref in last)
        for part in _parts(list(revisions)):
            for payload in await outbox.payloads_at(tx, part):
                change_set = await self._unpack(payload)
                for change in change_set.changes:
                    ref = (change.kind, change.key)
                    if last.get(ref) == change_set.revision:
                        found[ref] = change.entity
            if self._unpacked_left <= 0:
                break
        # Where there was no room to look all up, the rest comes on the next page.
        return found | {ref: b"" for ref in refs if ref not in last}

    def _add(
        self,
        change_set: replication_pb2.ChangeSet,
        shown: Sequence[Placed],
        earlier: dict[Ref, bytes],
    ) -> int:
        """Add entries as far as there is room, and return how many changes were dealt with."""
        for number, (_, change) in enumerate(shown):
            is_first = not self.changes and not number
            ref = (change.kind, change.key)
            is_known = ref in earlier or not (self.query.with_before or change.deleted)
            if not is_first and (self._bytes_left <= 0 or not is_known):
                return number
            entry = change_entries.logged_change(
                change_set, change, earlier.get(ref, b""), with_before=self.query.with_before
            )
            if self.query.venue_ids and entry.venue_id not in self.query.venue_ids:
                continue
            self._bytes_left -= entry.ByteSize()
            self.changes.append(entry)
        return len(shown)


def _parts(revisions: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield revisions a few at a time: each may be a change set of megabytes."""
    for start in range(0, len(revisions), 8):
        yield revisions[start : start + 8]


def hidden_kinds(kinds: Iterable[str], *, is_admin: bool) -> frozenset[str]:
    """The kinds of which the log tells a caller nothing, as History does."""
    return frozenset(name for name in kinds if not change_entries.may_see(name, is_admin=is_admin))
