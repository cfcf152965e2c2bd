"""Judges whether a server that answers is the registry's current database. Pure.

A failover leaves two databases with one history. A process that keeps connections to the old one,
or whose address leads back to it, would read the past there and acknowledge changes that are lost.
So each position that a server reports is compared with the newest one that this process knows.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from cqar_shared.replication import positions
from cqar_shared.replication.positions import NO_TERM, LogPosition, Term, position_of, term_of


class DatabaseState(positions.HasPosition, positions.HasTerm, Protocol):
    """What a server reports about its database."""

    @property
    def registry_id(self) -> bytes: ...
    @property
    def compacted_revision(self) -> int: ...
    @property
    def database_changed(self) -> bool: ...


class ObservedTerm(NamedTuple):
    """The newest position and term of a registry that a process has seen.

    Attributes:
        registry_id: Empty until a head was read.
        position: Its chain is empty if it is not known.
        term: The term of the latest database that this process used or another writer answered
            from.
    """

    registry_id: bytes = b""
    position: LogPosition = LogPosition(0, 0, b"")
    term: Term = NO_TERM

    def of(self, registry_id: bytes) -> ObservedTerm:
        """Return this if it is of the same registry, else the empty state."""
        return self if self.registry_id in (b"", registry_id) else ObservedTerm()

    def with_position(self, position: LogPosition) -> ObservedTerm:
        known = self.position
        if position[:2] > known[:2] or (position[:2] == known[:2] and not known.chain):
            return self._replace(position=position)
        return self

    def with_head(self, head: DatabaseState) -> ObservedTerm:
        """Return the state after a head that was judged `CURRENT`."""
        seen = self.of(head.registry_id).with_position(position_of(head))
        return ObservedTerm(head.registry_id, seen.position, max(seen.term, term_of(head)))


class Verdict(enum.Enum):
    CURRENT = enum.auto()
    CHANGED = enum.auto()  # promoted or restored since the last commit
    BEHIND = enum.auto()  # lacks what this process knows
    OLDER = enum.auto()  # another database has replaced it


def judge(seen: ObservedTerm, head: DatabaseState) -> Verdict:
    """Judge the server that reported `head`.

    Args:
        seen: What was seen before the server was asked: its answer may lack later commits.
        head: What the server reports.
    """
    if head.database_changed:
        # It becomes the latest database once a writer notes its term there.
        return Verdict.CHANGED
    known = seen.of(head.registry_id)
    if term_of(head) < known.term:
        return Verdict.OLDER
    position, newest = position_of(head), known.position
    is_fork = position[:2] == newest[:2] and newest.chain not in (b"", position.chain)
    if position[:2] < newest[:2] or is_fork:
        return Verdict.BEHIND
    return Verdict.CURRENT


def needs_chain_check(seen: ObservedTerm, head: DatabaseState) -> bool:
    """Whether only the outbox can tell that a head includes the newest known position.

    A database that lost commits and went on passes the lost numbers sooner or later.
    """
    newest = seen.of(head.registry_id).position
    is_beyond = head.epoch == newest.epoch and head.revision > newest.revision
    return is_beyond and bool(newest.chain) and newest.revision > head.compacted_revision


class Remedy(enum.Enum):
    USE = enum.auto()
    LEAVE = enum.auto()  # close the connections, and look where the address leads now
    RENEW = enum.auto()  # begin an epoch in it
    FENCE = enum.auto()  # refuse all work until the address leads to a later database


def remedy(verdict: Verdict, *, is_fresh: bool) -> Remedy:
    """Decide what to do after a verdict.

    Args:
        is_fresh: Whether the connection was opened after all earlier ones were given up, so that
            it leads where the address leads now.
    """
    if verdict is Verdict.CURRENT:
        return Remedy.USE
    if verdict is Verdict.CHANGED:
        return Remedy.RENEW
    if not is_fresh:
        return Remedy.LEAVE
    return Remedy.RENEW if verdict is Verdict.BEHIND else Remedy.FENCE


def is_later(own: DatabaseState, other: positions.HasTerm) -> bool:
    """Whether `other` is of a database that has replaced this one."""
    return term_of(other) > term_of(own)
