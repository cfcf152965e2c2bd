"""Connections to PostgreSQL, each with bounds on how long anything may take."""

from __future__ import annotations

from functools import partial
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: One stuck client must not stop the registry: it loses its transaction instead.
SERVER_SETTINGS: Final = {
    "lock_timeout": "5000",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "10000",
    # JIT pays off for analytics; here it costs tens of milliseconds on a cold plan.
    "jit": "off",
    # A plan made while a table was tiny is kept for a connection's life otherwise, and joins a
    # thousand wanted rows with a scan each.
    "plan_cache_mode": "force_custom_plan",
}
CONNECT_TIMEOUT_S: Final = 5


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def make_engine(url: str, *, connections_max: int, application: str) -> AsyncEngine:
    """An engine that opens at most `connections_max` connections, lazily."""
    settings = {**SERVER_SETTINGS, "application_name": application}
    return create_async_engine(
        sqlalchemy_url(url),
        # asyncpg reads the address itself: of what may follow its `?` SQLAlchemy takes nothing that
        # every other reader takes, sslmode above all.
        async_creator=partial(
            asyncpg.connect, url, timeout=CONNECT_TIMEOUT_S, server_settings=settings
        ),
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=True,
    )
