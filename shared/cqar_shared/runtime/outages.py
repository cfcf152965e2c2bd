"""What a server that is down, starting, stopping, full or stuck looks like from here.

So a caller is told to try again, and not that we erred. Also what a driver says when a connection
ends under it counts, in whatever words: of PostgreSQL by SQLAlchemy or asyncpg, of Redis, of NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import asyncpg
import sqlalchemy as sa
from nats.errors import Error as NatsError
from redis.exceptions import RedisError

#: Whatever else they say.
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    # A connection that is closed, or used by another statement: never a statement that is wrong.
    asyncpg.InterfaceError,
    # The last words of a session that PostgreSQL ended, read before the connection's end, leave
    # asyncpg waiting for more: what is sent next meets "another operation is in progress".
    asyncpg.InternalClientError,
    # A table was altered: its statements are prepared anew at the next try.
    asyncpg.InvalidCachedStatementError,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    # The connection was lost in an earlier statement of the same transaction.
    sa.exc.PendingRollbackError,
    RedisError,
    NatsError,
)
#: Connection, catalog's name, resources, locks, operator, system, rollback, and what a session
#: is not let in by: PostgreSQL's appendix A.
_CLASSES: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
#: A session that stood idle in a transaction, or took too long over one; a database that became a
#: standby's.
_STATES: Final = frozenset({"25P03", "25P04", "25006"})
#: What uvloop and asyncio say, as a bare RuntimeError, to who writes to a connection that closed.
_CLOSED: Final = ("handler is closed", "transport closed", "closing transport", "transport is clos")
#: To be caught by who asks `is_away`: nothing else can be.
MAYBE_AWAY: Final = (*_AWAY, asyncpg.PostgresError, sa.exc.DBAPIError, RuntimeError)
#: An exception has few causes; one that is its own has a bound.
_DEPTH_MAX: Final = 8


def is_away(error: BaseException) -> bool:
    """Whether it says that a server is away or busy, not that we erred."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_away, error.exceptions))
    return any(map(_is_away, _said(error)))


def who_is_away(error: BaseException) -> str:
    """The server that such an error is about."""
    for one in _said(error):
        if isinstance(one, RedisError):
            return "Redis"
        if isinstance(one, NatsError):
            return "NATS"
    return "PostgreSQL"


def _said(error: BaseException) -> Iterator[BaseException]:
    """The error, what SQLAlchemy wrapped in it, and what that was made of."""
    said: BaseException | None = error
    for _ in range(_DEPTH_MAX):
        if said is None:
            return
        yield said
        wrapped = getattr(said, "orig", None)
        if wrapped is None and said is error:
            return  # what it was raised from is another matter
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
