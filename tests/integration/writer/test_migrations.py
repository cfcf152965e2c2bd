"""The schema goes up, down and up again, and its constraints hold by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

import cqar_shared.domain.kinds  # noqa: F401  (fills the metadata)
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.sql.postgres import make_engine
from tests.conftest import at_database, execute_alone, migrate
from tests.support.entity_builders import BTC, ETH, USDT, a_symbol, an_id

#: The roadmap's commits 2 and 3, and what the registry itself stands on.
ROADMAP = {
    *("assets", "symbols", "chains", "venues", "deployments", "relationships", "quality_flags"),
    *("asset_groups", "group_members", "asset_identifiers", "symbol_identifiers"),
    *("venue_assets", "venue_symbols"),
}
OURS = {"registry_head", "outbox", "current", "idempotency_keys", "api_keys", "venue_asset_codes"}
MISSING = an_id("missing")


async def names_of_tables(connection: asyncpg.Connection[Any]) -> set[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {row["tablename"] for row in await connection.fetch(query)}


async def test_the_database_may_be_named_by_a_file(database: str, tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text(f"{database}\n")
    environ = {"CQAR_DATABASE_URL_FILE": str(tmp_path / "database_url")}
    newest = await migrate(database, "current")
    assert newest.strip().endswith("(head)")
    assert await migrate("", "current", **environ) == newest


async def test_an_address_says_whether_postgresql_must_speak_tls(database: str) -> None:
    """As libpq says it, whether SQLAlchemy or asyncpg itself connects."""
    assert (await migrate(f"{database}?sslmode=disable", "current")).strip().endswith("(head)")
    engines = {
        mode: make_engine(f"{database}?sslmode={mode}", connections_max=1, application="test")
        for mode in ("disable", "require")
    }
    async with engines["disable"].connect() as connection:
        found = await connection.execute(sa.text("SELECT current_setting('jit')"))
        assert found.scalar() == "off"
    # The test's server has no certificate.
    with pytest.raises(ConnectionError, match="rejected SSL"):
        await engines["require"].connect()
    for engine in engines.values():
        await engine.dispose()


async def test_the_schema_goes_up_down_to_nothing_and_up_again(servers: EmbeddedServers) -> None:
    await execute_alone(servers.postgres, "CREATE DATABASE cqar_up_and_down")
    dsn = at_database(servers.postgres, "cqar_up_and_down")
    found = []
    for step in (("upgrade",), ("downgrade", "base"), ("upgrade",), ("upgrade",)):
        await migrate(dsn, *step)
        connection = await asyncpg.connect(dsn)
        found.append(await names_of_tables(connection))
        heads = (
            await connection.fetch("SELECT epoch, revision FROM registry_head")
            if step[0] == "upgrade"
            else []
        )
        await connection.close()
        assert [tuple(head) for head in heads] == ([(1, 0)] if step[0] == "upgrade" else [])
    whole, empty, again, same = found
    assert whole >= ROADMAP | OURS
    assert empty == {"alembic_version"}
    assert whole == again == same
    await execute_alone(servers.postgres, "DROP DATABASE cqar_up_and_down WITH (FORCE)")


@pytest.fixture(scope="module")
async def migrated(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """One database for all that is rolled back or only read."""
    await execute_alone(servers.postgres, f"CREATE DATABASE cqar_schema TEMPLATE {template}")
    yield at_database(servers.postgres, "cqar_schema")
    await execute_alone(servers.postgres, "DROP DATABASE cqar_schema WITH (FORCE)")


@pytest.fixture
async def connection(migrated: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Some rows for others to point at, in a transaction that never commits."""
    connection = await asyncpg.connect(migrated)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for asset in (BTC, ETH, USDT):
        await insert(connection, "assets", asset_id=asset, asset_type=1)
    await insert(connection, "venues", venue_id="binance", venue_type=1)
    await insert(connection, "chains", chain_id="ethereum")
    await insert(connection, "symbols", **SYMBOL)
    yield connection
    await transaction.rollback()
    await connection.close()


SYMBOL: dict[str, Any] = {
    "symbol_id": a_symbol().symbol_id,
    "symbol_type": 1,
    "base_asset_id": BTC,
    "quote_asset_id": USDT,
    "settlement_asset_id": USDT,
}


async def insert(connection: asyncpg.Connection[Any], table: str, **given: Any) -> None:
    """Insert a row; columns that must be there and were not given get their type's plainest."""
    columns = await connection.fetch(
        "SELECT column_name AS name, data_type AS type, is_nullable = 'NO' AS needed"
        " FROM information_schema.columns WHERE table_name = $1 AND column_default IS NULL",
        table,
    )
    plain = {
        "text": "'x'",
        "uuid": "gen_random_uuid()",
        "smallint": "1",
        "boolean": "false",
        "timestamp with time zone": "now()",
        "ARRAY": "'{}'",
        "jsonb": "'[]'",
    }
    names = [c["name"] for c in columns if c["needed"] or c["name"] in given]
    types = {c["name"]: c["type"] for c in columns}
    values = [
        f"'{given[name]}'" if given.get(name) is not None else plain[types[name]] for name in names
    ]
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)})"
    async with connection.transaction():
        await connection.execute(statement)


