"""What the follower needs from outside, beside time (`cqar_resolver.replication.scheduler`).

A resolver passes NATS and PostgreSQL, the protocol fuzz what it simulates.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

from nats.aio.client import Client

from cqar_resolver.replication.postgres import (
    HeadRead,
    OutboxPage,
    PreflightCheck,
    RegistryDatabase,
)
from cqar_resolver.replication.scheduler import EventLoopScheduler, Scheduler
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.messaging.head_requests import HeadAnswer, HeadRequests, IsWanted
from cqar_shared.messaging.stream_reader import Item, StreamReader
from cqar_shared.replication.positions import StreamMark


class HeldItems(Protocol):
    """Items of the stream; to be closed, since a reader may stop before the last."""

    def __aiter__(self) -> AsyncIterator[Item]: ...

    async def aclose(self) -> object:
        """End the reading."""


class ChangeStream(Protocol):
    """The stream of change sets; `StreamReader` is one."""

    async def note(self) -> StreamMark | None:
        """Where the stream is now; None if that is not known."""

    async def mark(self) -> StreamMark:
        """Where the stream is now."""

    async def mark_and_owner(self) -> tuple[StreamMark, str]:
        """The same, with the registry that claimed the stream, in hex; empty if none did."""

    def read(self, after: int) -> AsyncIterator[Item | None]:
        """Follow from behind a sequence; None now and then while nothing comes."""

    async def search(self, mark: StreamMark, is_before: Callable[[bytes], bool]) -> int | None:
        """The first sequence whose payload is not before what is searched for; None if none is."""

    def held(self, first: int, last: int) -> HeldItems:
        """What the stream holds between two sequences."""


class Database(Protocol):
    """The registry's PostgreSQL; `RegistryDatabase` is one."""

    async def look(self, revision: int) -> HeadRead:
        """The head, and the outbox's position at a revision."""

    async def hydrate(self, preflight: PreflightCheck | None = None, held: int = 0) -> Snapshot:
        """The whole registry at one revision, unless `preflight` raises."""

    async def rows_after(self, revision: int) -> OutboxPage:
        """The first outbox rows behind a revision."""


class HeadClient(Protocol):
    """Asks writers for the head; `HeadRequests` does."""

    async def head(self, is_wanted: IsWanted) -> HeadAnswer:
        """The first wanted head, or else the first."""


class Response(Protocol):
    """An answer to a request."""

    @property
    def data(self) -> bytes: ...


class Requester(Protocol):
    """Sends requests to writers; a NATS client does."""

    async def request(
        self,
        subject: str,
        payload: bytes,
        *,
        timeout: float,  # noqa: ASYNC109  (nats-py calls it so)
    ) -> Response:
        """The first answer."""


class Ports(NamedTuple):
    """Everything that the follower reaches outside this process, and time."""

    stream: ChangeStream
    database: Database
    heads: HeadClient
    requests: Requester
    scheduler: Scheduler


def connected_ports(database: RegistryDatabase, client: Client, api_prefix: str) -> Ports:
    """The ports of a resolver that ships.

    Args:
        api_prefix: Of JetStream's API.
    """
    stream = StreamReader(client, api_prefix=api_prefix)
    return Ports(stream, database, HeadRequests(client), client, EventLoopScheduler())
