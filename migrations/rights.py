"""Who may do what in the registry's schema, stated anew after each migration.

The owner makes the schema and is nobody's account at run time. Where the accounts below are there
(deploy/compose/roles.sql), each has what is said here and nothing else; where they are not, as in
an installation of one account, nothing is granted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import asyncpg

#: Writers: change tables, append to history, never alter it.
WRITER: Final = "cqar_writer"
#: Resolvers: read what they serve.
RESOLVER: Final = "cqar_resolver"
#: `cqar audit verify`: reads everything.
AUDITOR: Final = "cqar_auditor"
ACCOUNTS: Final = (WRITER, RESOLVER, AUDITOR)

CHANGES: Final = "SELECT, INSERT, UPDATE, DELETE"
#: Of a writer, where it may not do all that it may elsewhere.
WRITER_RIGHTS: Final = {
    "alembic_version": "SELECT",
    "registry_head": "SELECT, UPDATE",
    "outbox": "SELECT, INSERT",
    "entity_revisions": "SELECT, INSERT",
}
#: What a writer may change of a row that stays as it is otherwise: a head that stands unsigned is
#: signed where it stands, and signatures are checked against the row. Of a schema of before there
#: are no such columns.
WRITER_COLUMNS: Final = {"outbox": ("signature", "signing_key_id")}
#: What resolvers do not serve. Answers that were given may hold anything that a writer may read;
#: keys come to resolvers as entities; where terms are from, the writer tells.
NOT_RESOLVERS: Final = frozenset(
    (
        *("idempotency_keys", "api_keys", "listing_sources", "asset_prices"),
        *("findings", "finding_counts", "order_rejects"),
    )
)
#: With the owner's rights (migration 0012).
FUNCTION: Final = "make_outbox_partitions(bigint)"
#: Two migration jobs take turns; of migrations.env.
ADVISORY_LOCK: Final = 0x63716172

_TABLES: Final = """
    SELECT c.relname, array_agg(a.attname::text) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    GROUP BY 1 ORDER BY 1
"""


def rights_of(account: str, table: str) -> str:
    """What an account may do with a table; empty: nothing."""
    if account == WRITER:
        return WRITER_RIGHTS.get(table, CHANGES)
    return "" if account == RESOLVER and table in NOT_RESOLVERS else "SELECT"


def statements(
    accounts: Iterable[str],
    schema: str,
    tables: Mapping[str, Collection[str]],
    *,
    has_function: bool,
) -> Iterator[str]:
    """What gives each account its rights and takes whatever else it had.

    Args:
        tables: The columns of each.
    """
    for account in accounts:
        yield f'REVOKE ALL ON ALL TABLES IN SCHEMA "{schema}" FROM {account}'
        yield f'REVOKE ALL ON SCHEMA "{schema}" FROM {account}'
        yield f'GRANT USAGE ON SCHEMA "{schema}" TO {account}'
        for table, columns in tables.items():
            if rights := rights_of(account, table):
                yield f'GRANT {rights} ON "{schema}"."{table}" TO {account}'
            signed = [name for name in WRITER_COLUMNS.get(table, ()) if name in columns]
            if account == WRITER and signed:
                yield f'GRANT UPDATE ({", ".join(signed)}) ON "{schema}"."{table}" TO {account}'
        if account == WRITER and has_function:
            yield f'GRANT EXECUTE ON FUNCTION "{schema}".{FUNCTION} TO {account}'


async def grant(database_url: str) -> list[str]:
    """Give the accounts that are there their rights; the schema's owner does.

    Partitions get none of their own: they are reached through their table.

    Returns:
        The accounts that are there.
    """
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
            known = "SELECT rolname FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1"
            accounts = [row[0] for row in await connection.fetch(known, list(ACCOUNTS))]
            schema = await connection.fetchval("SELECT current_schema()")
            tables = {row[0]: row[1] for row in await connection.fetch(_TABLES)}
            function = await connection.fetchval("SELECT to_regprocedure($1)", FUNCTION)
            for statement in statements(
                accounts, schema, tables, has_function=function is not None
            ):
                await connection.execute(statement)
    finally:
        await connection.close()
    return accounts
