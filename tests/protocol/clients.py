"""Who asks writers for changes, is told of them or not, and asks again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from cqar_shared.replication.positions import LogPosition
from tests.protocol.cluster import Connection
from tests.protocol.ledger import Ledger
from tests.protocol.pausing import Away
from tests.protocol.violation import require
from tests.protocol.writer_process import Writer

#: Requests that were not answered, and may be sent again.
UNANSWERED_MAX: Final = 4
#: An answer takes no more steps than this, unless a standby is waited for.
STEPS: Final = 6


class Request(NamedTuple):
    """Attributes:
    key: The same each time that it is sent.
    """

    key: str
    changes: Mapping[str, str | None]


class Clients:
    """Attributes:
    told: Every change that was acknowledged to any, in order.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.told: list[LogPosition] = []
        self._unanswered: deque[Request] = deque(maxlen=UNANSWERED_MAX)

    def send(self, writer: Writer, changes: Mapping[str, str | None]) -> None:
        """Ask for changes; for none: whether what is there is kept."""
        self._send(writer, Request(self._ledger.fresh_name(), changes))

    def send_again(self, writer: Writer, number: int) -> None:
        """What was not answered, under the same key."""
        if self._unanswered:
            self._send(writer, self._unanswered[number % len(self._unanswered)])

    def _send(self, writer: Writer, request: Request) -> None:
        self._unanswered.append(request)
        writer.request(self._request(writer, request))
        writer.answer_on(STEPS)

    async def _request(self, writer: Writer, request: Request) -> None:
        def told(at: LogPosition, connection: Connection) -> None:
            self._tell(writer, request, at, connection)

        try:
            await writer.epochs.write(request.changes, request.key, told)
        except Away:
            return

    def _tell(
        self, writer: Writer, request: Request, at: LogPosition, connection: Connection
    ) -> None:
        if request in self._unanswered:
            self._unanswered.remove(request)
        self.told.append(at)
        writer.tells(at, connection.server)
        if connection.server.standby.is_synchronous:
            require(at in self._ledger.line, 5, "acknowledged, and not the registry's:", at)

    def acknowledged(self, number: int) -> LogPosition | None:
        """One of the last four changes."""
        return self.told[-1 - number % min(4, len(self.told))] if self.told else None