DEPLOYMENT = {"asset_id": BTC, "chain_id": "ethereum", "address": "0x1", "decimals": 18}
VENUE_ASSET = {"venue_id": "binance", "asset_id": BTC}
LISTING = {"venue_id": "binance", "symbol_id": SYMBOL["symbol_id"], "venue_symbol": "BTCUSDT"}
IDENTIFIER = {"asset_id": BTC, "source": 1, "external_id": "bitcoin"}
DUPLICATES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("venue_assets", VENUE_ASSET, {}),
    ("deployments", DEPLOYMENT, {}),
    ("deployments", {**DEPLOYMENT, "is_canonical": True}, {"address": "0x2"}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("twin")}, {"symbol_id": an_id("third")}),
    (
        "relationships",
        {"from_asset_id": ETH, "to_asset_id": BTC, "relationship_type": 1},
        {},
    ),
    ("asset_groups", {"name": "ETH variants"}, {}),
    ("asset_identifiers", IDENTIFIER, {"asset_id": ETH}),
    ("asset_identifiers", {**IDENTIFIER, "is_primary": True}, {"external_id": "btc"}),
    (
        "symbol_identifiers",
        {"symbol_id": SYMBOL["symbol_id"], "data_source": 1, "external_id": "x"},
        {},
    ),
    ("api_keys", {"key_hash": "h"}, {}),
]


@pytest.mark.parametrize(("table", "row", "other"), DUPLICATES)
async def test_a_duplicate_is_refused(
    table: str, row: dict[str, Any], other: dict[str, Any], connection: asyncpg.Connection[Any]
) -> None:
    if table != "symbols":  # the fixture has the first of these
        await insert(connection, table, **row)
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert(connection, table, **{**row, **other})


DANGLING: list[tuple[str, dict[str, Any]]] = [
    ("deployments", {**DEPLOYMENT, "asset_id": MISSING}),
    ("deployments", {**DEPLOYMENT, "chain_id": "missing"}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "base_asset_id": MISSING}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "quote_asset_id": MISSING}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "settlement_asset_id": MISSING}),
    ("chains", {"chain_id": "x", "native_asset_id": MISSING}),
    ("venues", {"venue_id": "x", "chain_id": "missing"}),
    ("relationships", {"from_asset_id": MISSING, "to_asset_id": BTC}),
    ("quality_flags", {"asset_id": MISSING}),
    ("group_members", {"group_id": MISSING, "asset_id": BTC}),
    ("asset_identifiers", {**IDENTIFIER, "asset_id": MISSING}),
    ("symbol_identifiers", {"symbol_id": MISSING}),
    ("venue_assets", {**VENUE_ASSET, "venue_id": "missing"}),
    ("venue_assets", {**VENUE_ASSET, "deployment_id": MISSING}),
    ("venue_symbols", {**LISTING, "symbol_id": MISSING}),
    ("venue_symbols", {**LISTING, "venue_id": "missing"}),
]


@pytest.mark.parametrize(("table", "row"), DANGLING)
async def test_what_points_nowhere_is_refused(
    table: str, row: dict[str, Any], connection: asyncpg.Connection[Any]
) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await insert(connection, table, **row)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("assets", {"asset_id": an_id("x"), "unverified": False}),
    ("venues", {"venue_id": "dex", "venue_type": 2}),
    ("chains", {"chain_id": "x", "network_id": -1}),
    ("deployments", {**DEPLOYMENT, "decimals": 37}),
    ("relationships", {"from_asset_id": BTC, "to_asset_id": BTC}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "tick_size": 0}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "quote_asset_id": BTC}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "symbol_type": 3}),
    ("symbols", {**SYMBOL, "symbol_id": an_id("x"), "symbol_type": 4}),
    ("venue_symbols", {**LISTING, "status": 2, "lot_size": 0}),
    ("venue_symbols", {**LISTING, "status": 2, "maker_fee": "1.5"}),
    ("venue_symbols", {**LISTING, "status": 2, "min_order_size": 2, "max_order_size": 1}),
    ("venue_symbols", {**LISTING, "status": 7}),
]


