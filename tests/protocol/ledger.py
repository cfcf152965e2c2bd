"""All that was ever committed, lost or not. Only assertions read it: no process knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.history import Position
from tests.protocol.violation import require

#: Key -> payload of all that is live.
State = dict[str, bytes]


@dataclass
class Ledger:
    """What the database held when.

    Attributes:
        clock: Seconds.
        states: What each position holds.
        before: What each position directly follows.
        line: The positions of the database's present history, with their place in it.
        begun_twice: Epochs whose first commit was lost and whose number was taken again. Two
            failovers in a row can do that: the second loses the epoch that the first began, and
            a mutation comes before anybody who saw it. Chains tell the two apart; a client that
            names an epoch and a revision cannot.
        forks_unseen: Commits were lost and nothing in the database told of it.
    """

    clock: Callable[[], float]
    states: dict[Position, State] = field(default_factory=dict)
    before: dict[Position, Position] = field(default_factory=dict)
    line: dict[Position, int] = field(default_factory=dict)
    begun_twice: set[int] = field(default_factory=set)
    forks_unseen: bool = False
    _epochs: set[int] = field(default_factory=lambda: {1})
    _order: list[Position] = field(default_factory=list)
    _begun_for: dict[Position, Position] = field(default_factory=dict)
    _committed_s: dict[Position, float] = field(default_factory=dict)

    def committed(self, position: Position, state: State) -> None:
        known = self.states.setdefault(position, state)
        require(known == state, 1, "one position names two contents:", position)
        if self.line and position.epoch == self.head.epoch:
            require(position.revision == self.head.revision + 1, 3, "a gap before", position)
        elif self.line:
            require(position > self.head, 3, "an epoch begins in the past:", position)
        if self.line:
            self.before[position] = self.head
            if position.epoch != self.head.epoch:
                self._note_epoch(position.epoch)
        self.line[position] = len(self.line)
        self._order.append(position)
        self._committed_s[position] = self.clock()

    def _note_epoch(self, epoch: int) -> None:
        if epoch in self._epochs:
            self.begun_twice.add(epoch)
        self._epochs.add(epoch)

    def can_be_named(self, wrote: Position) -> bool:
        """Whether its epoch and revision name one commit that the database still has."""
        unique = not self.forks_unseen and wrote.epoch not in self.begun_twice
        return unique and wrote in self.line

    def lost_after(self, position: Position) -> None:
        for lost in self._order[self.line[position] + 1 :]:
            del self.line[lost]
        del self._order[len(self.line) :]

    @property
    def head(self) -> Position:
        return self._order[-1]

    def staleness_s(self, position: Position) -> float:
        """How long ago was committed what a position lacks first.

        What it has and the database lost is not stale before the new epoch says so.
        """
        while position not in self.line:
            position = self.before[position]
        place = self.line[position] + 1
        if place == len(self._order):
            return 0.0
        return self.clock() - self._committed_s[self._order[place]]

    def holds(self, position: Position | None, earlier: Position) -> bool:
        """Whether a position is this earlier one, or has it in its history."""
        while position is not None and position != earlier:
            position = self.before.get(position)
        return position is not None

    def begun(self, seen: Position) -> None:
        """An epoch has begun, for something seen outside the database."""
        self._begun_for[seen] = self.head

    def begins(self, seen: Position) -> None:
        """An epoch is about to begin, for something seen outside the database."""
        require(seen not in self.line, 0, "a needless epoch, for what is in the database:", seen)
        # Whoever looked before an epoch's number was taken again compares it in vain.
        begun = self._begun_for.get(seen) in self.line and self.head.epoch not in self.begun_twice
        require(not begun, 0, "a needless epoch, since one was begun for", seen)
