"""The migrated schema is as the code declares it, and its indexes serve the queries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

import cqar_shared.domain.kinds  # noqa: F401  (fills the metadata)
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.sql.postgres import make_engine
from cqar_shared.sql.tables import metadata, tables_of
from tests.conftest import at_database, execute_alone

#: Columns that hold prices, sizes, fees, rates and weights.
EXACT = (
    "size",
    "fee",
    "rate",
    "notional",
    "value",
    "price",
    "leverage",
    "weight",
    "multiplier",
    "deposit",
    "withdrawal",
)
NOT_AMOUNTS = {"deposit_enabled", "price_asset_id", "price_significant_digits"}


@pytest.fixture(scope="module")
async def migrated(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """One database for all that is rolled back or only read."""
    await execute_alone(servers.postgres, f"CREATE DATABASE cqar_schema TEMPLATE {template}")
    yield at_database(servers.postgres, "cqar_schema")
    await execute_alone(servers.postgres, "DROP DATABASE cqar_schema WITH (FORCE)")


@pytest.fixture(scope="module")
async def reflected(migrated: str) -> sa.MetaData:
    found = sa.MetaData()
    engine = make_engine(migrated, connections_max=1, application="cqar-test")
    async with engine.connect() as tx:
        await tx.run_sync(found.reflect)
    await engine.dispose()
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_kinds_tables_are_as_declared(kind: AnyKind, reflected: sa.MetaData) -> None:
    for declared in tables_of(kind):
        found = reflected.tables[declared.name]
        assert columns(found) == columns(declared)
        assert {c.name for c in found.primary_key} == {c.name for c in declared.primary_key}
        assert {i.name for i in found.indexes} >= {i.name for i in declared.indexes}
        assert checks(found) == checks(declared)


async def test_tables_of_no_kind_are_as_declared(reflected: sa.MetaData) -> None:
    for name in ("registry_head", "outbox", "current", "idempotency_keys", "listing_terms"):
        assert columns(reflected.tables[name]) == columns(metadata.tables[name])


def columns(table: sa.Table) -> dict[str, tuple[str, bool]]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return {c.name: (c.type.compile(dialect=dialect), bool(c.nullable)) for c in table.c}


def checks(table: sa.Table) -> set[str]:
    found = (c for c in table.constraints if isinstance(c, sa.CheckConstraint))
    prefix = f"ck_{table.name}_"
    return {prefix + str(c.name).removeprefix(prefix) for c in found}


async def test_prices_sizes_and_fees_are_numeric_and_nothing_is_a_float(
    reflected: sa.MetaData,
) -> None:
    amounts = 0
    for table in reflected.tables.values():
        for column in table.c:
            assert not isinstance(column.type, sa.Float), f"{table.name}.{column.name}"
            named = column.name.endswith(EXACT) or column.name.startswith(("min_", "max_"))
            if named and column.name not in NOT_AMOUNTS:
                assert isinstance(column.type, sa.Numeric), f"{table.name}.{column.name}"
                # Without a scale: what a venue states is kept to the last digit.
                assert (column.type.precision, column.type.scale) == (None, None)
                amounts += 1
    assert amounts >= 20


async def test_every_foreign_key_is_led_by_an_index(engine: AsyncEngine) -> None:
    """Who refers to an entity is asked before it goes, and must not be a scan."""
    query = """
        SELECT k.conrelid::regclass || '.' || a.attname FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_index i
            WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1] AND i.indpred IS NULL)
    """
    async with engine.connect() as tx:
        assert list((await tx.exec_driver_sql(query)).scalars()) == []


#: Table -> what lists filter it by.
FILTERED = {
    "assets": ("asset_type", "category"),
    "asset_groups": ("group_type",),
    "asset_identifiers": ("asset_id",),
    "chains": ("chain_type",),
    "deployments": ("asset_id", "chain_id"),
    "quality_flags": ("asset_id", "flag_type", "severity"),
    "relationships": ("from_asset_id", "to_asset_id", "relationship_type"),
    "symbol_identifiers": ("symbol_id",),
    "symbols": ("symbol_type", "base_asset_id", "quote_asset_id"),
    "venue_assets": ("venue_id", "asset_id"),
    "venue_symbols": ("venue_id", "symbol_id", "venue_symbol"),
    "venues": ("venue_type", "chain_id"),
}


async def test_every_column_that_lists_filter_by_leads_an_index(engine: AsyncEngine) -> None:
    """A page of a rare value must not be a scan; a page of a frequent one is read in key order."""
    query = """
        SELECT i.indrelid::regclass::text, a.attname FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    """
    async with engine.connect() as tx:
        led = {tuple(row) for row in await tx.exec_driver_sql(query)}
    wanted = {(table, column) for table, columns in FILTERED.items() for column in columns}
    assert wanted - led == set()
