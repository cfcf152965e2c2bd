"""Whether a database that answers is the registry's as it stands. Pure: no I/O, no clock.

A failover leaves two databases with one history. A process that kept connections to the one that
was replaced, or whose address leads back to it, would read the past there, and acknowledge what is
lost. So whatever says where it is, is compared with the newest that this process knows.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from cqar_shared.replication import positions
from cqar_shared.replication.positions import NO_TERM, LogPosition, Term, position_of, term_of


class Answering(positions.HasPosition, positions.HasTerm, Protocol):
    """What a database says of itself."""

    @property
    def registry_id(self) -> bytes: ...
    @property
    def compacted_revision(self) -> int: ...
    @property
    def database_changed(self) -> bool: ...


class ObservedTerm(NamedTuple):
    """The newest that a process has seen of a registry.

    Attributes:
        registry_id: Empty until a head was read.
        position: Its chain is empty where that is not known.
        term: Of the latest database that it used, or that another writer answered from.
    """

    registry_id: bytes = b""
    position: LogPosition = LogPosition(0, 0, b"")
    term: Term = NO_TERM

    def of(self, registry_id: bytes) -> ObservedTerm:
        """What was seen of this registry, as far as it is the same one."""
        return self if self.registry_id in (b"", registry_id) else ObservedTerm()

    def with_position(self, position: LogPosition) -> ObservedTerm:
        ours, theirs = self.position, position
        if theirs[:2] > ours[:2] or (theirs[:2] == ours[:2] and not ours.chain):
            return self._replace(position=position)
        return self

    def with_head(self, head: Answering) -> ObservedTerm:
        """After a head that is `CURRENT`."""
        seen = self.of(head.registry_id).with_position(position_of(head))
        return ObservedTerm(head.registry_id, seen.position, max(seen.term, term_of(head)))


class Verdict(enum.Enum):
    CURRENT = enum.auto()
    CHANGED = enum.auto()  # promoted or restored since it was written to last
    BEHIND = enum.auto()  # it has not, or not any more, what this process knows
    OLDER = enum.auto()  # another database took its place


def judge(seen: ObservedTerm, head: Answering) -> Verdict:
    """What a database is that says this.

    Args:
        seen: As it was before the database was asked: what it commits meanwhile, it may not say.
        head: What it says.
    """
    if head.database_changed:
        # It will be the latest, once a writer has noted so in it.
        return Verdict.CHANGED
    known = seen.of(head.registry_id)
    if term_of(head) < known.term:
        return Verdict.OLDER
    at, newest = position_of(head), known.position
    if at[:2] < newest[:2] or (at[:2] == newest[:2] and newest.chain not in (b"", at.chain)):
        return Verdict.BEHIND
    return Verdict.CURRENT


def is_to_be_compared(seen: ObservedTerm, head: Answering) -> bool:
    """Whether only the outbox tells that a head beyond what is known comes after it.

    A database that fell back and went on is beyond what it lost, sooner or later, by its numbers.
    """
    newest = seen.of(head.registry_id).position
    is_beyond = head.epoch == newest.epoch and head.revision > newest.revision
    return is_beyond and bool(newest.chain) and newest.revision > head.compacted_revision


class Remedy(enum.Enum):
    USE = enum.auto()
    LEAVE = enum.auto()  # close what leads there, and look where the address leads now
    RENEW = enum.auto()  # begin a new epoch in it
    FENCE = enum.auto()  # refuse everything until the address leads to a later one


def remedy(verdict: Verdict, *, is_fresh: bool) -> Remedy:
    """What follows from a verdict.

    Args:
        is_fresh: Whether the connection was opened after all of before were given up: then it
            leads to where the address leads.
    """
    if verdict is Verdict.CURRENT:
        return Remedy.USE
    if verdict is Verdict.CHANGED:
        return Remedy.RENEW
    if not is_fresh:
        return Remedy.LEAVE
    return Remedy.RENEW if verdict is Verdict.BEHIND else Remedy.FENCE


def is_later(own: Answering, other: positions.HasTerm) -> bool:
    """Whether somebody speaks for a database that took this one's place."""
    return term_of(other) > term_of(own)
