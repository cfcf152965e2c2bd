"""What is away is told from what is wrong, whatever driver says it and however it is wrapped."""

from __future__ import annotations

import asyncio
import ssl

import asyncpg
import pytest
import redis.exceptions as of_redis
import sqlalchemy as sa
from nats import errors as of_nats
from nats.js import errors as of_jetstream
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

from cqar_shared.runtime.outages import MAYBE_AWAY, is_away, who_is_away

DRIVER = AsyncAdapt_asyncpg_dbapi(asyncpg)
STATES = asyncpg.PostgresError.get_message_class_for_sqlstate


def by_state(state: str) -> Exception:
    """What asyncpg raises for an error that PostgreSQL told."""
    return asyncpg.PostgresError.new({"C": state, "M": "said so", "S": "ERROR"})


def wrapped(error: Exception, *, is_lost: bool = False) -> Exception:
    """As SQLAlchemy gives on what asyncpg raised in a statement."""
    mapping = DRIVER._asyncpg_error_translate
    made = next(mapping[kind] for kind in type(error).__mro__ if kind in mapping)
    translated = made(str(error), error)
    translated.__cause__ = error
    found = sa.exc.DBAPIError.instance(
        "SELECT", None, translated, DRIVER.Error, connection_invalidated=is_lost
    )
    assert isinstance(found, sa.exc.DBAPIError)
    return found


AWAY_STATES = {
    "08003": "connection does not exist",
    "08006": "connection failure",
    "25006": "read-only: it is a standby by now",
    "25P03": "idle in a transaction for too long",
    "28P01": "password was changed",
    "3D000": "database is not there",
    "40001": "serialization",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement timeout",
    "57P01": "admin shutdown",
    "57P02": "crash shutdown",
    "57P03": "cannot connect now",
    "57P05": "idle session timeout",
    "58030": "I/O error",
}
WRONG_STATES = {
    "22003": "out of range",
    "23505": "unique violation",
    "42501": "no right",
    "42601": "syntax",
    "42P01": "no such table",
    "XX001": "data corrupted",
}


@pytest.mark.parametrize("state", AWAY_STATES)
def test_what_postgresql_says_when_it_cannot_is_away_bare_and_wrapped(state: str) -> None:
    assert is_away(by_state(state))
    assert is_away(wrapped(by_state(state)))


@pytest.mark.parametrize("state", WRONG_STATES)
def test_what_postgresql_says_of_a_statement_is_ours(state: str) -> None:
    assert not is_away(by_state(state))
    assert not is_away(wrapped(by_state(state)))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.ProtocolError("unexpected message"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
        asyncpg.TargetServerAttributeNotMatched("none of the hosts is read-write"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_asyncpg_says_of_a_connection_that_ends_is_away(error: Exception) -> None:
    assert is_away(error)
    assert is_away(wrapped(error))
    assert who_is_away(error) == who_is_away(wrapped(error)) == "PostgreSQL"


@pytest.mark.parametrize(
    ("error", "who"),
    [
        (sa.exc.TimeoutError("no connection of the pool came free"), "PostgreSQL"),
        (sa.exc.PendingRollbackError("invalid transaction"), "PostgreSQL"),
        (wrapped(by_state("XX000"), is_lost=True), "PostgreSQL"),
        (TimeoutError(), "PostgreSQL"),
        (ConnectionResetError(104, "reset"), "PostgreSQL"),
        (ssl.SSLError("bad record"), "PostgreSQL"),
        (asyncio.IncompleteReadError(b"", 5), "PostgreSQL"),
        (
            RuntimeError(
                "unable to perform operation on <TCPTransport closed=True>; the handler is closed"
            ),
            "PostgreSQL",
        ),
        (RuntimeError("Cannot write to closing transport"), "PostgreSQL"),
        (of_redis.BusyLoadingError("Redis is loading the dataset in memory"), "Redis"),
        (of_redis.ReadOnlyError("You can't write against a read only replica."), "Redis"),
        (of_redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'"), "Redis"),
        (of_redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "Redis"),
        (of_redis.ConnectionError("Connection closed by server."), "Redis"),
        (of_redis.TimeoutError("Timeout reading from socket"), "Redis"),
        (of_nats.NoRespondersError(), "NATS"),
        (of_nats.ConnectionClosedError(), "NATS"),
        (of_jetstream.ServiceUnavailableError(), "NATS"),
        (ExceptionGroup("both", [TimeoutError(), OSError()]), "PostgreSQL"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_a_driver_or_the_kernel_says_of_a_server_that_is_lost_is_away(
    error: Exception, who: str
) -> None:
    assert is_away(error)
    assert who_is_away(error) == who
    assert isinstance(error, (*MAYBE_AWAY, ExceptionGroup))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("dictionary changed size during iteration"),
        ValueError("no"),
        KeyError("key"),
        sa.exc.InvalidRequestError("no such column"),
        sa.exc.ProgrammingError("SELECT", None, Exception("no")),
        ExceptionGroup("one is ours", [TimeoutError(), KeyError("key")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_ours_is_not(error: Exception) -> None:
    assert not is_away(error)


def test_what_an_error_of_ours_came_from_does_not_excuse_it() -> None:
    error = KeyError("key")
    error.__cause__ = TimeoutError()
    assert not is_away(error)
