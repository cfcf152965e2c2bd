"""All that was ever committed, lost or not. Only assertions read it: no process knows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cqar_shared.replication.positions import LogPosition, Term
from tests.protocol.violation import require

#: Of the first server, which nobody promoted.
_FIRST: Final = Term(0, 1)
#: Key -> payload of all that is live.
State = dict[str, bytes]


@dataclass
class Ledger:
    """What the registry's database held when.

    Attributes:
        clock: Seconds.
        primary: The server whose history is the registry's: the one promoted last.
        states: What each position holds.
        before: What each position directly follows.
        line: The positions of the registry's present history, with their place in it.
        begun_twice: Epochs whose first commit was lost and whose number was taken again. Two
            failovers in a row can do that: the second loses the epoch that the first began, and
            a mutation comes before anybody who saw it. Chains tell the two apart; a client that
            names an epoch and a revision cannot.
        forks_unseen: Commits were lost and nothing in the database told of it.
        two_answer: Two servers may both take changes and acknowledge them.
        epochs: So many were begun, on whatever server.
    """

    clock: Callable[[], float]
    primary: object = None
    states: dict[LogPosition, State] = field(default_factory=dict)
    before: dict[LogPosition, LogPosition] = field(default_factory=dict)
    line: dict[LogPosition, int] = field(default_factory=dict)
    begun_twice: set[int] = field(default_factory=set)
    forks_unseen: bool = False
    two_answer: bool = False
    epochs: int = 0
    _latest: Term = _FIRST
    _epochs: set[int] = field(default_factory=lambda: {1})
    _order: list[LogPosition] = field(default_factory=list)
    _begun_for: dict[LogPosition, LogPosition] = field(default_factory=dict)
    _committed_s: dict[LogPosition, float] = field(default_factory=dict)
    _names: int = 0

    def fresh_name(self) -> str:
        """As nothing else is named."""
        self._names += 1
        return str(self._names)

    def committed(
        self, server: object, before: LogPosition | None, position: LogPosition, state: State
    ) -> None:
        """A server shows what was committed there."""
        known = self.states.setdefault(position, state)
        require(known == state, 1, "one position names two contents:", position)
        self._committed_s.setdefault(position, self.clock())
        if before is not None and position not in self.before:
            self.before[position] = before
            if position.epoch == before.epoch:
                require(position.revision == before.revision + 1, 3, "a gap before", position)
            else:
                require(position > before, 3, "an epoch begins in the past:", position)
                self._note_epoch(position.epoch)
        if server is self.primary:
            self.line[position] = len(self.line)
            self._order.append(position)

    def _note_epoch(self, epoch: int) -> None:
        self.epochs += 1
        if epoch in self._epochs:
            self.begun_twice.add(epoch)
        self._epochs.add(epoch)

    def can_be_named(self, wrote: LogPosition) -> bool:
        """Whether its epoch and revision name one commit that the database still has."""
        unique = not self.forks_unseen and wrote.epoch not in self.begun_twice
        return unique and wrote in self.line

    def follow(self, server: object, line: Sequence[LogPosition]) -> None:
        """From now on the registry's history is this one of this server."""
        self.primary = server
        self._order = list(line)
        self.line = {position: place for place, position in enumerate(line)}

    def dated(self, server: object, term: Term, line: Callable[[], Sequence[LogPosition]]) -> None:
        """A server says since when it is the registry's: of two promoted, the later is."""
        if term > self._latest:
            self._latest = term
            if server is not self.primary:
                self.follow(server, line())

    @property
    def head(self) -> LogPosition:
        return self._order[-1]

    def staleness_s(self, position: LogPosition) -> float:
        """How long ago was committed what a position lacks first.

        What it has and the database lost is not stale before the new epoch says so.
        """
        while position not in self.line:
            position = self.before[position]
        place = self.line[position] + 1
        if place == len(self._order):
            return 0.0
        return self.clock() - self._committed_s[self._order[place]]

    def holds(self, position: LogPosition | None, earlier: LogPosition) -> bool:
        """Whether a position is this earlier one, or has it in its history."""
        while position is not None and position != earlier:
            position = self.before.get(position)
        return position is not None

    def begun(self, seen: LogPosition, first: LogPosition) -> None:
        """An epoch has begun, for something seen outside the database."""
        self._begun_for[seen] = first

    def begins(self, seen: LogPosition, line: Sequence[LogPosition]) -> None:
        """An epoch is about to begin in a database, for something seen outside it."""
        require(seen not in line, 0, "a needless epoch, for what is in the database:", seen)
        # Whoever looked before an epoch's number was taken again compares it in vain.
        begun = self._begun_for.get(seen)
        needless = begun in line and line[-1].epoch not in self.begun_twice
        require(not needless, 0, "a needless epoch, since one was begun for", seen)