@pytest.mark.parametrize(("table", "row"), WRONG)
async def test_what_no_rule_would_accept_is_refused(
    table: str, row: dict[str, Any], connection: asyncpg.Connection[Any]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await insert(connection, table, **row)


async def test_one_spelling_has_one_meaning_at_one_instant(
    connection: asyncpg.Connection[Any],
) -> None:
    now, later = "2026-01-01T00:00Z", "2026-02-01T00:00Z"
    old = {**LISTING, "status": 7, "delisted_at": now}
    await insert(connection, "venue_symbols", **old)
    await insert(connection, "venue_symbols", **LISTING, status=2, listed_at=later)
    for overlapping in ({"listed_at": now, "status": 2}, {"status": 2}):
        with pytest.raises(asyncpg.ExclusionViolationError, match="ex_venue_symbols_spelling"):
            await insert(connection, "venue_symbols", **{**LISTING, **overlapping})
    await insert(connection, "venue_symbols", **{**LISTING, "venue_symbol": "btcusdt"}, status=2)


async def test_one_code_means_one_asset_of_a_venue_at_one_instant(
    connection: asyncpg.Connection[Any],
) -> None:
    code, now = {"venue_id": "binance", "code": "C"}, "2026-01-01T00:00Z"
    for asset in (BTC, ETH, USDT):
        await insert(connection, "venue_assets", venue_id="binance", asset_id=asset)
    await insert(connection, "venue_asset_codes", **code, asset_id=BTC, delisted_at=now)
    await insert(connection, "venue_asset_codes", **code, asset_id=ETH, listed_at=now)
    with pytest.raises(asyncpg.ExclusionViolationError, match="ex_venue_asset_codes_code"):
        await insert(connection, "venue_asset_codes", **code, asset_id=USDT)
    await insert(connection, "venue_asset_codes", **{**code, "code": "c"}, asset_id=USDT)


async def test_codes_that_were_recorded_before_periods_were_get_theirs(
    servers: EmbeddedServers,
) -> None:
    await execute_alone(servers.postgres, "CREATE DATABASE cqar_codes")
    dsn = at_database(servers.postgres, "cqar_codes")
    await migrate(dsn, "upgrade", "0004")
    connection = await asyncpg.connect(dsn)
    await insert(connection, "venues", venue_id="kraken", venue_type=1)
    begin, end = "2020-01-01T00:00Z", "2022-01-01T00:00Z"
    held = {"venue_id": "kraken", "venue_asset_symbol": "C"}
    for asset in (BTC, ETH):
        await insert(connection, "assets", asset_id=asset, asset_type=1)
    await insert(connection, "venue_assets", **held, asset_id=BTC, listed_at=begin, delisted_at=end)
    codes = {"other_codes": "{D,E}"}
    await insert(connection, "venue_assets", **held, **codes, asset_id=ETH, listed_at=end)
    await insert(connection, "venue_asset_codes", venue_id="kraken", asset_id=ETH, code="C")
    await migrate(dsn, "upgrade")
    query = (
        "SELECT asset_id::text, code, listed_at::date::text, delisted_at::date::text"
        " FROM venue_asset_codes ORDER BY listed_at, code"
    )
    assert [tuple(row) for row in await connection.fetch(query)] == [
        (BTC, "C", "2020-01-01", "2022-01-01"),
        *((ETH, code, "2022-01-01", None) for code in "CDE"),
    ]
    await migrate(dsn, "downgrade", "0004")
    query = "SELECT asset_id::text, code FROM venue_asset_codes ORDER BY code"
    assert [tuple(row) for row in await connection.fetch(query)] == [(ETH, code) for code in "CDE"]
    await connection.close()
    await execute_alone(servers.postgres, "DROP DATABASE cqar_codes WITH (FORCE)")


async def test_of_listings_that_were_there_before_terms_had_dates_nothing_is_guessed(
    servers: EmbeddedServers,
) -> None:
    await execute_alone(servers.postgres, "CREATE DATABASE cqar_terms")
    dsn = at_database(servers.postgres, "cqar_terms")
    await migrate(dsn, "upgrade", "0006")
    connection = await asyncpg.connect(dsn)
    await insert(connection, "venues", venue_id="binance", venue_type=1)
    for asset in (BTC, USDT):
        await insert(connection, "assets", asset_id=asset, asset_type=1)
    await insert(connection, "symbols", **SYMBOL)
    for place, listing in enumerate((an_id("there"), an_id("removed"))):
        named = {**LISTING, "listing_id": listing, "venue_symbol": listing, "is_primary": False}
        await insert(connection, "venue_symbols", **named, status=2)
        await connection.execute(
            "INSERT INTO current (kind, key, revision, payload, deleted)"
            " VALUES ('venue_symbol', $1, 1, $2, $3)",
            *(listing, b"as it is", place == 1),
        )
    before = await connection.fetchval("SELECT now()")
    await migrate(dsn, "upgrade")
    (row,) = await connection.fetch("SELECT listing_id::text, since, payload FROM listing_terms")
    assert (row["listing_id"], row["payload"]) == (an_id("there"), b"as it is")
    assert row["since"] >= before
    query = "SELECT DISTINCT terms_since FROM venue_symbols"
    assert await connection.fetchval(query) == row["since"]
    await migrate(dsn, "downgrade", "0006")
    assert "listing_terms" not in await names_of_tables(connection)
    await connection.close()
    await execute_alone(servers.postgres, "DROP DATABASE cqar_terms WITH (FORCE)")
