"""Reads entities from PostgreSQL by their keys and lookups.

Each function needs an open transaction. Payloads stay encoded. An entity that does not match the
row by which it was found raises DataLoss (`row_check`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain import rules
from cqar_shared.domain.kind import AnyKind, Lookup, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.sql import direct_statement, row_check
from cqar_shared.sql.tables import table_of_lookup

#: (integer type, first number that it cannot store); the types are subclasses of Integer.
INTEGER_ENDS: Final = ((sa.SmallInteger, 1 << 15), (sa.BigInteger, 1 << 63), (sa.Integer, 1 << 31))


#: Combinations of questions whose statements are kept.
COMBINED_MAX: Final = 256


class EntityRow(NamedTuple):
    """A row of `current`."""

    kind: str
    key: str
    revision: int
    deleted: bool
    payload: bytes
    archived: bool


def _load_sql(part: str = "") -> str:
    return (
        "SELECT c.kind, c.key, c.revision, c.deleted, c.payload, c.archived FROM current c"  # noqa: S608
        f" JOIN unnest(CAST(:{part}kinds AS text[]), CAST(:{part}keys AS text[])) AS w(kind, key)"
        f" ON c.kind = w.kind AND c.key = w.key WHERE CAST(:{part}removed AS boolean)"
        " OR NOT c.deleted"
    )


_LOAD: Final = sa.text(_load_sql())


async def load(
    tx: AsyncConnection, refs: Iterable[Ref], *, removed: bool = False
) -> list[EntityRow]:
    """Load entities by key, including archived ones, and with `removed` removed ones.

    Raises:
        DataLoss: a row of `current` holds another entity than its key says.
    """
    wanted = [(kind, key) for kind, key in refs if "\0" not in key]
    kinds, keys = [kind for kind, _ in wanted], [key for _, key in wanted]
    given = {"kinds": kinds, "keys": keys, "removed": removed}
    rows = await direct_statement.fetch(tx, _LOAD, given)
    found = [EntityRow(*row) for row in rows]
    for row in found:
        if not row.deleted:
            row_check.require_own(KIND_BY_NAME[row.kind], row.key, row.payload)
    return found


async def find(
    tx: AsyncConnection, kind: AnyKind, lookup: str, finds: Sequence[tuple[Any, ...]]
) -> list[list[EntityRow]]:
    """For each tuple of a lookup's values, return the entities with them, sorted by key.

    Raises:
        DataLoss: an entity does not have the values of its row.
    """
    found: list[list[EntityRow]] = [[] for _ in finds]
    # No entity has a value that its column cannot store; PostgreSQL would refuse the whole query.
    groups: defaultdict[tuple[bool, ...], list[int]] = defaultdict(list)
    columns = _lookup_columns(kind, kind.lookups[lookup])
    for place, values in enumerate(finds):
        if all(map(storable, columns, values)):
            groups[tuple(value is not None for value in values)].append(place)
    for given, places in groups.items():
        arguments: dict[str, Any] = {"places": places}
        for i, values in enumerate(zip(*(finds[place] for place in places), strict=True)):
            if given[i]:
                arguments[f"v{i}"] = list(values)
        query = _find_query(kind.name, lookup, given)
        rows = await direct_statement.fetch(tx, query, arguments)
        for place, key, revision, payload, archived in rows:
            row_check.require_filed(kind, lookup, finds[place], key, payload)
            one = EntityRow(kind.name, key, revision, False, payload, archived)  # noqa: FBT003
            found[place].append(one)
    return found


def storable(column: sa.Column[Any], value: Any) -> bool:
    """Whether a column can store a value: a valid UUID, a text without NUL, a number in range.

    Negative numbers are not used.
    """
    if isinstance(value, str):
        return rules.is_uuid(value) if isinstance(column.type, sa.Uuid) else "\0" not in value
    if isinstance(value, int):
        ends = (end for type_, end in INTEGER_ENDS if isinstance(column.type, type_))
        return 0 <= value < next(ends, math.inf)
    return True


def _lookup_columns(kind: AnyKind, lookup: Lookup[Any]) -> list[sa.Column[Any]]:
    table = table_of_lookup(kind, lookup)
    return [table.c[name] for name in lookup.columns]


@cache
def _find_query(kind_name: str, lookup_name: str, given: tuple[bool, ...]) -> sa.TextClause:
    return sa.text(f"{_find_sql(kind_name, lookup_name, given)} ORDER BY c.key")


def _find_sql(kind_name: str, lookup_name: str, given: tuple[bool, ...], part: str = "") -> str:
    """The query for values of which some are NULL.

    IS NOT DISTINCT FROM covers both cases, but uses neither a hash nor an index: 1,000 addresses
    against 77,000 deployments took 3.7 s, and take 0.03 s this way.
    """
    kind = KIND_BY_NAME[kind_name]
    lookup: Lookup[Any] = kind.lookups[lookup_name]
    table = table_of_lookup(kind, lookup)
    arrays, names, matches = [f"CAST(:{part}places AS int[])"], ["place"], []
    for i, column in enumerate(_lookup_columns(kind, lookup)):
        if not given[i]:
            matches.append(f"t.{column.name} IS NULL")
            continue
        type_ = column.type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
        arrays.append(f"CAST(:{part}v{i} AS {type_}[])")
        names.append(f"v{i}")
        matches.append(f"t.{column.name} = w.v{i}")
    return (
        f"SELECT w.place, c.key, c.revision, c.payload, c.archived"  # noqa: S608  (names of our own)
        f" FROM unnest({', '.join(arrays)}) AS w({', '.join(names)})"
        f" JOIN {table.name} t ON {' AND '.join(matches)}"
        f" JOIN current c ON c.kind = '{kind.name}' AND c.key = {key_sql(kind)}"
        f" WHERE NOT c.deleted"
    )


async def find_and_load(
    tx: AsyncConnection, finds: Sequence[LookupKey], refs: Sequence[Ref]
) -> tuple[list[list[EntityRow]], list[EntityRow]]:
    """Find by a few lookups and load a few entities, removed ones too, in one statement.

    Returns:
        For each find, the entities sorted by key; and the loaded ones.

    Raises:
        DataLoss: As `find` and `load`.
    """
    found: list[list[EntityRow]] = [[] for _ in finds]
    wanted = [(kind, key) for kind, key in refs if "\0" not in key]
    asked: list[tuple[str, str, tuple[bool, ...]]] = []
    arguments: dict[str, Any] = {}
    for place, (name, lookup, values) in enumerate(finds):
        kind = KIND_BY_NAME[name]
        if all(map(storable, _lookup_columns(kind, kind.lookups[lookup]), values)):
            asked.append((name, lookup, tuple(value is not None for value in values)))
            part = f"p{len(asked)}_"
            arguments[f"{part}places"] = [place]
            arguments |= {f"{part}v{i}": [one] for i, one in enumerate(values) if one is not None}
    if wanted:
        arguments |= {"kinds": [kind for kind, _ in wanted], "keys": [key for _, key in wanted]}
        arguments["removed"] = True
    loaded: list[EntityRow] = []
    if not arguments:
        return found, loaded
    statement = _combined(tuple(asked), loads=bool(wanted))
    for place, *columns in await direct_statement.fetch(tx, statement, arguments):
        row = EntityRow(*columns)
        if place is None:
            loaded.append(row)
            if not row.deleted:
                row_check.require_own(KIND_BY_NAME[row.kind], row.key, row.payload)
        else:
            name, lookup, values = finds[place]
            row_check.require_filed(KIND_BY_NAME[name], lookup, values, row.key, row.payload)
            found[place].append(row)
    return [sorted(rows, key=lambda row: row.key) for rows in found], loaded


@lru_cache(COMBINED_MAX)
def _combined(
    asked: tuple[tuple[str, str, tuple[bool, ...]], ...], *, loads: bool
) -> sa.TextClause:
    parts = [
        f"SELECT f.place, '{kind}' AS kind, f.key, f.revision, false AS deleted, f.payload,"  # noqa: S608
        f" f.archived FROM ({_find_sql(kind, lookup, given, f'p{number}_')}) AS f"
        for number, (kind, lookup, given) in enumerate(asked, 1)
    ]
    if loads:
        parts.append(f"SELECT CAST(NULL AS int), l.* FROM ({_load_sql()}) AS l")  # noqa: S608
    return sa.text(" UNION ALL ".join(parts))


async def terms_at(
    tx: AsyncConnection, wanted: Sequence[tuple[str, dt.datetime]]
) -> list[bytes | None]:
    """For each (listing_id, instant), return the listing with the terms of then, if known.

    Raises:
        DataLoss: a row holds another listing, or terms of another instant.
    """
    query = sa.text(
        "SELECT w.place, t.since, t.payload"
        " FROM unnest(CAST(:places AS int[]), CAST(:ids AS uuid[]),"
        " CAST(:moments AS timestamptz[])) AS w(place, listing_id, moment)"
        " CROSS JOIN LATERAL (SELECT l.since, l.payload FROM listing_terms l"
        " WHERE l.listing_id = w.listing_id AND l.since <= w.moment"
        " ORDER BY l.since DESC LIMIT 1) AS t"
    )
    ids, moments = [each for each, _ in wanted], [moment for _, moment in wanted]
    given = {"places": list(range(len(wanted))), "ids": ids, "moments": moments}
    found: list[bytes | None] = [None] * len(wanted)
    for place, since, payload in await tx.execute(query, given):
        row_check.require_terms(ids[place], since, payload)
        found[place] = payload
    return found


def key_sql(kind: AnyKind, alias: str = "t") -> str:
    """SQL for the key of a row of a kind's table, as in `current`."""
    return " || '/' || ".join(f"{alias}.{name}::text" for name in kind.key)
