"""Reads entities in SQL. Each function needs an open transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from cqc.writer.v1 import api_key_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.working_set import LookupKey, Referrers, Stored
from cqar_shared.sql import entity_queries, row_check, rows
from cqar_shared.sql.schema import current
from cqar_shared.sql.tables import metadata, table_of, tables_of

#: Decoded entities in memory, of 2 KB each.
ENTITIES_MAX: Final = 8_192


async def load(
    tx: AsyncConnection, refs: Iterable[Ref], *, removed: bool = False
) -> dict[Ref, Stored]:
    """Load the live entities of `refs`; with `removed` also the removed ones."""
    return _by_ref(await entity_queries.load(tx, refs, removed=removed))


def _by_ref(rows_found: Iterable[entity_queries.EntityRow]) -> dict[Ref, Stored]:
    return {
        (row.kind, row.key): Stored(None, row.revision, b"") if row.deleted else _stored(row)
        for row in rows_found
    }


def _stored(row: entity_queries.EntityRow) -> Stored:
    return Stored(_READERS[row.kind], row.revision, row.payload, archived=row.archived)


class _DecodedEntities:
    """Caches the entities decoded last; safe to use from any thread.

    The same row is found by its key and by each of its lookups, and its referents again; and an
    entity that changed is likely to change next.
    """

    def __init__(self) -> None:
        self._young: dict[tuple[str, bytes], Entity] = {}
        self._old = self._young

    def of(self, kind: str, payload: bytes) -> Entity:
        entity = self._young.get((kind, payload)) or self._old.get((kind, payload))
        if entity is None:
            entity = entity_codec.decode(KIND_BY_NAME[kind], payload)
            self.note(kind, payload, entity)
        return entity

    def note(self, kind: str, payload: bytes, entity: Entity) -> None:
        if len(self._young) >= ENTITIES_MAX // 2:
            self._young, self._old = {}, self._young
        self._young[kind, payload] = entity


_decoded: Final = _DecodedEntities()


def remember(kind: str, payload: bytes, entity: Entity) -> None:
    """Cache an entity that was just encoded, so that it need not be decoded."""
    _decoded.note(kind, payload, entity)


_READERS: Final = {kind.name: partial(_decoded.of, kind.name) for kind in KINDS}


async def find(
    tx: AsyncConnection, kind: AnyKind, lookup: str, lookups: Sequence[LookupKey]
) -> dict[LookupKey, dict[str, Stored]]:
    """Find the live entities, by key, for each of `lookups`, which are of one name and kind."""
    matches = await entity_queries.find(tx, kind, lookup, [wanted.values for wanted in lookups])
    return {
        wanted: {row.key: _stored(row) for row in found_rows}
        for wanted, found_rows in zip(lookups, matches, strict=True)
    }


async def find_and_load(
    tx: AsyncConnection, finds: Sequence[LookupKey], refs: Sequence[Ref]
) -> tuple[dict[LookupKey, dict[str, Stored]], dict[Ref, Stored]]:
    """`find` and `load` of a few, removed ones among those loaded, in one statement."""
    matches, loaded = await entity_queries.find_and_load(tx, finds, refs)
    found = {
        wanted: {row.key: _stored(row) for row in rows_found}
        for wanted, rows_found in zip(finds, matches, strict=True)
    }
    return found, _by_ref(loaded)


async def count(tx: AsyncConnection, kind: AnyKind, conditions: Sequence[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(table_of(kind)).where(*conditions)
    if kind.archives:
        # Archived entities are few and have an index; the others are counted without `current`.
        gone = sa.exists().where(
            current.c.archived, current.c.kind == kind.name, current.c.key == _key(kind)
        )
        query = query.where(~gone)
    total: int = (await tx.execute(query)).scalar_one()
    return total


async def page(
    tx: AsyncConnection,
    kind: AnyKind,
    conditions: Sequence[Any],
    after: list[str] | None,
    limit: int,
) -> list[tuple[list[str], bytes]]:
    """Return (key, payload) of the first `limit` live entities after a key, in key order.

    Text is ordered by its bytes, whatever the database's collation: resolvers, which have none,
    list in the same order.
    """
    columns = [table_of(kind).c[name] for name in kind.key]
    places = [c.collate("C") if isinstance(c.type, sa.Text) else c for c in columns]
    query = (
        sa.select(*columns, current.c.payload)
        .select_from(table_of(kind))
        .join(current, (current.c.kind == kind.name) & (current.c.key == _key(kind)))
        .where(*conditions, ~current.c.archived)
        .order_by(*places)
        .limit(limit)
    )
    if after is not None:
        bounds = [
            sa.literal(part, column.type) for part, column in zip(after, columns, strict=True)
        ]
        query = query.where(sa.tuple_(*places) > sa.tuple_(*bounds))
    return [([str(part) for part in row[:-1]], row[-1]) for row in await tx.execute(query)]


def _key(kind: AnyKind) -> sa.ColumnElement[str]:
    return sa.literal_column(entity_queries.key_sql(kind, kind.table))


async def referrers(tx: AsyncConnection, ref: Ref, limit: int = 100) -> Referrers:
    """Find the other entities that refer to one, by the foreign keys that the kinds declare.

    An entity's own parts, such as a group's members, do not count.

    Args:
        limit: Referrers by one column.

    Raises:
        DataLoss: an entity that a table names does not itself refer to it.
    """
    kind = KIND_BY_NAME[ref[0]]
    tables: dict[Ref, str] = {}
    more = False
    for other, column in _referring_columns(kind):
        another = f"AND {entity_queries.key_sql(other)} <> :key" if other is kind else ""
        query = sa.text(
            f"SELECT {entity_queries.key_sql(other)} FROM {column.table.name} t"  # noqa: S608
            f" WHERE t.{column.name}::text = :key {another} LIMIT {limit + 1}"
        )
        keys = list((await tx.execute(query, {"key": ref[1]})).scalars())
        more = more or len(keys) > limit
        tables |= {(other.name, key): column.table.name for key in keys[:limit]}
    payloads = {(row.kind, row.key): row.payload for row in await entity_queries.load(tx, tables)}
    for (name, key), table in tables.items():
        payload = payloads.get((name, key))
        if payload is None:
            raise row_check.altered(table, key)
        row_check.require_pointing(KIND_BY_NAME[name], table, key, payload, ref)
    return Referrers(list(tables), more)


def _referring_columns(kind: AnyKind) -> Iterator[tuple[AnyKind, sa.Column[Any]]]:
    """Yield the columns that refer to entities of a kind, each with the kind that it is of."""
    target = f"{kind.table}.{kind.key[0]}"
    for other in KINDS:
        for column in (c for table in tables_of(other) for c in table.c):
            if any(key.target_fullname == target for key in column.foreign_keys):
                yield other, column


async def has_more_referrers(tx: AsyncConnection, kind: AnyKind, key: str, limit: int) -> bool:
    """Whether more than `limit` rows refer to an entity that has a UUID."""
    count = 0
    for _, column in _referring_columns(kind):
        query = sa.select(column).where(column == key).limit(limit + 1 - count).subquery()
        count += (await tx.execute(sa.select(sa.func.count()).select_from(query))).scalar_one()
        if count > limit:
            return True
    return False


#: The migration that added this column dated rows but not payloads; nothing is found by it.
_UNDATED: Final = "AND (to_jsonb(t) - 'terms_since') IS DISTINCT FROM (to_jsonb(g) - 'terms_since')"


async def require_rows(tx: AsyncConnection, entities: Iterable[tuple[str, str, bytes]]) -> None:
    """Check that the tables state the same as entities that were found by many columns.

    Args:
        entities: (kind, key, payload).

    Raises:
        DataLoss: a table of the entity's kind differs from it, or lacks it.
    """
    by_kind: defaultdict[str, list[Entity]] = defaultdict(list)
    for name, key, payload in entities:
        row_check.require_own(KIND_BY_NAME[name], key, payload)
        by_kind[name].append(_decoded.of(name, payload))
    for name, of_kind in by_kind.items():
        for table, given in rows.rows_of(KIND_BY_NAME[name], of_kind).items():
            query = sa.text(f"{rows.differing(metadata.tables[table])} {_UNDATED} LIMIT 1")
            differing = (await tx.execute(query, {"rows": rows.document(given)})).first()
            if differing is not None:
                raise row_check.altered(table, differing.key)


async def counts(tx: AsyncConnection) -> dict[str, int]:
    """Count live entities by kind."""
    live = ~current.c.deleted & ~current.c.archived
    query = sa.select(current.c.kind, sa.func.count()).where(live)
    return {row[0]: row[1] for row in await tx.execute(query.group_by(current.c.kind))}


_API_KEYS: Final = sa.text("SELECT payload FROM current WHERE kind = 'api_key' AND NOT deleted")


async def next_key_expiry(tx: AsyncConnection, now: dt.datetime) -> dt.datetime | None:
    """When the next valid API key expires, by the keys' payloads; None: no key does."""
    keys = [api_key_pb2.ApiKey.FromString(row) for row in (await tx.execute(_API_KEYS)).scalars()]
    valid = (k for k in keys if not k.HasField("revoked_at") or moment_of(k.revoked_at) > now)
    ends = (moment_of(k.expires_at) for k in valid if k.HasField("expires_at"))
    return min((end for end in ends if end > now), default=None)
