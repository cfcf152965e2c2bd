"""How alembic runs a migration: one at a time, in one transaction, never waiting for long."""

from __future__ import annotations

import asyncio
from functools import partial

import asyncpg
import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from cqar_shared.sql.postgres import sqlalchemy_url
from cqar_shared.sql.tables import metadata

#: Two migration jobs started together take turns. The number is ours; any constant would do.
ADVISORY_LOCK = 0x63716172
#: A migration that cannot have its lock within this gives up instead of queueing every
#: reader behind it.
LOCK_TIMEOUT_S = 5


def run(connection: sa.Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True
    )
    connection.execute(sa.text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
    connection.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    url = context.config.attributes["database_url"]
    connect = partial(asyncpg.connect, url)
    engine = create_async_engine(sqlalchemy_url(url), async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


asyncio.run(main())
