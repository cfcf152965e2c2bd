"""A session with PostgreSQL, whose end both sides notice within seconds, however it comes.

The kernel tells of what is lost without a word (`cqar_shared.runtime.tcp_keepalive`); until then
whoever reads from
it hangs, and a lock that it holds stays held. So both ends look for each other: the client by its
socket's options, the server by settings of the session. Where the other end still acknowledges and
never answers (a process that is stopped, a proxy that forgot), only deadlines help: every statement
has one but COMMIT, which may wait for a standby.
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
#: A client that stops within a transaction does not keep what it locked.
IDLE_IN_TRANSACTION_MS: Final = 10_000
#: BEGIN and ROLLBACK wait for no lock and read nothing.
BRIEF_TIMEOUT_S: Final = 3.0
#: A standby may be away for as long as that takes: `cqar_writer.database.confirmed_commit` gives
#: up before.
COMMIT_TIMEOUT_S: Final = 24 * 3600.0
#: A server that reads a few rows tells of them within milliseconds.
SILENCE_MAX_S: Final = 4.0
LOOK_EVERY_S: Final = 0.5
#: Connections that part from their servers while nobody waits for it; more are cut at once.
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
    """A connection that nobody waits for longer than its server takes."""

    _commits = False

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Also BEGIN, ROLLBACK and COMMIT, which asyncpg's transactions say by it.

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
                return "ROLLBACK"  # as the end of a session does, too
            message = f"the server does not answer in {BRIEF_TIMEOUT_S:g} s"
            raise asyncpg.ConnectionDoesNotExistError(message) from error

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Part politely; with a timeout, which is how a pool gives a connection up, beside others.

        A statement that runs is cancelled over another connection, which may be as lost as this
        one. A COMMIT that waits for its standby is not: cancelled, it is committed here alone.
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
        """What is asked of this session, however long that takes, as long as something comes.

        Raises:
            ConnectionDoesNotExistError: Nothing came for so long: the session is over.
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
    """Open one.

    Args:
        settings: Of the session, beside those of every one.
        command_timeout_s: For any statement but COMMIT.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: There is no connection to be had.
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
    """What asyncpg sends by, and gives no other way to."""
    return connection._transport  # noqa: SLF001
