"""Rows into PostgreSQL by COPY, past the checks that a generated registry passes by itself."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from bench.registry.revisions import Change
from cqar_shared.domain.kind import Entity, Row
from cqar_shared.sql.schema import current, entity_revisions, outbox
from cqar_shared.sql.tables import metadata
from cqar_writer.protocol.log_rows import OutboxRow

#: Checked row by row they take most of the time; checked once, at the end, they are as good.
EXCLUSIONS: Final = """
    SELECT conrelid::regclass::text AS held, conname AS name, pg_get_constraintdef(oid) AS made
    FROM pg_constraint WHERE contype = 'x' AND connamespace = 'public'::regnamespace
"""


async def drop_exclusions(connection: Any) -> list[str]:
    """Returns the statements that make them again, and check all rows by them."""
    found = await connection.fetch(EXCLUSIONS)
    for row in found:
        await connection.execute(f"ALTER TABLE {row['held']} DROP CONSTRAINT {row['name']}")
    return [
        f"ALTER TABLE {row['held']} ADD CONSTRAINT {row['name']} {row['made']}" for row in found
    ]


async def copy_revision(connection: Any, row: OutboxRow, changes: Sequence[Change]) -> None:
    """A revision whose entities are all new, but for their relational rows."""
    revision = row.revision
    rows = [(c.kind.name, c.key, revision, c.after, False, False) for c in changes]
    await copy(connection, current, rows)
    await copy(connection, entity_revisions, [row[:3] for row in rows])
    await copy(connection, outbox, [tuple(row)])


async def copy_tables(connection: Any, changes: Sequence[Change]) -> None:
    """Their relational rows: what lists, searches and rules read."""
    kept: dict[str, list[dict[str, Any]]] = {}
    for change in changes:
        own: list[Row] = [(change.kind.table, row_of(change.entity))]
        for name, values in (*own, *change.kind.children(change.entity)):
            kept.setdefault(name, []).append(values)
    for name, found in kept.items():
        table = metadata.tables[name]
        rows = [tuple(_column(column, row[column.name]) for column in table.c) for row in found]
        await copy(connection, table, rows)


def row_of(entity: Entity) -> dict[str, Any]:
    """The columns of an entity. Nested values become JSON, decimals stay exact."""
    return {name: _value(getattr(entity, name)) for name in entity.__struct_fields__}


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [msgspec.to_builtins(v) if isinstance(v, msgspec.Struct) else v for v in value]
    return int(value) if isinstance(value, enum.IntEnum) else value


async def copy(connection: Any, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
    columns = table.c.keys()
    await connection.copy_records_to_table(table.name, records=rows, columns=columns)


def _column(column: sa.Column[Any], value: Any) -> Any:
    is_json = isinstance(column.type, JSONB) and value is not None
    return json.dumps(value) if is_json else value
