"""What carries a question to whoever answers it, and the reply back.

`SyncApi` and `AsyncApi` make a question, send it through their transport, note the reply's
position and read its message. A transport knows only how one question travels: by gRPC, within
an event loop, to another thread, or into a local file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any, NamedTuple, Protocol

from cqar.sdk.questions import Question
from cqar.sdk.session_position import Position


class Reply(NamedTuple):
    """A response message and the registry position that it reflects; None: the position is unknown.

    A transport that fails raises a `CqarError`, whose `position` says the same of a refusal.
    """

    message: Any
    position: Position | None


class SyncTransport(Protocol):
    def send(
        self, question: Question[Any], timeout_s: float, min_position: Position | None
    ) -> Reply:
        """Return the reply to a question, which is not from before `min_position`."""

    def stream(
        self, question: Question[Any], timeout_s: float | None, min_position: Position | None
    ) -> Generator[Reply]:
        """Yield the replies to a question that has many; without an end if `timeout_s` is None."""


class AsyncTransport(Protocol):
    async def send(
        self, question: Question[Any], timeout_s: float, min_position: Position | None
    ) -> Reply:
        """As `SyncTransport.send`."""

    def stream(
        self, question: Question[Any], timeout_s: float | None, min_position: Position | None
    ) -> AsyncGenerator[Reply]:
        """As `SyncTransport.stream`."""
