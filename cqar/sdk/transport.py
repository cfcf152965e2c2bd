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


class Call(NamedTuple):
    """A question on its way.

    Attributes:
        timeout_s: Until the reply, or until the end of a stream; `math.inf`: without an end.
        min_position: The reply must not be from before this position; None: any will do.
        metadata: Of this call alone, such as a reason.
    """

    question: Question[Any]
    timeout_s: float
    min_position: Position | None
    metadata: tuple[tuple[str, str | bytes], ...] = ()


class Reply(NamedTuple):
    """A response message and the registry position that it reflects; None: not known.

    A transport that fails raises a `CqarError`, whose `position` says the same of a refusal.
    """

    message: Any
    position: Position | None


class SyncTransport(Protocol):
    def send(self, call: Call) -> Reply:
        """Return the reply to a question that has one."""

    def stream(self, call: Call) -> Generator[Reply]:
        """Yield the replies to a question that has many."""


class AsyncTransport(Protocol):
    async def send(self, call: Call) -> Reply:
        """As `SyncTransport.send`."""

    def stream(self, call: Call) -> AsyncGenerator[Reply]:
        """As `SyncTransport.stream`."""
