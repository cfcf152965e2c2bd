"""Writes a change set's rows in SQL: one statement for any number of rows of a table.

Each function needs an open transaction. `cqar_shared.sql.rows` encodes rows of the kinds' tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.sql import direct_statement, rows
from cqar_shared.sql.tables import child_tables_of, metadata, table_of
from cqar_writer.store import session_keepalive

#: Rows that are encoded in a thread; fewer take less time than to start one.
BULK_ROWS_MIN: Final = 20


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
    await direct_statement.fetch(tx, statement, {"rows": document})


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


def constraint_name(error: sa.exc.IntegrityError) -> str:
    """Return the name of the violated constraint; one naming convention makes it readable."""
    cause: Any = error.orig
    while cause is not None:
        if name := getattr(cause, "constraint_name", None):
            return str(name)
        cause = cause.__cause__
    return ""
