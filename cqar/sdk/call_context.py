"""What every way of asking has in common: how long to wait, and what not to go behind."""

from __future__ import annotations

from typing import Final

from cqar.sdk.deadline import Deadline
from cqar.sdk.session_position import Position, SessionPosition

#: Where nobody says otherwise. A resolver answers within a millisecond; what may take longer is to
#: connect, to ask again, and to wait for a revision.
TIMEOUT_S: Final = 5.0
#: Between two looks at a resolver that is not ready.
POLL_S: Final = 0.05


class CallContext:
    """Of a client or a replica.

    Args:
        timeout_s: For each question, where none is given with it.
    """

    def __init__(self, timeout_s: float, session: SessionPosition) -> None:
        self._timeout_s = timeout_s
        self._session = session

    def carry(self, position: Position) -> None:
        """Accept no answer from before this position, such as that of a writer's answer.

        `Position.of(call.trailing_metadata())` reads one off any call to a writer.

        Raises:
            ValueError: No registry can be there.
        """
        self._session.require(position.checked())

    @property
    def position(self) -> Position | None:
        """What the next answer will not be older than; None: it may be of any revision."""
        return self._session.position

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self._timeout_s if timeout_s is None else timeout_s)
