"""A PostgreSQL that commits in order, has a standby that may be late, and may lose commits."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_pb2

from cqar_resolver.replication import postgres as resolver_database
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of, term_of
from cqar_writer.protocol import revision_rows
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow, head_message
from cqar_writer.relays.change_relay import commit_message
from tests.protocol.ledger import Ledger, State
from tests.protocol.pausing import Away

KIND: Final = "venue"
REGISTRY_ID: Final = b"r" * 16
NOW: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
#: So small that reading it out takes several rounds.
ROWS_MAX: Final = 3
_SYSTEM: Final = 7
_NO_EVENTS: Final = replication_pb2.DomainEvents()


class Frame(NamedTuple):
    """What a failover may take the database back to.

    Attributes:
        lsn: How far the log goes with it.
        key: The idempotency key of the request that made it.
    """

    head: HeadRow
    state: State
    lsn: int
    key: str = ""


class Standby:
    """Where a server's log goes; a synchronous server's commits wait for it.

    Attributes:
        is_synchronous: They do.
        is_held: Nothing gets there for now.
        is_gone: Nothing ever does again: it was promoted, or follows another.
        flushed: How far it has the log.
    """

    def __init__(self, *, is_synchronous: bool) -> None:
        self.is_synchronous = is_synchronous
        self.is_held = self.is_gone = False
        self.flushed = 0


class Database:
    """One server's tables, as far as the protocol goes. Rows and chains are the writer's own.

    Attributes:
        busy: So many resolvers to come find that others are loading everything.
        restarts: Connections end with each.
        standby: What commits wait for where it is synchronous.
    """

    def __init__(self, ledger: Ledger, frames: Sequence[Frame] = (), timeline: int = 1) -> None:
        self._ledger = ledger
        self._timeline = timeline
        self.is_down = False
        self.busy = 0
        self.restarts = 0
        self.standby = Standby(is_synchronous=False)
        self._outbox: list[OutboxRow] = []
        self._frames = list(frames)
        #: Committed here, and waiting for the standby: nobody reads it, and it holds the lock.
        self._waiting: tuple[Frame, OutboxRow] | None = None
        if not frames:
            empty = positions.set_hash_bytes(0)
            row = HeadRow(REGISTRY_ID, 1, 0, b"\0" * 32, 0, empty, 0, _SYSTEM, 1, _SYSTEM, 1)
            self._frames.append(Frame(row, {}, 0))
            ledger.primary = self
            ledger.committed(self, None, position_of(row), {})
        self._lsn = self._frames[-1].lsn

    def promoted(self, lsn: int) -> Database:
        """A standby that has the log so far, and takes over."""
        had = [frame for frame in self._frames if frame.lsn <= lsn]
        rows = self._outbox[: len(had) - 1]
        if self._waiting is not None and self._waiting[0].lsn <= lsn:
            had.append(self._waiting[0])
            rows.append(self._waiting[1])
            self._ledger.committed(
                self, position_of(had[-2].head), position_of(had[-1].head), had[-1].state
            )
        found = Database(self._ledger, had, self._timeline + 1)
        found._outbox = rows
        found._note_timeline()
        found.standby.is_synchronous = self.standby.is_synchronous
        found.standby.flushed = found._lsn = lsn
        return found

    # ------------------------------------------------------------ reading

    def require_up(self) -> None:
        if self.is_down:
            raise Away

    def head(self) -> HeadRow:
        self.require_up()
        return self._frames[-1].head

    def state(self) -> State:
        return self._frames[-1].state

    def line(self) -> list[LogPosition]:
        """All its history."""
        return [position_of(frame.head) for frame in self._frames]

    def rows_after(self, revision: int, most: int = ROWS_MAX) -> list[OutboxRow]:
        self.require_up()
        first = bisect_right(self._outbox, revision, key=lambda row: row.revision)
        return self._outbox[first : first + most]

    def hydrate(self) -> Snapshot:
        """As `cqar_resolver.replication.postgres.RegistryDatabase.hydrate`."""
        self.require_up()
        if self.busy:
            self.busy -= 1
            raise resolver_database.LoadTurnsTaken
        return self.loaded()

    def loaded(self) -> Snapshot:
        return _snapshot_of(self._frames[-1])

    def resolver_rows(self, revision: int) -> list[resolver_database.LoggedChangeSet]:
        return [_resolver_row(row) for row in self.rows_after(revision)]

    # ------------------------------------------------------------ writing

    def lock_head(self) -> HeadRow:
        """As `cqar_writer.store.head_rows.lock_head`; one who would wait for long gives up."""
        if self._waiting is not None:
            raise Away
        return self.head()

    def kept_answer(self, key: str) -> LogPosition | None:
        """Where the request of this key was committed before, if it was."""
        return next(
            (position_of(frame.head) for frame in reversed(self._frames) if frame.key == key), None
        )

    def commit(self, names: Mapping[str, str | None], key: str = "") -> int:
        """Commit venues of these names by key, or their end; its place in the log."""
        head, state = self.lock_head(), self.state()
        after, total = dict(state), positions.set_hash_from(head.set_hash)
        # Two commits are never the same bytes: production's differ in time and request.
        change_set = replication_pb2.ChangeSet(
            epoch=head.epoch, revision=head.revision + 1, request_id=self._ledger.fresh_name()
        )
        for name, value in names.items():
            payload = b"" if value is None else _venue(name, value)
            if (before := after.pop(name, None)) is not None:
                total -= positions.hash_of(KIND, name, before)
            if payload:
                after[name] = payload
                total += positions.hash_of(KIND, name, payload)
            change_set.changes.add(kind=KIND, key=name, entity=payload, deleted=not payload)
        row = revision_rows.build_revision(head, change_set, _NO_EVENTS, len(after), total, NOW)
        return self._append(row, after, key)

    def begin_epoch(self, seen: LogPosition, later_us: int = 0) -> int:
        """Begin an epoch beyond what was seen; its place in the log.

        Args:
            later_us: A server that was promoted says that it was so after this.
        """
        nonce = self._ledger.fresh_name().rjust(revision_rows.NONCE_BYTES).encode()
        row = revision_rows.build_epoch_start(self.lock_head(), seen, NOW, nonce)
        return self._append(row, self.state(), later_us=later_us)

    def last(self) -> HeadRow:
        """What was committed last, whether or not anybody reads it yet."""
        return (self._waiting[0] if self._waiting else self._frames[-1]).head

    def mark(self) -> int:
        """As `confirmed_commit.confirm` begins: its place in the log, that nothing else notes."""
        self.require_up()
        self._lsn += 1
        self.replicate()
        return self._lsn

    def is_confirmed(self, lsn: int) -> bool:
        """Whether a COMMIT at this place has returned."""
        self.require_up()
        return not self.standby.is_synchronous or self.standby.flushed >= lsn

    def _append(self, row: OutboxRow, state: State, key: str = "", later_us: int = 0) -> int:
        names = ("epoch", "revision", "chain", "live_count", "set_hash", "chain_version")
        moved = {name: getattr(row, name) for name in names}
        head = self._frames[-1].head
        if head.database_changed:
            # As `cqar_writer.store.outbox.term_after` says; no two clocks say the same microsecond.
            now_us = int(self._ledger.clock() * 1_000_000) + int(self._ledger.fresh_name())
            moved["promoted_at_us"] = max(head.promoted_at_us + 1, later_us + 1, now_us)
        self._lsn += 1
        moved["timeline_id"] = self._timeline
        self._waiting = (Frame(head._replace(**moved), state, self._lsn, key), row)
        if not self.standby.is_synchronous:
            self._show()
        self.replicate()
        return self._lsn

    def _show(self) -> None:
        """What was committed is there for everybody."""
        if self._waiting is None:
            return
        frame, row = self._waiting
        self._waiting = None
        before = position_of(self._frames[-1].head)
        self._outbox.append(row)
        self._frames.append(frame)
        self._ledger.committed(self, before, position_of(frame.head), frame.state)
        if not self.standby.is_synchronous:
            self._ledger.dated(self, term_of(frame.head), self.line)

    # ------------------------------------------------------------ the standby, and faults

    def replicate(self, most: int = 1 << 32) -> None:
        """The standby gets more of the log, if it gets any."""
        standby = self.standby
        if standby.is_gone or self.is_down or (standby.is_held and most == 1 << 32):
            return
        standby.flushed = min(self._lsn, standby.flushed + most)
        if self._waiting is not None and self._waiting[0].lsn <= standby.flushed:
            self._show()

    def restart(self) -> None:
        """Connections end, and what waited for the standby is there for all without it."""
        self.restarts += 1
        self._show()

    @property
    def lsn(self) -> int:
        return self._lsn

    def lose(self, commits: int, *, fails_over: bool) -> None:
        """Take back the last commits, epochs among them; none that a standby is asked to keep.

        Args:
            commits: How many at most.
            fails_over: The timeline changes with it, as when a standby takes over. Without,
                nothing in the database tells of the loss.
        """
        self.restarts += 1
        self._waiting = None
        kept = max(1, len(self._frames) - commits)
        if self.standby.is_synchronous:
            while self._frames[kept - 1 : kept] and kept < len(self._frames):
                if self._frames[kept].lsn > self.standby.flushed:
                    break
                kept += 1
        lost = len(self._frames) - kept
        del self._frames[kept:]
        del self._outbox[kept - 1 :]
        self._timeline += fails_over
        self._note_timeline()
        self.standby.flushed = min(self.standby.flushed, self._frames[-1].lsn)
        if lost and self._ledger.primary is self:
            self._ledger.forks_unseen |= not fails_over
            self._ledger.follow(self, self.line())

    def _note_timeline(self) -> None:
        """A timeline's change is seen by who reads the head, before anything is committed."""
        last = self._frames[-1]
        head = last.head._replace(
            found_timeline_id=self._timeline,
            compacted_revision=min(last.head.compacted_revision, last.head.revision),
        )
        self._frames[-1] = last._replace(head=head)

    def compact(self, kept: int) -> None:
        """Let no resolver catch up from more than `kept` revisions ago; no row is deleted."""
        last = self._frames[-1]
        compacted = max(last.head.compacted_revision, last.head.revision - kept)
        self._frames[-1] = last._replace(head=last.head._replace(compacted_revision=compacted))


