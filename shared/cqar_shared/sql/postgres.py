"""Makes SQLAlchemy engines for PostgreSQL, with limits on the time that anything may take."""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cqar_shared.sql import pg_session

STATEMENT_TIMEOUT_S: Final = 30.0
#: The server's own limit comes first, if it is reachable.
ANSWER_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5.0
#: A stuck client loses its transaction, so that it does not block the registry.
SERVER_SETTINGS: Final = {
    "lock_timeout": "5000",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S * 1000:.0f}",
    # JIT helps analytics; here it costs tens of milliseconds for a new plan.
    "jit": "off",
    # A plan made while a table was tiny would be kept for the life of the connection, and scan the
    # table for each of a thousand rows.
    "plan_cache_mode": "force_custom_plan",
}
#: A connection that was used this recently is not tested: a test takes three round trips, half as
#: long as a short read.
BELIEVED_S: Final = 2.0
#: Deadline of the test. It is shorter than the shortest wait for a connection, that of a probe for
#: the head.
PING_TIMEOUT_S: Final = 1.0
#: Longest wait for a free connection.
POOL_TIMEOUT_S: Final = 5.0
#: Longest graceful close of all connections together.
CLOSE_TIMEOUT_S: Final = 1.0
_OPENED: Final = "cqar_opened_s"
#: Engine -> time when its connections were dropped.
_dropped_s: Final[WeakKeyDictionary[sa.Engine, float]] = WeakKeyDictionary()
_DEAD: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def make_engine(url: str, *, connections_max: int, application: str) -> AsyncEngine:
    """Make an engine that opens up to `connections_max` connections when needed.

    The last used connection is reused first: a statement's first use on a connection takes
    milliseconds.
    """
    engine = create_async_engine(
        sqlalchemy_url(url),
        # asyncpg reads the URL itself: SQLAlchemy does not accept the usual parameters, such as
        # sslmode.
        async_creator=partial(
            pg_session.connect,
            *(url, application),
            settings=SERVER_SETTINGS,
            command_timeout_s=ANSWER_TIMEOUT_S,
        ),
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_use_lifo=True,
    )
    sa.event.listen(engine.sync_engine, "connect", _note_opening)
    sa.event.listen(engine.sync_engine, "checkin", _note_use)
    sa.event.listen(engine.sync_engine, "checkout", partial(_require_usable, engine.sync_engine))
    return engine


def drop(engine: AsyncEngine) -> None:
    """Do not reuse any connection that is open now: its address may lead elsewhere.

    Connections in use are closed afterwards.
    """
    _dropped_s[engine.sync_engine] = time.monotonic()


async def discard(tx: AsyncConnection) -> None:
    """Close a connection at once, and so roll back its transaction."""
    (await tx.get_raw_connection()).driver_connection.terminate()  # type: ignore[union-attr]
    await tx.invalidate()


def opened_s(tx: AsyncConnection) -> float:
    """When the connection was opened, by the monotonic clock."""
    when: float = tx.info[_OPENED]
    return when


async def dispose(engine: AsyncEngine) -> None:
    """Close an engine's connections, and cut those that do not close in time."""
    pool: Any = engine.sync_engine.pool
    until = asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S
    for _ in range(pool.size() + 1):
        try:
            # On a timeout asyncpg cuts the connection that it was closing.
            async with asyncio.timeout_at(until):
                await engine.dispose()
        except TimeoutError:
            continue
        return


def _note_opening(_: Any, record: Any) -> None:
    record.info[_OPENED] = time.monotonic()


def _note_use(_: Any, record: Any) -> None:
    record.info["used_at_s"] = time.monotonic()


def _require_usable(engine: sa.Engine, connection: Any, record: Any, _: Any) -> None:
    """Tell the pool to replace a connection that is dead or dropped.

    Raises:
        DisconnectionError: the connection is closed or dropped.
        InvalidatePoolError: the connection does not answer. The others are as old or older, and
            to test each would take a second.
    """
    if record.info[_OPENED] < _dropped_s.get(engine, -math.inf):
        connection.driver_connection.terminate()
        raise sa.exc.DisconnectionError("it was dropped")
    used_at_s = record.info.get("used_at_s")
    if used_at_s is None:
        return
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError("its end was heard")
    if time.monotonic() - used_at_s > BELIEVED_S:
        try:
            connection.run_async(lambda raw: raw.execute("SELECT", timeout=PING_TIMEOUT_S))
        except (asyncpg.PostgresError, *_DEAD) as error:
            # A graceful close would wait again.
            connection.driver_connection.terminate()
            raise sa.exc.InvalidatePoolError("it does not answer") from error
