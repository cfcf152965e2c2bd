"""The tables of every kind, declared for SQLAlchemy. `Kind.table` names its table.

They are separate from the kinds because a process that only looks entities up needs no SQL:
SQLAlchemy takes 16 MB of memory in each process.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import sqlalchemy as sa

from cqar_shared.domain.kind import AnyKind, Lookup
from cqar_shared.domain.kinds import KINDS
from cqar_shared.sql.schema import metadata

__all__ = ["child_tables_of", "metadata", "table_of", "table_of_lookup", "tables_of"]

for _kind in KINDS:
    # Each kind's module here declares its tables in `metadata`.
    import_module(f"{__name__}.{_kind.name}_table")


def table_of(kind: AnyKind) -> sa.Table:
    """The table whose columns are the kind's fields."""
    return metadata.tables[kind.table]


def child_tables_of(kind: AnyKind) -> tuple[sa.Table, ...]:
    """The tables of the parts of a kind's entities."""
    return tuple(metadata.tables[name] for name in kind.child_tables)


def tables_of(kind: AnyKind) -> tuple[sa.Table, ...]:
    return (table_of(kind), *child_tables_of(kind))


def table_of_lookup(kind: AnyKind, lookup: Lookup[Any]) -> sa.Table:
    """The table with the lookup's columns."""
    return metadata.tables[lookup.table or kind.table]
