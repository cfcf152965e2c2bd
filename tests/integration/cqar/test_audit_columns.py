"""Whatever column of whatever table is altered alone, the audit names its table and row."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from cqar.admin.audit import NOT_COVERED, RegistryAltered, verify_registry
from cqar.admin.audit_differences import EXTRA, MISSING
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.venue_symbol import delist
from cqar_shared.sql.postgres import make_engine
from cqar_shared.sql.tables import metadata
from cqar_writer.archiver import Archiver
from tests.conftest import at_database, execute_alone
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import NOW, a_venue_symbol, an_id
from tests.support.kind_lifecycles import one_of_each
from tests.support.signing_setup import a_signer, signing

NAME: Final = "cqar_audited"
LONG_AGO: Final = NOW - dt.timedelta(days=90)
#: Another value of a type, by what is there.
OTHER: Final[dict[type[Any], str]] = {
    sa.Uuid: "gen_random_uuid()",
    sa.Text: "coalesce({0}, '') || 'x'",
    sa.SmallInteger: "coalesce({0}, 0) + 1",
    sa.Integer: "coalesce({0}, 0) + 1000",
    sa.Boolean: "NOT coalesce({0}, false)",
    sa.Numeric: "coalesce({0}, 0) + 1",
    sa.TIMESTAMP: "coalesce({0}, now()) + interval '1 hour'",
    JSONB: """'{{"x": 1}}'""",
    sa.LargeBinary: "sha256({0})",
    ARRAY: "array_append({0}, 'x')",
}
COLUMNS: Final = [f"{c.table.name}.{c.name}" for t in metadata.sorted_tables for c in t.c]
COVERED: Final = [name for name in COLUMNS if name not in NOT_COVERED]
TABLES: Final = sorted({name.partition(".")[0] for name in COVERED})
#: Of whom a row is named by another value than its primary key's.
HEAD: Final = "registry_head"


@pytest.fixture(scope="module")
async def audited(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """A registry with rows in every table, and no constraint that would refuse to alter them."""
    await execute_alone(servers.postgres, f"CREATE DATABASE {NAME} TEMPLATE {template}")
    url = at_database(servers.postgres, NAME)
    engine = make_engine(url, connections_max=2, application="cqar-test")
    mutations, keys = signing(engine, a_signer())
    assert await keys.step()
    ended = a_venue_symbol(
        listing_id=an_id("ended"),
        venue_symbol="XBTUSDT",
        is_primary=False,
        listed_at=LONG_AGO - dt.timedelta(days=1),
    )
    await commit(mutations, *one_of_each())
    past = await mutations.apply([upsert(delist(ended, LONG_AGO))], CAUSE, historical=True)
    assert past.committed
    assert await Archiver(engine, mutations, dt.timedelta(days=30)).step() == 1
    await engine.dispose()
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        "SELECT conrelid::regclass::text AS held, conname FROM pg_constraint"
        " WHERE contype IN ('c', 'u', 'x') AND coninhcount = 0"
        " AND connamespace = 'public'::regnamespace"
    )
    for row in found:
        await connection.execute(f"ALTER TABLE {row['held']} DROP CONSTRAINT {row['conname']}")
    # Unique indexes that are no constraints.
    symbols = ("uq_symbols_identity", "uq_symbols_combo")
    identifiers = ("uq_asset_identifiers_external_id", "uq_symbol_identifiers_external_id")
    for name in (*symbols, *identifiers):
        await connection.execute(f"DROP INDEX {name}")
    await connection.close()
    await verify_registry(url)
    yield url
    await execute_alone(servers.postgres, f"DROP DATABASE {NAME} WITH (FORCE)")


@asynccontextmanager
async def altered(url: str, table: str, statement: str) -> AsyncIterator[str]:
    """Alters one row of a table and puts it back; yields the row's key as it was."""
    connection = await asyncpg.connect(url)
    keys = [column.name for column in metadata.tables[table].primary_key]
    key = " || '/' || ".join(f"{name}::text" for name in keys)
    try:
        # Nor do foreign keys refuse it.
        await connection.execute("SET session_replication_role = replica")
        place, was = await connection.fetchrow(
            f"SELECT ctid, {key} FROM {table} ORDER BY {key} LIMIT 1"
        )
        await connection.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")
        try:
            assert await connection.fetchval(f"{statement} WHERE ctid = $1 RETURNING 1", place) == 1
            yield was
        finally:
            await connection.execute(f"DELETE FROM {table}")
            await connection.execute(f"INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept")
    finally:
        await connection.close()


def other_of(column: sa.Column[Any]) -> str:
    """SQL for another value than a column has."""
    sql = next(sql for kind, sql in OTHER.items() if isinstance(column.type, kind))
    return sql.format(column.name)


async def broken(url: str) -> RegistryAltered:
    with pytest.raises(RegistryAltered) as caught:
        await verify_registry(url)
    return caught.value


def require_named(found: RegistryAltered, table: str, key: str) -> None:
    assert table in {differing for differing, _ in found.differences.counts}
    if table == HEAD:
        return
    assert found.first.table == table
    assert key in found.first.key or found.first.key in key


def test_every_column_is_covered_or_says_why_not() -> None:
    assert NOT_COVERED.keys() <= set(COLUMNS)
    assert all(NOT_COVERED.values())


@pytest.mark.parametrize("name", COVERED)
async def test_a_column_altered_alone_is_named_with_its_row(name: str, audited: str) -> None:
    table, _, column = name.partition(".")
    other = other_of(metadata.tables[table].c[column])
    async with altered(audited, table, f"UPDATE {table} SET {column} = {other}") as key:
        found = await broken(audited)
        require_named(found, table, key)


@pytest.mark.parametrize("table", [table for table in TABLES if table != HEAD])
async def test_a_row_that_is_gone_is_named(table: str, audited: str) -> None:
    async with altered(audited, table, f"DELETE FROM {table}") as key:
        found = await broken(audited)
        require_named(found, table, key)
        assert (table, MISSING) in found.differences.counts


@pytest.mark.parametrize("table", [table for table in TABLES if table not in {HEAD, "outbox"}])
async def test_a_row_too_many_is_named(table: str, audited: str) -> None:
    columns = metadata.tables[table].c
    last = list(metadata.tables[table].primary_key)[-1].name
    values = [other_of(c) if c.name == last else c.name for c in columns]
    copied = f"INSERT INTO {table} ({', '.join(columns.keys())}) SELECT {', '.join(values)}"
    async with altered(audited, table, f"{copied} FROM {table}"):
        found = await broken(audited)
        assert found.first.table == table
        assert set(found.differences.counts) == {(table, EXTRA)}
