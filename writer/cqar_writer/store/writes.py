"""Writes a change set's rows in SQL: one statement for any number of rows of a table.

Each function needs an open transaction. `cqar_shared.sql.rows` encodes rows of the kinds' tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.sql import rows
from cqar_shared.sql.tables import child_tables_of, metadata, table_of
from cqar_writer.store import session_keepalive

#: Above this many rows, a statement that makes them share plans pays off.
BULK_ROWS_MIN: Final = 20
#: Each row is checked against those it refers to, by a statement that would be planned each time. A
#: plan made while a table was tiny scans it, and is kept while it grows: so no plan may scan.
_PLAN_ONCE: Final = sa.text(
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true)"
)


async def plan_bulk_write(tx: AsyncConnection, count: int) -> None:
    """Prepare the rest of the transaction for writing `count` rows; it must not search any more."""
    if count > BULK_ROWS_MIN:
        await tx.execute(_PLAN_ONCE)


async def save(tx: AsyncConnection, kind: AnyKind, entities: Sequence[Entity]) -> None:
    """Insert or replace the rows of entities of one kind, and the rows of their parts."""
    if not entities:
        return
    await _delete_children(tx, kind, entities)
    own = table_of(kind)
    is_long = len(entities) > BULK_ROWS_MIN or bool(kind.child_tables)
    rows_by_table = await session_keepalive.run(tx, is_long, rows.rows_of, kind, entities)
    for name, given in rows_by_table.items():
        table = metadata.tables[name]
        await _execute(tx, _upsert(table) if table is own else _insert(table), given)


async def remove(tx: AsyncConnection, kind: AnyKind, entities: Sequence[Entity]) -> None:
    if not entities:
        return
    await _delete_children(tx, kind, entities)
    await _delete(tx, table_of(kind), kind, entities)


async def _delete_children(tx: AsyncConnection, kind: AnyKind, entities: Sequence[Entity]) -> None:
    for table in child_tables_of(kind):
        await _delete(tx, table, kind, entities)


async def _delete(
    tx: AsyncConnection, table: sa.Table, kind: AnyKind, entities: Sequence[Entity]
) -> None:
    keys = [{name: getattr(entity, name) for name in kind.key} for entity in entities]
    await _execute(tx, _delete_by(table, kind.key), keys)


async def _execute(
    tx: AsyncConnection, statement: sa.TextClause, given: Sequence[rows.Given]
) -> None:
    document = await session_keepalive.run(tx, len(given) > BULK_ROWS_MIN, rows.document, given)
    await tx.execute(statement, {"rows": document})


@cache
def _insert(table: sa.Table) -> sa.TextClause:
    names = ", ".join(column.name for column in table.c)
    return sa.text(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {rows.given(table)}"  # noqa: S608
    )


@cache
def _upsert(table: sa.Table) -> sa.TextClause:
    keys = [column.name for column in table.primary_key]
    changed = [f"{c.name} = excluded.{c.name}" for c in table.c if c.name not in keys]
    conflict = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(changed)}"
    return sa.text(f"{_insert(table).text} {conflict}")


@cache
def _delete_by(table: sa.Table, key: tuple[str, ...]) -> sa.TextClause:
    same = " AND ".join(f"t.{name} = given.{name}" for name in key)
    return sa.text(
        f"DELETE FROM {table.name} t USING {rows.given(table)} AS given WHERE {same}"  # noqa: S608
    )


class CurrentRow(NamedTuple):
    """An entity as of a revision."""

    kind: str
    key: str
    revision: int
    payload: bytes
    deleted: bool
    archived: bool


#: Saves the rows, and in `entity_revisions` which revisions changed each entity.
_SAVE_CURRENT: Final = sa.text(
    "WITH given AS (SELECT * FROM unnest(CAST(:kind AS text[]), CAST(:key AS text[]),"
    " CAST(:revision AS bigint[]), CAST(:payload AS bytea[]), CAST(:deleted AS boolean[]),"
    " CAST(:archived AS boolean[])) AS g(kind, key, revision, payload, deleted, archived)),"
    " noted AS (INSERT INTO entity_revisions (kind, key, revision)"
    " SELECT kind, key, revision FROM given)"
    " INSERT INTO current (kind, key, revision, payload, deleted, archived) SELECT * FROM given"
    " ON CONFLICT (kind, key) DO UPDATE SET revision = excluded.revision,"
    " payload = excluded.payload, deleted = excluded.deleted, archived = excluded.archived"
)


async def save_current(tx: AsyncConnection, saved: Sequence[CurrentRow]) -> None:
    columns = map(list, zip(*saved, strict=True))
    await tx.execute(_SAVE_CURRENT, dict(zip(CurrentRow._fields, columns, strict=True)))


_SAVE_TERMS: Final = sa.text(
    "INSERT INTO listing_terms (listing_id, since, payload) SELECT * FROM"
    " unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[]), CAST(:payloads AS bytea[]))"
    " ON CONFLICT (listing_id, since) DO UPDATE SET payload = excluded.payload"
)


async def save_terms(tx: AsyncConnection, dated: Sequence[tuple[bytes, Any]]) -> None:
    """Save listings, each with its payload, under the instant from which its terms hold."""
    if dated:
        payloads, listings = zip(*dated, strict=True)
        ids, since = [each.listing_id for each in listings], [each.terms_since for each in listings]
        await tx.execute(_SAVE_TERMS, {"ids": ids, "since": since, "payloads": payloads})


_CHECK_CONSTRAINTS: Final = sa.text("SET CONSTRAINTS ALL IMMEDIATE")


async def check_constraints(tx: AsyncConnection) -> None:
    """Check the deferred constraints now, where an error can still be mapped."""
    await tx.execute(_CHECK_CONSTRAINTS)


def constraint_name(error: sa.exc.IntegrityError) -> str:
    """Return the name of the violated constraint; one naming convention makes it readable."""
    cause: Any = error.orig
    while cause is not None:
        if name := getattr(cause, "constraint_name", None):
            return str(name)
        cause = cause.__cause__
    return ""
