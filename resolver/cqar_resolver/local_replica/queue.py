"""What is served and not yet published. Pure but for the event that wakes who publishes it."""

from __future__ import annotations

import asyncio
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.planned_change import PlannedChange

#: Waiting to be written; beyond it all is written anew instead.
WAITING_CHANGES_MAX: Final = 50_000


#: Heads, and what led to each.
Taken = list[tuple[replication_pb2.Head, "list[PlannedChange]"]]


class ReplicaQueue:
    """Change sets in their order, as long as what is published leads on to them.

    Attributes:
        is_whole: Somebody publishes, and has everything before these.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self.stirred = asyncio.Event()
        self._waiting: Taken = []
        self._changes = 0

    def replaced(self) -> None:
        """What is served was loaded anew."""
        self.is_whole = False
        self._waiting.clear()
        self._changes = 0
        self.stirred.set()

    def applied(self, head: replication_pb2.Head, planned: list[PlannedChange]) -> None:
        """What is served moved on."""
        if not self.is_whole:
            return
        self._waiting.append((head, planned))
        self._changes += len(planned)
        self.stirred.set()
        if self._changes > WAITING_CHANGES_MAX:
            self.replaced()

    def put_back(self, taken: Taken) -> None:
        """What was taken last could not be told: it comes before what came since."""
        if not self.is_whole:
            return
        self._waiting[:0] = taken
        self._changes += sum(len(planned) for _, planned in taken)
        if self._changes > WAITING_CHANGES_MAX:
            self.replaced()

    def take(self) -> Taken:
        taken, self._waiting, self._changes = self._waiting, [], 0
        return taken
