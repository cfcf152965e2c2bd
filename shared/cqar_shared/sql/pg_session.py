"""A PostgreSQL session whose loss both sides notice within seconds.

Until a lost connection is noticed, its reader hangs and its locks stay held. So both sides probe
the connection: the client by socket options (`tcp_keepalive`), the server by session settings. If
the other side acknowledges but never answers (a stopped process, a broken proxy), only deadlines
help: every statement has one except COMMIT, which may wait for a standby.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg

from cqar_shared.runtime import tcp_keepalive
from cqar_shared.runtime.tcp_keepalive import ASKED_APART_S, ASKED_TIMES, IDLE_S, UNACKNOWLEDGED_MS

CONNECT_TIMEOUT_S: Final = 3.0
#: A client that stops within a transaction loses its locks after this.
IDLE_IN_TRANSACTION_MS: Final = 10_000
#: Deadline of BEGIN and ROLLBACK, which wait for no lock and read nothing.
BRIEF_TIMEOUT_S: Final = 3.0
#: A standby may be away for long; `cqar_writer.database.confirmed_commit` gives up before this.
COMMIT_TIMEOUT_S: Final = 24 * 3600.0
#: Longest time without any data from a server that reads rows.
SILENCE_MAX_S: Final = 4.0
LOOK_EVERY_S: Final = 0.5
#: Connections that are closed gracefully in the background; more are cut at once.
PARTING_MAX: Final = 64

_SETTINGS: Final = {
    "tcp_keepalives_idle": str(IDLE_S),
    "tcp_keepalives_interval": str(ASKED_APART_S),
    "tcp_keepalives_count": str(ASKED_TIMES),
    "tcp_user_timeout": str(UNACKNOWLEDGED_MS),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
}
_FAILED: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_parting: Final[set[asyncio.Task[None]]] = set()

T = TypeVar("T")


class Session(asyncpg.Connection):
    """A connection with deadlines for all that asyncpg itself sends."""

    _commits = False

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Execute a statement; asyncpg also sends BEGIN, ROLLBACK and COMMIT by it.

        Raises:
            ConnectionDoesNotExistError: BEGIN was not answered in time.
        """
        if args or timeout is not None:
            return await super().execute(query, *args, timeout=timeout)
        if query == "COMMIT;":
            self._commits = True
            try:
                return await super().execute(query, timeout=COMMIT_TIMEOUT_S)
            finally:
                self._commits = False
        if not query.startswith(("BEGIN", "ROLLBACK;")):
            return await super().execute(query)
        try:
            return await super().execute(query, timeout=BRIEF_TIMEOUT_S)
        except TimeoutError as error:
            self.terminate()
            if query == "ROLLBACK;":
                return "ROLLBACK"  # the end of a session rolls back
            message = f"the server does not answer in {BRIEF_TIMEOUT_S:g} s"
            raise asyncpg.ConnectionDoesNotExistError(message) from error

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Close gracefully; with a timeout, as a pool does it, in the background.

        A running statement is cancelled over another connection, which may be lost too. A COMMIT
        that waits for a standby is not cancelled: it would then be committed here alone.
        """
        if timeout is None:
            await super().close()
        elif self._commits or self.is_closed() or len(_parting) >= PARTING_MAX:
            self.terminate()
        else:
            task = asyncio.create_task(self._part(timeout))
            _parting.add(task)
            task.add_done_callback(_parting.discard)

    async def _part(self, timeout_s: float) -> None:
        with suppress(*_FAILED):
            await super().close(timeout=timeout_s)

    async def answered(self, asked: Awaitable[T], silence_max_s: float = SILENCE_MAX_S) -> T:
        """Wait for an answer of any duration, as long as data arrives.

        Raises:
            ConnectionDoesNotExistError: no data arrived for `silence_max_s`.
        """
        task = asyncio.ensure_future(asked)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            while not (await asyncio.wait([task], timeout=LOOK_EVERY_S))[0]:
                waited_s = loop.time() - began_s
                if min(waited_s, tcp_keepalive.silent_s(transport_of(self))) > silence_max_s:
                    self.terminate()
        finally:
            task.cancel()
        return task.result()


async def connect(
    url: str,
    application: str,
    *,
    settings: dict[str, str] | None = None,
    timeout_s: float = CONNECT_TIMEOUT_S,
    command_timeout_s: float,
) -> Session:
    """Open a session.

    Args:
        settings: Settings of this session besides those of all sessions.
        command_timeout_s: Deadline of any statement except COMMIT.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the connection failed.
    """
    connection = await asyncpg.connect(
        url,
        timeout=timeout_s,
        command_timeout=command_timeout_s,
        server_settings={**_SETTINGS, **(settings or {}), "application_name": application},
        connection_class=Session,
    )
    tcp_keepalive.watch(transport_of(connection))
    return connection


def transport_of(connection: Any) -> Any:
    """The transport of an asyncpg connection, which has no public attribute for it."""
    return connection._transport  # noqa: SLF001
