"""Runs statements on asyncpg's own connection, within SQLAlchemy's transaction.

A short statement takes PostgreSQL 0.03 to 0.1 ms, and SQLAlchemy's part of it 0.3 ms. So the
statements of each change and of each question below memory go this way. They are written and
compiled by SQLAlchemy, and their errors are SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as sa_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

#: Compiled statements that are kept.
STATEMENTS_MAX: Final = 1_024
_DIALECT: Final[Any] = sa_asyncpg.dialect()  # type: ignore[no-untyped-call]
_DBAPI: Final[Any] = _DIALECT.import_dbapi()
_FAILED: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def fetch(
    tx: AsyncConnection, statement: sa.Executable, given: Mapping[str, Any] | None = None
) -> Sequence[Sequence[Any]]:
    """Run a statement and return its rows.

    A connection whose statements are listened to, as tracing does, runs it through SQLAlchemy.

    Args:
        statement: One of few, none of whose parameters has a value of its own: each is compiled
            once and kept.

    Raises:
        sqlalchemy.exc.DBAPIError: As `tx.execute`.
    """
    owner: Any = tx.sync_connection
    if tx.sync_engine.dispatch.before_cursor_execute:
        result = await tx.execute(statement, given)
        return result.all() if result.returns_rows else ()
    adapted = owner.connection.dbapi_connection
    raw = adapted.driver_connection
    text, names = _compiled(statement)
    if not owner.in_transaction():
        owner.begin()
    try:
        # As SQLAlchemy's cursors begin it. Whether PostgreSQL is in a transaction does not count:
        # after a BEGIN that was given up it may be in one that SQLAlchemy would never commit, and
        # asyncpg refuses to begin another.
        if adapted._transaction is None:  # noqa: SLF001
            await adapted._start_transaction()  # noqa: SLF001
        rows: list[Sequence[Any]] = await raw.fetch(text, *map((given or {}).__getitem__, names))
    except (*_FAILED, _DBAPI.Error) as error:
        is_lost = raw.is_closed()
        if is_lost:
            await tx.invalidate()
        known = error if isinstance(error, _DBAPI.Error) else _dbapi_error(error)
        raise sa.exc.DBAPIError.instance(
            text, None, known, _DBAPI.Error, connection_invalidated=is_lost
        ) from known
    except BaseException as error:
        if not isinstance(error, Exception):
            # As SQLAlchemy does when a caller was cancelled: PostgreSQL's answer is still to come,
            # and whoever used the connection next would wait for it.
            raw.terminate()
            await tx.invalidate()
        raise
    return rows


@lru_cache(STATEMENTS_MAX)
def _compiled(statement: sa.Executable) -> tuple[str, tuple[str, ...]]:
    """The statement as PostgreSQL takes it, and the names of its parameters in their order."""
    compiled: Any = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    return compiled.string, tuple(compiled.positiontup or ())


def _dbapi_error(error: Exception) -> Exception:
    """The error that SQLAlchemy makes of one of asyncpg's."""
    kind = _DBAPI.InterfaceError
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        kind = _DBAPI.IntegrityError
    elif isinstance(error, asyncpg.PostgresError):
        kind = _DBAPI.Error
    made: Exception = kind(f"{type(error)}: {error}", error)
    made.__cause__ = error
    return made
