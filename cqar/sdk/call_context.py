"""What all calls of one client or replica share: the default timeout and the session's position."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from cqar.sdk.errors import CqarError, EpochChanged
from cqar.sdk.session_position import Position, SessionPosition

#: Default timeout of a call. A resolver answers within a millisecond; connecting, retrying and
#: waiting for a revision may take longer.
TIMEOUT_S: Final = 5.0
#: Between two looks at a resolver that is not ready.
POLL_S: Final = 0.05

F = TypeVar("F", bound=Callable[..., Any])


class Deadline:
    """An instant `timeout_s` from now, shared by several calls."""

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0: a call with nothing left ends at once, by its own deadline."""
        return max(0.0, self._at_s - time.monotonic())


class CallContext:
    """The state of `SyncApi` and `AsyncApi`.

    Args:
        timeout_s: Default timeout of each call.
    """

    def __init__(self, timeout_s: float, session: SessionPosition) -> None:
        self._timeout_s = timeout_s
        self._session = session

    def carry(self, position: Position) -> None:
        """Accept no answer from before this position, such as that of a writer's answer.

        `Position.of(call.trailing_metadata())` reads one off any call to a writer.

        Raises:
            ValueError: No registry can be at that position.
        """
        self._session.require(position.checked())

    @property
    def position(self) -> Position | None:
        """The position that the next answer will not be older than; None: any revision will do."""
        return self._session.position

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self._or_default_s(timeout_s))

    def _or_default_s(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else timeout_s

    def _note_failure(self, error: CqarError) -> None:
        """Keep the session's position right after a refusal: a new epoch ends the old history."""
        if isinstance(error, EpochChanged):
            self._session.forget()
        else:
            self._session.observe(error.position)


def signature_of(replaced: F) -> Callable[[Callable[..., Any]], F]:
    """Give a method the overloads and the docstring of the one that it replaces.

    Each call surface states its overloads once, and a cached path in a subclass costs no frame.
    """

    def apply(method: Callable[..., Any]) -> F:
        method.__doc__ = replaced.__doc__
        return method  # type: ignore[return-value]

    return apply
