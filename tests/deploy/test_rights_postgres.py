"""PostgreSQL's accounts, as roles.sql and the migrations make them."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from cqar.admin.audit import verify_registry
from cqar_shared.sql.postgres import make_engine
from cqar_writer.mutations import Mutations
from cqar_writer.store import outbox
from tests.deploy.conftest import Shipped
from tests.support.commits import commit
from tests.support.entity_builders import NOW, a_venue
from tests.support.service_processes import migrate

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
FORBIDDEN = {
    "writer": (
        "ALTER TABLE assets ADD COLUMN x int",
        "DROP TABLE assets",
        "CREATE TABLE mine (x int)",
        "CREATE TABLE outbox_p9 PARTITION OF outbox FOR VALUES FROM (90000000) TO (100000000)",
        "TRUNCATE assets",
        "UPDATE outbox SET payload = payload",
        "DELETE FROM outbox",
        "UPDATE outbox_p0 SET payload = payload",
        "DELETE FROM outbox_p0",
        "UPDATE entity_revisions SET key = key",
        "DELETE FROM entity_revisions",
        "DELETE FROM registry_head",
        "INSERT INTO registry_head SELECT * FROM registry_head",
        "UPDATE alembic_version SET version_num = '0000'",
        "DROP FUNCTION make_outbox_partitions(bigint)",
        "SET ROLE cqar",
        "COPY assets TO PROGRAM 'true'",
    ),
    "resolver": (
        "SELECT * FROM idempotency_keys",
        "SELECT * FROM api_keys",
        "INSERT INTO venues SELECT * FROM venues",
        "UPDATE current SET payload = payload",
        "DELETE FROM outbox",
        "CREATE TABLE mine (x int)",
        "SELECT make_outbox_partitions(1)",
        "SET ROLE cqar_writer",
    ),
    "auditor": (
        "UPDATE current SET payload = payload",
        "DELETE FROM outbox",
        "SELECT make_outbox_partitions(1)",
    ),
}


async def fetch(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


@pytest.mark.parametrize("role", FORBIDDEN)
async def test_an_account_may_not_do_what_is_not_its_work(servers: Shipped, role: str) -> None:
    connection = await asyncpg.connect(servers.url(role, "database"))
    try:
        # Anybody may say that of itself; it is a convenience, not a right.
        await connection.execute("SET default_transaction_read_only = off")
        for statement in FORBIDDEN[role]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_writer_appends_to_history_and_makes_its_partitions(servers: Shipped) -> None:
    engine = make_engine(servers.url("writer", "database"), connections_max=2, application="test")
    try:
        before = await commit(Mutations(engine, lambda: NOW), a_venue("appended"))
        assert before > 0
        async with engine.begin() as tx:
            await outbox.ensure_partitions(tx, 50_000_000)
    finally:
        await engine.dispose()
    url = servers.url("owner", "database")
    made = {row["tablename"] for row in await fetch(url, TABLES)}
    assert {"outbox_p5", "outbox_p6"} <= made
    # Nobody reaches a partition but through its table.
    for role in ("writer", "resolver"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fetch(servers.url(role, "database"), "SELECT * FROM outbox_p5")


async def test_the_audit_reads_everything_by_an_account_that_changes_nothing(
    servers: Shipped,
) -> None:
    url = servers.url("auditor", "database")
    for row in await fetch(servers.url("owner", "database"), TABLES):
        if not row["tablename"].startswith("outbox_p"):
            await fetch(url, f"SELECT * FROM {row['tablename']} LIMIT 1")
    assert (await verify_registry(url)).revisions >= 0


async def test_a_table_of_a_later_migration_has_its_rights_after_it(servers: Shipped) -> None:
    """Whatever was granted by hand is gone, too."""
    owner = servers.url("owner", "database")
    reader, writer = (servers.url(role, "database") for role in ("resolver", "writer"))
    await fetch(owner, "CREATE TABLE later (x int)")
    await fetch(owner, "GRANT ALL ON idempotency_keys TO cqar_resolver")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fetch(reader, "SELECT * FROM later")
        said = await migrate(owner, "grant")
        assert said.split() == ["cqar_auditor", "cqar_resolver", "cqar_writer"]
        assert await fetch(reader, "SELECT * FROM later") == []
        await fetch(writer, "INSERT INTO later VALUES (1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fetch(reader, "SELECT * FROM idempotency_keys")
        await migrate(owner, "upgrade")
        await migrate(owner, "grant")
    finally:
        await fetch(owner, "DROP TABLE later")
