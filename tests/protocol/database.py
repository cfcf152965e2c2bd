"""A PostgreSQL that commits in order, and loses its last commits when told to."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_pb2

from resolver import database as resolver_database
from resolver.snapshot import Snapshot
from shared import history
from shared.history import Position, position_of
from tests.protocol.ledger import Ledger, State
from tests.protocol.pausing import Away
from writer import revisions
from writer.heads import head_message
from writer.outbox import OutboxRow
from writer.relay import commit_message
from writer.store import HeadRow

KIND: Final = "venue"
REGISTRY_ID: Final = b"r" * 16
NOW: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
#: So small that reading it out takes several rounds.
ROWS_MAX: Final = 3
_SYSTEM: Final = 7
_NO_EVENTS: Final = replication_pb2.DomainEvents()


class Frame(NamedTuple):
    """What a failover may take the database back to."""

    head: HeadRow
    state: State


class Database:
    """The registry's tables, as far as the protocol goes. Rows and chains are the writer's own.

    Attributes:
        busy: So many resolvers to come find that others are loading everything.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._nonces = 0
        self._commits = 0
        self._timeline = 1
        self.is_down = False
        self.busy = 0
        self._outbox: list[OutboxRow] = []
        empty = history.set_hash_bytes(0)
        row = HeadRow(REGISTRY_ID, 1, 0, b"\0" * 32, 0, empty, 0, _SYSTEM, 1, _SYSTEM, 1)
        self._frames = [Frame(row, {})]
        ledger.committed(position_of(row), {})

    # ------------------------------------------------------------ reading

    def _require_up(self) -> None:
        if self.is_down:
            raise Away

    def head(self) -> HeadRow:
        self._require_up()
        return self._frames[-1].head

    def state(self) -> State:
        return self._frames[-1].state

    def rows_after(self, revision: int, most: int = ROWS_MAX) -> list[OutboxRow]:
        self._require_up()
        first = bisect_right(self._outbox, revision, key=lambda row: row.revision)
        return self._outbox[first : first + most]

    def hydrate(self) -> Snapshot:
        """As `resolver.database.Database.hydrate`."""
        self._require_up()
        if self.busy:
            self.busy -= 1
            raise resolver_database.Busy
        return self.loaded()

    def loaded(self) -> Snapshot:
        entities = [(KIND, key, payload) for key, payload in self.state().items()]
        return Snapshot(head_message(self.head()), entities)

    def resolver_rows(self, revision: int) -> list[resolver_database.Row]:
        return [_resolver_row(row) for row in self.rows_after(revision)]

    # ------------------------------------------------------------ writing

    def commit(self, names: Mapping[str, str | None]) -> Position:
        """Commit venues of these names by key, or their end, as one revision."""
        self._require_up()
        if self.head().database_changed:
            self._begin_epoch(position_of(self.head()))
        head, state = self._frames[-1]
        after, total = dict(state), history.set_hash_from(head.set_hash)
        # Two commits are never the same bytes: production's differ in time and request.
        self._commits += 1
        change_set = replication_pb2.ChangeSet(
            epoch=head.epoch, revision=head.revision + 1, request_id=str(self._commits)
        )
        for key, name in names.items():
            payload = b"" if name is None else _venue(key, name)
            if (before := after.pop(key, None)) is not None:
                total -= history.hash_of(KIND, key, before)
            if payload:
                after[key] = payload
                total += history.hash_of(KIND, key, payload)
            change_set.changes.add(kind=KIND, key=key, entity=payload, deleted=not payload)
        row = revisions.sealed(head, change_set, _NO_EVENTS, len(after), total, NOW)
        return self._append(row, after)

    def bump(self, expected_epoch: int, seen: Position) -> bool:
        """As `Mutations.bump_epoch`."""
        self._require_up()
        if self.head().epoch != expected_epoch:
            return False
        self._ledger.begins(seen)
        self._begin_epoch(seen)
        self._ledger.begun(seen)
        return True

    def _begin_epoch(self, seen: Position) -> None:
        self._nonces += 1
        nonce = self._nonces.to_bytes(revisions.NONCE_BYTES, "big")
        self._append(revisions.first_of_epoch(self.head(), seen, NOW, nonce), self.state())

    def _append(self, row: OutboxRow, state: State) -> Position:
        names = ("epoch", "revision", "chain", "live_count", "set_hash", "chain_version")
        moved = {name: getattr(row, name) for name in names}
        head = self._frames[-1].head._replace(**moved, timeline_id=self._timeline)
        self._outbox.append(row)
        self._frames.append(Frame(head, state))
        position = position_of(head)
        self._ledger.committed(position, state)
        return position

    # ------------------------------------------------------------ faults

    def lose(self, commits: int, *, fails_over: bool) -> None:
        """Take back the last commits, epochs among them.

        Args:
            commits: How many at most.
            fails_over: The timeline changes with it, as when a standby takes over. Without,
                nothing in the database tells of the loss.
        """
        kept = max(1, len(self._frames) - commits)
        lost = len(self._frames) - kept
        del self._frames[kept:]
        del self._outbox[kept - 1 :]
        self._timeline += fails_over
        head, state = self._frames[-1]
        # A timeline's change is seen by who reads the head, before anything is committed.
        self._frames[-1] = Frame(
            head._replace(
                found_timeline_id=self._timeline,
                compacted_revision=min(head.compacted_revision, head.revision),
            ),
            state,
        )
        if lost:
            self._ledger.forks_unseen |= not fails_over
            self._ledger.lost_after(position_of(head))

    def compact(self, kept: int) -> None:
        """Let no resolver catch up from more than `kept` revisions ago; no row is deleted."""
        head, state = self._frames[-1]
        compacted = max(head.compacted_revision, head.revision - kept)
        self._frames[-1] = Frame(head._replace(compacted_revision=compacted), state)


def _venue(key: str, name: str) -> bytes:
    return venue_pb2.Venue(venue_id=key, name=name).SerializeToString()


def _resolver_row(row: OutboxRow) -> resolver_database.Row:
    message = commit_message(REGISTRY_ID, row)
    return resolver_database.Row(message.head, message.commit, row.is_reset)
