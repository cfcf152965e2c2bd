"""The relational tables against `current`: two projections of the same commits."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind, Entity, Row
from cqar_shared.domain.kinds import KINDS
from cqar_shared.sql.schema import current
from cqar_shared.sql.tables import table_of, tables_of


async def require_tables_equal_current(engine: AsyncEngine) -> int:
    """Every live entity stands in its kind's table, with its children, and nothing else does.

    Returns:
        How many rows were compared.
    """
    compared = 0
    async with engine.connect() as tx:
        await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        for kind in KINDS:
            entities = await _live(tx, kind)
            rows: list[Row] = [(kind.table, _own_row(kind, entity)) for entity in entities]
            rows += [row for entity in entities for row in kind.children(entity)]
            for table in tables_of(kind):
                expected = [row for owner, row in rows if owner == table.name]
                found = (await tx.execute(sa.select(table))).mappings()
                assert _in_order(table, expected) == _in_order(table, map(dict, found)), table.name
                compared += len(expected)
    return compared


async def _live(tx: AsyncConnection, kind: AnyKind) -> list[Entity]:
    query = sa.select(current.c.payload).where(current.c.kind == kind.name, ~current.c.deleted)
    return [entity_codec.decode(kind, payload) for payload in (await tx.execute(query)).scalars()]


def row_of(entity: Entity) -> dict[str, Any]:
    """The columns of an entity: nested values become JSON, decimals stay exact."""
    return {name: _value(getattr(entity, name)) for name in entity.__struct_fields__}


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [msgspec.to_builtins(v) if isinstance(v, msgspec.Struct) else v for v in value]
    return int(value) if isinstance(value, enum.IntEnum) else value


def _own_row(kind: AnyKind, entity: Entity) -> dict[str, Any]:
    row = row_of(entity)
    return {name: row[name] for name in row if name in table_of(kind).c}


def _in_order(table: sa.Table, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    key = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: [str(row[name]) for name in key])
