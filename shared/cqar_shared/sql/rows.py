"""Entities as rows of their tables: how they are given to PostgreSQL, to write them or to compare.

Rows go as one JSON document, which PostgreSQL reads into columns of any type: decimals and instants
exactly, as text. Whoever compares does it by the very document that is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from cqar_shared.domain.kind import AnyKind, Entity

#: What one row is made of. Entities have the fields that their tables have.
Given = Entity | Mapping[str, Any]


def rows_of(kind: AnyKind, entities: Sequence[Entity]) -> dict[str, list[Given]]:
    """Table -> its rows: the kind's own, and those of its entities' parts."""
    found: defaultdict[str, list[Given]] = defaultdict(list)
    found[kind.table] = list(entities)
    for entity in entities:
        for name, row in kind.children(entity):
            found[name].append(row)
    return found


def document(rows: Sequence[Given]) -> str:
    """The rows as `given` reads them."""
    return msgspec.json.encode(rows).decode()


@cache
def given(table: sa.Table, rows: str = "CAST(:rows AS json)") -> str:
    """SQL for the rows of a document, as rows of a table."""
    return f"json_populate_recordset(CAST(NULL AS {table.name}), {rows})"


@cache
def differing(table: sa.Table, rows: str = "CAST(:rows AS json)") -> str:
    """SQL for the rows of a document that a table has not, or has otherwise.

    Columns: the primary key as text; the table's row and the document's, as JSON.
    """
    keys = [column.name for column in table.primary_key]
    key = " || '/' || ".join(f"g.{name}::text" for name in keys)
    same = " AND ".join(f"t.{name} = g.{name}" for name in keys)
    return (
        f"SELECT {key} AS key, to_jsonb(t) AS found, to_jsonb(g) AS expected"  # noqa: S608
        f" FROM {given(table, rows)} AS g LEFT JOIN {table.name} AS t ON {same}"
        f" WHERE t IS DISTINCT FROM g"
    )
