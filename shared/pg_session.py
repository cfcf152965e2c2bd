"""A session with PostgreSQL, whose end both sides notice within seconds, however it comes.

A connection that is lost without a word (a host gone, a link cut) is an error only when the kernel
gives up: after a quarter of an hour. Until then whoever reads from it hangs, and a lock that it
holds stays held. So both ends look for each other: the client by its socket's options, the server
by settings of the session.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import asyncpg

CONNECT_TIMEOUT_S: Final = 5.0
#: What is sent and not acknowledged for this long ends the connection, also where the other side
#: takes nothing.
UNACKNOWLEDGED_MS: Final = 3_000
#: Of a connection on which nothing is sent: after so long it is asked for, so often, so apart.
IDLE_S, ASKED_APART_S, ASKED_TIMES = 2, 1, 2
#: A client that stops within a transaction does not keep what it locked.
IDLE_IN_TRANSACTION_MS: Final = 10_000

_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ASKED_APART_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, ASKED_TIMES),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS),
)
_SETTINGS: Final = {
    "tcp_keepalives_idle": str(IDLE_S),
    "tcp_keepalives_interval": str(ASKED_APART_S),
    "tcp_keepalives_count": str(ASKED_TIMES),
    "tcp_user_timeout": str(UNACKNOWLEDGED_MS),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
}


async def connect(
    url: str,
    application: str,
    *,
    settings: dict[str, str] | None = None,
    timeout_s: float = CONNECT_TIMEOUT_S,
    command_timeout_s: float | None = None,
) -> asyncpg.Connection:
    """Open one.

    Args:
        settings: Of the session, beside those of every one.
        command_timeout_s: For any statement; None where one may be a COMMIT that waits for a
            standby.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: There is no connection to be had.
    """
    connection = await asyncpg.connect(
        url,
        timeout=timeout_s,
        command_timeout=command_timeout_s,
        server_settings={**_SETTINGS, **(settings or {}), "application_name": application},
    )
    if (opened := socket_of(connection)) is not None:
        for option in _OPTIONS:
            opened.setsockopt(*option)
    return connection


def socket_of(connection: Any) -> Any:
    """Its socket; None where that is none of TCP's."""
    # asyncpg gives no other way to it.
    found = connection._transport.get_extra_info("socket")  # noqa: SLF001
    return (
        found if found is not None and found.family in (socket.AF_INET, socket.AF_INET6) else None
    )