class Replica:
    """A server that follows another, some commits behind, and is only read.

    Attributes:
        behind: So many commits.
    """

    def __init__(self, server: Database, behind: int) -> None:
        self.server = server
        self.behind = behind

    def _last(self) -> int:
        self.server.require_up()
        return max(0, len(self.server._frames) - 1 - self.behind)

    def head(self) -> HeadRow:
        return self.server._frames[self._last()].head

    def hydrate(self) -> Snapshot:
        """As one that is not busy."""
        return _snapshot_of(self.server._frames[self._last()])

    def resolver_rows(self, revision: int) -> list[resolver_database.LoggedChangeSet]:
        rows = self.server._outbox[: self._last()]
        first = bisect_right(rows, revision, key=lambda row: row.revision)
        return [_resolver_row(row) for row in rows[first : first + ROWS_MAX]]


def _snapshot_of(frame: Frame) -> Snapshot:
    entities = [(KIND, key, payload) for key, payload in frame.state.items()]
    return Snapshot(head_message(frame.head), entities)


def _venue(key: str, name: str) -> bytes:
    return venue_pb2.Venue(venue_id=key, name=name).SerializeToString()


def _resolver_row(row: OutboxRow) -> resolver_database.LoggedChangeSet:
    message = commit_message(REGISTRY_ID, row)
    return resolver_database.LoggedChangeSet(message.head, message.commit, row.is_reset)
