"""The servers that are, or were, the registry's PostgreSQL, and where each process connects to."""

from __future__ import annotations

from typing import Final

from tests.protocol.database import Database, Replica
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Away

#: Servers in one schedule: the first, and those that were promoted.
SERVERS_MAX: Final = 4
#: A process has a connection that is used and one that lies idle meanwhile, and takes them in turn.
CONNECTIONS: Final = 2


class Door:
    """Where an address leads to, as one process sees it.

    Attributes:
        server: Where new connections go.
        behind: Of a reader: it reads a replica of that server, so many commits behind; 0: itself.
    """

    def __init__(self, server: Database) -> None:
        self.server = server
        self.behind = 0

    def reader(self) -> Database | Replica:
        """A connection for one use."""
        return Replica(self.server, self.behind) if self.behind else self.server


class Connection:
    """To one server, until either ends it.

    Attributes:
        opened: After so many drops of its pool.
        compared: Whether its server's history was compared with what the process knows.
    """

    def __init__(self, server: Database, opened: int) -> None:
        self.server = server
        self.opened = opened
        self.compared = False
        self._restarts = server.restarts

    @property
    def is_closed(self) -> bool:
        return self.server.restarts != self._restarts

    def require_open(self) -> None:
        """See that it still answers.

        Raises:
            Away: It does not.
        """
        if self.is_closed:
            raise Away
        self.server.require_up()


class Pool:
    """A writer's connections; one that is kept stays with its server, wherever the door leads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._kept: list[Connection | None] = [None] * CONNECTIONS
        self._turn = 0
        self.drops = 0

    def take(self) -> Connection:
        """One that answers.

        Raises:
            Away: It does not, and is given up.
        """
        self._turn = (self._turn + 1) % CONNECTIONS
        found = self._kept[self._turn]
        if found is None or found.is_closed:
            found = self._kept[self._turn] = Connection(self._door.server, self.drops)
        if found.server.is_down:
            self._kept[self._turn] = None
            raise Away
        return found

    def leads_to(self, server: Database) -> bool:
        return self._door.server is server

    def drop(self) -> None:
        """Connections of before are not used again."""
        self.drops += 1
        self._kept = [None] * CONNECTIONS


class Cluster:
    """All servers.

    Attributes:
        servers: The first first.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.servers = [Database(ledger)]

    @property
    def primary(self) -> Database:
        """The one that is the registry's: of those promoted, the last."""
        return next(server for server in self.servers if server is self._ledger.primary)

    def promote(self, had_more: int) -> Database | None:
        """A standby takes over, with all that it is known to have and maybe some more.

        Returns:
            Who it takes over from; None where there are no more servers.
        """
        if len(self.servers) == SERVERS_MAX:
            return None
        old = self.primary
        found = old.promoted(min(old.lsn, old.standby.flushed + had_more))
        old.standby.is_gone = True
        self.servers.append(found)
        self._ledger.follow(found, found.line())
        return old

    def split(self, fewer: int) -> Database | None:
        """Another standby takes over as well, which has a little less."""
        if len(self.servers) in (1, SERVERS_MAX):
            return None
        old = self.servers[-2]
        found = old.promoted(max(0, old.standby.flushed - fewer))
        self.servers.append(found)
        return found
