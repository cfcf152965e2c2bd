"""Statements on asyncpg's own connection are part of SQLAlchemy's transaction, errors included."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.sql import direct_statement
from cqar_writer.store.writes import constraint_name

INSERT = sa.text("INSERT INTO entity_revisions (kind, key, revision) VALUES ('chain', :key, 1)")
KEYS = sa.text("SELECT key FROM entity_revisions WHERE key = :key")
LONG = sa.text("SELECT pg_sleep(60)")
END = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
BASE = {"key": "base"}


@pytest.mark.parametrize("listens", [False, True])
async def test_what_is_committed_stays_and_what_is_not_does_not(
    engine: AsyncEngine, listens: bool
) -> None:
    heard: list[str] = []

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        heard.append(text)

    if listens:
        sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.connect() as tx:
        await direct_statement.fetch(tx, INSERT, BASE)
        await tx.rollback()
        assert not await direct_statement.fetch(tx, KEYS, BASE)
        await tx.execute(INSERT, {"key": "arbitrum"})
        await direct_statement.fetch(tx, INSERT, BASE)
        await tx.commit()
    async with engine.begin() as tx:
        await direct_statement.fetch(tx, INSERT, {"key": "optimism"})
    async with engine.connect() as tx:
        for key in ("base", "arbitrum", "optimism"):
            ((found,),) = await direct_statement.fetch(tx, KEYS, {"key": key})
            assert found == key
    # A listener hears all statements, as tracing must; without one SQLAlchemy is not asked.
    assert (len(heard) > 7) is listens


async def test_a_refusal_names_its_constraint_as_sqlalchemy_does(engine: AsyncEngine) -> None:
    async with engine.connect() as tx:
        await direct_statement.fetch(tx, INSERT, BASE)
        with pytest.raises(sa.exc.IntegrityError) as refused:
            await direct_statement.fetch(tx, INSERT, BASE)
        assert constraint_name(refused.value) == "pk_entity_revisions"
        with pytest.raises(sa.exc.DBAPIError) as aborted:
            await direct_statement.fetch(tx, KEYS, BASE)
        assert getattr(aborted.value.orig, "sqlstate", "") == "25P02"
        await tx.rollback()
        assert not await direct_statement.fetch(tx, KEYS, BASE)


async def test_a_transaction_that_sqlalchemy_did_not_begin_is_not_used(engine: AsyncEngine) -> None:
    """SQLAlchemy would not commit it: what is acknowledged would be lost."""
    async with engine.connect() as tx:
        raw = (await tx.get_raw_connection()).driver_connection
        assert raw is not None
        # So a BEGIN leaves a connection whose answer nobody waited for.
        await raw.execute("BEGIN")
        with pytest.raises(sa.exc.DBAPIError, match="manually started transaction"):
            await direct_statement.fetch(tx, INSERT, BASE)


async def test_a_connection_whose_statement_was_given_up_is_not_used_again(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as tx:
        given_up = (await tx.get_raw_connection()).driver_connection
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await direct_statement.fetch(tx, LONG)
    async with engine.connect() as tx:
        assert not await direct_statement.fetch(tx, KEYS, BASE)
        assert (await tx.get_raw_connection()).driver_connection is not given_up


async def test_a_connection_that_was_lost_is_not_used_again(engine: AsyncEngine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as lost:
        async with engine.connect() as tx:
            await direct_statement.fetch(tx, END)
    assert lost.value.connection_invalidated
    async with engine.connect() as tx:
        assert not await direct_statement.fetch(tx, KEYS, BASE)
        assert isinstance((await tx.get_raw_connection()).driver_connection, asyncpg.Connection)
