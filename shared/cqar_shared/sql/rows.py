"""Gives entities to PostgreSQL as rows, to write them or to compare them with stored rows.

The rows are one JSON document, which PostgreSQL converts to columns of any type; decimals and
instants are texts, and so exact. Writing and comparing use the same document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from cqar_shared.domain.kind import AnyKind, Entity

#: The source of one row. Entities have the fields of their tables.
Given = Entity | Mapping[str, Any]


def rows_of(kind: AnyKind, entities: Sequence[Entity]) -> dict[str, list[Given]]:
    """Table -> rows, of the kind's own table and of its child tables."""
    found: defaultdict[str, list[Given]] = defaultdict(list)
    found[kind.table] = list(entities)
    for entity in entities:
        for name, row in kind.children(entity):
            found[name].append(row)
    return found


def document(rows: Sequence[Given]) -> str:
    """Encode rows as `given` reads them."""
    return msgspec.json.encode(rows).decode()


@cache
def given(table: sa.Table, rows: str = "CAST(:rows AS json)") -> str:
    """SQL that reads a document as rows of a table."""
    return f"json_populate_recordset(CAST(NULL AS {table.name}), {rows})"


@cache
def differing(table: sa.Table, rows: str = "CAST(:rows AS json)") -> str:
    """SQL for rows of a document that a table lacks or has with other values.

    Columns: the primary key as text, the table's row and the document's row as JSON.
    """
    keys = [column.name for column in table.primary_key]
    key = " || '/' || ".join(f"g.{name}::text" for name in keys)
    same = " AND ".join(f"t.{name} = g.{name}" for name in keys)
    return (
        f"SELECT {key} AS key, to_jsonb(t) AS found, to_jsonb(g) AS expected"  # noqa: S608
        f" FROM {given(table, rows)} AS g LEFT JOIN {table.name} AS t ON {same}"
        f" WHERE t IS DISTINCT FROM g"
    )
