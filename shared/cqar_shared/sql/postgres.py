"""Connections to PostgreSQL, each with bounds on how long anything may take."""

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
#: The server ends a statement first, if it is there.
ANSWER_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5.0
#: One stuck client must not stop the registry: it loses its transaction instead.
SERVER_SETTINGS: Final = {
    "lock_timeout": "5000",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S * 1000:.0f}",
    # JIT pays off for analytics; here it costs tens of milliseconds on a cold plan.
    "jit": "off",
    # A plan made while a table was tiny is kept for a connection's life otherwise, and joins a
    # thousand wanted rows with a scan each.
    "plan_cache_mode": "force_custom_plan",
}
#: A connection that worked so recently is believed to work, unless its end was heard: asking it
#: takes three round trips, half of what a short reading takes.
BELIEVED_S: Final = 2.0
#: Where a connection's end is not told, nobody would ever say that it is dead. Those who wait least
#: for a connection, a probe's head above all, must have the time to hear of it.
PING_TIMEOUT_S: Final = 1.0
#: For a connection that others have.
POOL_TIMEOUT_S: Final = 5.0
#: To part from a server politely may take so long, of all connections together.
CLOSE_TIMEOUT_S: Final = 1.0
_OPENED: Final = "cqar_opened_s"
#: Of each engine, when its connections of before were dropped.
_dropped_s: Final[WeakKeyDictionary[sa.Engine, float]] = WeakKeyDictionary()
_DEAD: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def make_engine(url: str, *, connections_max: int, application: str) -> AsyncEngine:
    """An engine that opens at most `connections_max` connections, lazily.

    The one used last is used next: a connection's first use of a statement costs milliseconds.
    """
    engine = create_async_engine(
        sqlalchemy_url(url),
        # asyncpg reads the address itself: of what may follow its `?` SQLAlchemy takes nothing that
        # every other reader takes, sslmode above all.
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
    """Let nobody use a connection that is open now: the address may lead elsewhere since.

    Those that are in use end with their use.
    """
    _dropped_s[engine.sync_engine] = time.monotonic()


async def discard(tx: AsyncConnection) -> None:
    """Close a connection at once; what its transaction did is undone."""
    (await tx.get_raw_connection()).driver_connection.terminate()  # type: ignore[union-attr]
    await tx.invalidate()


def opened_s(tx: AsyncConnection) -> float:
    """When it was opened, by the monotonic clock."""
    when: float = tx.info[_OPENED]
    return when


async def dispose(engine: AsyncEngine) -> None:
    """Close an engine's connections; those whose server does not part in time are cut."""
    pool: Any = engine.sync_engine.pool
    until = asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S
    for _ in range(pool.size() + 1):
        try:
            # Where the time is over, asyncpg cuts the connection that it was closing.
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
    """Tell the pool of a connection that is dead or dropped, for it to make another.

    Raises:
        DisconnectionError: Its end was heard.
        InvalidatePoolError: It does not answer; the others, which are as old or older, would not
            either, and to find that out one by one would take a second each.
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
            # To part politely would be to wait again.
            connection.driver_connection.terminate()
            raise sa.exc.InvalidatePoolError("it does not answer") from error
