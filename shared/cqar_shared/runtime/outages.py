"""Recognises errors of a server that is down, starting, stopping, full or stuck.

The caller is then told to try again instead of "internal error". This includes every error that a
driver raises when its connection ends: SQLAlchemy and asyncpg for PostgreSQL, redis-py, nats-py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import asyncpg
import sqlalchemy as sa
from nats.errors import Error as NatsError
from redis.exceptions import RedisError

#: Errors that always mean an outage.
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    # The connection is closed or in use; never raised for a wrong statement.
    asyncpg.InterfaceError,
    # If asyncpg reads the last message of an ended session before the connection's end, it waits
    # for more, and the next statement fails with "another operation is in progress".
    asyncpg.InternalClientError,
    # A table was altered: the next try prepares the statement again.
    asyncpg.InvalidCachedStatementError,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    # The connection was lost in an earlier statement of the same transaction.
    sa.exc.PendingRollbackError,
    RedisError,
    NatsError,
)
#: SQLSTATE classes (PostgreSQL's appendix A): connection, authorization, catalog name, rollback,
#: resources, locks, operator intervention, system.
_CLASSES: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
#: Idle in a transaction for too long; transaction timeout; the database became a standby.
_STATES: Final = frozenset({"25P03", "25P04", "25006"})
#: Texts of the bare RuntimeError that uvloop and asyncio raise on a write to a closed connection.
_CLOSED: Final = ("handler is closed", "transport closed", "closing transport", "transport is clos")
#: Types to catch before asking `is_away`; it is False for all others.
MAYBE_AWAY: Final = (*_AWAY, asyncpg.PostgresError, sa.exc.DBAPIError, RuntimeError)
#: Limit of the chain of causes, in case it is a cycle.
_DEPTH_MAX: Final = 8


def is_away(error: BaseException) -> bool:
    """Whether an error means that a server is away or busy, and not a bug."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_away, error.exceptions))
    return any(map(_is_away, _said(error)))


def who_is_away(error: BaseException) -> str:
    """Name the server that such an error is about."""
    for one in _said(error):
        if isinstance(one, RedisError):
            return "Redis"
        if isinstance(one, NatsError):
            return "NATS"
    return "PostgreSQL"


def _said(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, the driver's error in it, and the causes of that."""
    said: BaseException | None = error
    for _ in range(_DEPTH_MAX):
        if said is None:
            return
        yield said
        wrapped = getattr(said, "orig", None)
        if wrapped is None and said is error:
            return  # its own cause may be any error
        said = wrapped if isinstance(wrapped, BaseException) else said.__cause__


def _is_away(error: BaseException) -> bool:
    if isinstance(error, _AWAY):
        return True
    if isinstance(error, sa.exc.DBAPIError):
        return bool(error.connection_invalidated)
    if isinstance(error, RuntimeError):
        text = str(error).lower()
        return any(words in text for words in _CLOSED)
    state = getattr(error, "sqlstate", None) or ""
    return state[:2] in _CLASSES or state in _STATES
