"""The head and the entities in SQL, read; each function needs an open transaction.

What is written, the outbox, kept answers, searches and filters have modules of their own; no other
holds SQL.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from cqc.writer.v1 import api_key_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.working_set import LookupKey, Referrers, Stored
from cqar_shared.sql import entity_queries, row_check, rows
from cqar_shared.sql.schema import current, registry_head
from cqar_shared.sql.tables import metadata, table_of, tables_of
from cqar_writer.protocol.log_rows import HeadRow

#: The write lock is waited for as long as this, and looked for anew as often as that: the waits of
#: a process that is stopped end in PostgreSQL before they could take the lock from each other.
LOCK_PATIENCE_S: Final = 5.0
LOCK_LOOK_MS: Final = 1_000
#: Who holds what others wait for, and asks PostgreSQL nothing for so long, is stopped or cut off:
#: it loses its transaction. So a stopped writer keeps others waiting for both times together, 5 s.
HOLDER_IDLE_MS: Final = 4_000
_IDLE: Final = f"set_config('idle_in_transaction_session_timeout', '{HOLDER_IDLE_MS}', true)"
#: PostgreSQL's name for a lock that did not come in time.
LOCK_NOT_AVAILABLE: Final = "55P03"
#: Decoded entities that are remembered, of 2 KB each.
ENTITIES_MAX: Final = 8_192


_HEAD: Final = """
    registry_id, epoch, revision, chain, live_count, set_hash, compacted_revision,
    system_identifier, timeline_id,
    (SELECT system_identifier FROM pg_control_system()),
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint,
    chain_version, signature, signing_key_id, promoted_at_us,
    current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') NOT IN ('off', 'local')
"""
_READ_HEAD: Final = sa.text(f"SELECT {_HEAD} FROM registry_head")  # noqa: S608  (constants)
#: Settings of this transaction alone; they count while the row's lock is waited for already.
_LOCK_HEAD: Final = sa.text(
    f"SELECT {_HEAD}, set_config('lock_timeout', '{LOCK_LOOK_MS}', true), {_IDLE}"  # noqa: S608
    " FROM registry_head FOR UPDATE"
)


_END_IF_IDLE: Final = sa.text(f"SELECT {_IDLE}")


async def read_head(tx: AsyncConnection) -> HeadRow:
    return HeadRow(*(await tx.execute(_READ_HEAD)).one())


_KEYS: Final = sa.text("SELECT payload FROM current WHERE kind = 'api_key' AND NOT deleted")


async def first_key_end(tx: AsyncConnection, now: dt.datetime) -> dt.datetime | None:
    """When the first of the keys that are valid ends, by the keys themselves; None: none does."""
    keys = [api_key_pb2.ApiKey.FromString(row) for row in (await tx.execute(_KEYS)).scalars()]
    still = (k for k in keys if not k.HasField("revoked_at") or moment_of(k.revoked_at) > now)
    ends = (moment_of(k.expires_at) for k in still if k.HasField("expires_at"))
    return min((end for end in ends if end > now), default=None)


class PlaceRow(NamedTuple):
    """The part of `registry_head` that says where it is."""

    registry_id: bytes
    epoch: int
    revision: int
    chain: bytes
    compacted_revision: int
    timeline: int
    promoted_at_us: int

    @property
    def database_changed(self) -> bool:
        """It was not looked at."""
        return False


_PLACE: Final = sa.select(
    *(registry_head.c[name] for name in PlaceRow._fields[:5]),
    *(registry_head.c[name] for name in ("timeline_id", "promoted_at_us")),
)


async def read_place(tx: AsyncConnection) -> PlaceRow:
    """Where the head is: to ask what the database says of itself takes as long again."""
    return PlaceRow(*(await tx.execute(_PLACE)).one())


async def lock_head(tx: AsyncConnection) -> HeadRow:
    """Take the registry's write lock, and with it the right to the next revision.

    To be called first in a transaction: while the lock is waited for, that is begun anew.

    A sequence would be faster and wrong: sequences hand out numbers when asked, not when
    committed, so revision 8 could become visible before 7 and a follower that has seen 8
    would never look for 7. The row lock held until commit makes revisions gapless and
    visible in order, at the price of one mutation at a time. Locking before reading, rather
    than taking the number at once, lets a request that changes nothing take none.
    """
    until_s = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            row = (await tx.execute(_LOCK_HEAD)).one()
        except sa.exc.DBAPIError as error:
            is_waited_for = getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE
            if not is_waited_for or time.monotonic() >= until_s:
                raise
            await tx.rollback()
        else:
            return HeadRow(*row[: len(HeadRow._fields)])


async def end_if_idle(tx: AsyncConnection) -> None:
    """Let PostgreSQL end this transaction as soon as that of who holds the write lock."""
    await tx.execute(_END_IF_IDLE)


async def load(
    tx: AsyncConnection, refs: Iterable[Ref], *, removed: bool = False
) -> dict[Ref, Stored]:
    """The live entities among `refs`; with `removed` also those that are no more."""
    found = await entity_queries.load(tx, refs, removed=removed)
    return {
        (row.kind, row.key): Stored(None, row.revision, b"") if row.deleted else _stored(row)
        for row in found
    }


def _stored(row: entity_queries.EntityRow) -> Stored:
    return Stored(_READERS[row.kind], row.revision, row.payload, archived=row.archived)


class _Decoded:
    """The newest of what was decoded; any thread may ask.

    The same row is found by its key and by each of its lookups, and its referents again; and
    what changes now is what changes next.
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


