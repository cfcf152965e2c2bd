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
        forks_unseen: Commits were lost and nothing in the database told of it.
    """

    clock: Callable[[], float]
    states: dict[Position, State] = field(default_factory=dict)
    before: dict[Position, Position] = field(default_factory=dict)
    line: dict[Position, int] = field(default_factory=dict)
    forks_unseen: bool = False
    bumps: int = 0
    _order: list[Position] = field(default_factory=list)
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
        self.line[position] = len(self.line)
        self._order.append(position)
        self._committed_s[position] = self.clock()

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

    def bumped(self, seen: Position) -> None:
        self.bumps += 1
        require(seen not in self.line, 0, "a needless epoch, for what is in the database:", seen)