_decoded: Final = _Decoded()


def remember(kind: str, payload: bytes, entity: Entity) -> None:
    """Spare decoding what was encoded."""
    _decoded.note(kind, payload, entity)


_READERS: Final = {kind.name: partial(_decoded.of, kind.name) for kind in KINDS}


async def find(
    tx: AsyncConnection, kind: AnyKind, lookup: str, finds: Sequence[LookupKey]
) -> dict[LookupKey, dict[str, Stored]]:
    """For each of `finds`, all of one lookup of one kind: the live entities by key."""
    found = await entity_queries.find(tx, kind, lookup, [find.values for find in finds])
    return {
        find: {row.key: _stored(row) for row in some}
        for find, some in zip(finds, found, strict=True)
    }


async def count(tx: AsyncConnection, kind: AnyKind, conditions: Sequence[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(table_of(kind)).where(*conditions)
    if kind.archives:
        # There are few of them, and an index of their own: all others are counted without a look.
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
    most: int,
) -> list[tuple[list[str], bytes]]:
    """(key, payload) of the first `most` entities after a key, in key order; no archived ones.

    Text is in the order of its bytes, whatever collation the database was made with: resolvers,
    who have none, list in the same order.
    """
    columns = [table_of(kind).c[name] for name in kind.key]
    places = [c.collate("C") if isinstance(c.type, sa.Text) else c for c in columns]
    query = (
        sa.select(*columns, current.c.payload)
        .select_from(table_of(kind))
        .join(current, (current.c.kind == kind.name) & (current.c.key == _key(kind)))
        .where(*conditions, ~current.c.archived)
        .order_by(*places)
        .limit(most)
    )
    if after is not None:
        bounds = [
            sa.literal(part, column.type) for part, column in zip(after, columns, strict=True)
        ]
        query = query.where(sa.tuple_(*places) > sa.tuple_(*bounds))
    return [([str(part) for part in row[:-1]], row[-1]) for row in await tx.execute(query)]


def _key(kind: AnyKind) -> sa.ColumnElement[str]:
    return sa.literal_column(entity_queries.key_sql(kind, kind.table))


async def referrers(tx: AsyncConnection, ref: Ref, most: int = 100) -> Referrers:
    """Who else refers to it, once each: read off the foreign keys that the kinds declare.

    An entity's own parts, such as a group's members, point at it and hold it not.

    Args:
        most: By one column.

    Raises:
        DataLoss: One that a table names does not itself refer to it.
    """
    kind = KIND_BY_NAME[ref[0]]
    target = f"{kind.table}.{kind.key[0]}"
    found: dict[Ref, str] = {}
    more = False
    for other in KINDS:
        another = f"AND {entity_queries.key_sql(other)} <> :key" if other is kind else ""
        for column in (c for table in tables_of(other) for c in table.c):
            if any(key.target_fullname == target for key in column.foreign_keys):
                query = sa.text(
                    f"SELECT {entity_queries.key_sql(other)} FROM {column.table.name} t"  # noqa: S608
                    f" WHERE t.{column.name}::text = :key {another} LIMIT {most + 1}"
                )
                keys = list((await tx.execute(query, {"key": ref[1]})).scalars())
                more = more or len(keys) > most
                found |= {(other.name, key): column.table.name for key in keys[:most]}
    payloads = {(row.kind, row.key): row.payload for row in await entity_queries.load(tx, found)}
    for (name, key), table in found.items():
        payload = payloads.get((name, key))
        if payload is None:
            raise row_check.altered(table, key)
        row_check.require_pointing(KIND_BY_NAME[name], table, key, payload, ref)
    return Referrers(list(found), more)


#: The migration that gave listings this column dated rows, and no payloads; nobody finds by it.
_UNDATED: Final = "AND (to_jsonb(t) - 'terms_since') IS DISTINCT FROM (to_jsonb(g) - 'terms_since')"


async def require_rows(tx: AsyncConnection, entities: Iterable[tuple[str, str, bytes]]) -> None:
    """See that the tables hold entities as they are: for those who were found by many columns.

    Args:
        entities: (kind, key, payload).

    Raises:
        DataLoss: One stands otherwise in a table of its kind, or not at all.
    """
    by_kind: defaultdict[str, list[Entity]] = defaultdict(list)
    for name, key, payload in entities:
        row_check.require_own(KIND_BY_NAME[name], key, payload)
        by_kind[name].append(_decoded.of(name, payload))
    for name, some in by_kind.items():
        for table, given in rows.rows_of(KIND_BY_NAME[name], some).items():
            query = sa.text(f"{rows.differing(metadata.tables[table])} {_UNDATED} LIMIT 1")
            differing = (await tx.execute(query, {"rows": rows.document(given)})).first()
            if differing is not None:
                raise row_check.altered(table, differing.key)


async def counts(tx: AsyncConnection) -> dict[str, int]:
    """Live entities by kind."""
    live = ~current.c.deleted & ~current.c.archived
    query = sa.select(current.c.kind, sa.func.count()).where(live)
    return {row[0]: row[1] for row in await tx.execute(query.group_by(current.c.kind))}
