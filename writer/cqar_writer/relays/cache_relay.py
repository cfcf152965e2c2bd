"""Writes committed changes through to Redis.

Every writer runs one. The cursor is compared before it is moved, so no writer needs to lead.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec.events import SUBJECT_PREFIX
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.redis_store.cache import Cache
from cqar_shared.redis_store.cache_format import CacheCursor, Value
from cqar_shared.redis_store.cached_kinds import ENTRIES
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.runtime.tasks import follow
from cqar_writer import metrics
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.cache_schedule import is_contiguous
from cqar_writer.protocol.event_cursor import events_in
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.reads.entity_history import change_set_of
from cqar_writer.reads.sessions import message_of
from cqar_writer.store import entity_rows, outbox

ROWS_MAX: Final = 64
#: A step takes milliseconds.
STEP_TIMEOUT_S: Final = 5.0
#: More changes than this are cheaper to read again on demand than to write through.
CHANGES_MAX: Final = 500
#: Kind -> the lookup by which its lists are cached.
LISTED: Final = {name: lookup for name, lookup in ENTRIES if lookup}


_MOVING: Final = frozenset(f"{SUBJECT_PREFIX}{name}" for name in ("asset_merged", "asset_unmerged"))


class ForeignCache(Exception):
    """Redis holds another registry's values."""


class CacheRelay:
    """Moves the cursor towards the database's head, a step at a time."""

    def __init__(self, engine: AsyncEngine, cache: Cache, database: PrimaryDatabase) -> None:
        self._engine = engine
        self._cache = cache
        self._database = database

    async def run(self, wake: asyncio.Event, poll_s: float) -> None:
        """Follow the head until cancelled, or until Redis or PostgreSQL fails."""
        await follow(self._step_in_time, wake, poll_s)

    async def _step_in_time(self) -> bool:
        async with asyncio.timeout(STEP_TIMEOUT_S):
            return await self.step()

    async def step(self) -> bool:
        """Look once and act once; True if another writer's relay was faster: look again.

        Raises:
            ForeignCache: Redis holds another registry's values.
            Unavailable: Redis does not answer.
            ServiceNotReady: the database is not the registry's current one.
        """
        self._database.require_unfenced()
        cursor, _ = await self._cache.read([])
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            head = await self._database.head(tx)
            position = position_of(head)
            if cursor is not None and cursor.registry_id != head.registry_id:
                raise ForeignCache(
                    f"Redis holds registry {cursor.registry_id.hex()}, this database is"
                    f" {head.registry_id.hex()}: give each registry a Redis database of its own"
                )
            if cursor is not None and cursor.at == position:
                return False
            values = await _changed(tx, cursor.at, position) if cursor else None
        if cursor is None or values is None:
            await self._cache.begin(CacheCursor.fresh(head.registry_id, position))
            metrics.CACHE_GENERATIONS.inc()
            return False
        return not await self._cache.set(cursor, cursor.moved(position), values)


async def _changed(
    tx: AsyncConnection, since: LogPosition, head: LogPosition
) -> dict[str, Value] | None:
    """Return the values changed after `since`, as of the head; None if they are not known."""
    rows = await outbox.rows_after(tx, since.revision, ROWS_MAX + 1)
    if not is_contiguous(since, head, rows, ROWS_MAX):
        return None
    changes = [change for row in rows for change in change_set_of(row).changes]
    # A removed entity no longer says which lists it was in.
    if len(changes) > CHANGES_MAX or any(c.deleted and c.kind in LISTED for c in changes):
        return None
    # Nor does one whose asset is another since.
    if any(c.kind == ASSET.name for c in changes) and any(map(_moves_references, rows)):
        return None
    values = dict(_entities(changes))
    for (name, lookup), lookups in _lists(changes).items():
        kind, entry = KIND_BY_NAME[name], ENTRIES[name, lookup]
        matches = await entity_rows.find(tx, kind, lookup, list(lookups))
        for wanted, entities in matches.items():
            messages = [message_of(kind, stored) for stored in entities.values()]
            values[entry.key(wanted.values)] = entry.value(messages)
    return values


def _moves_references(row: OutboxRow) -> bool:
    """Whether a revision merged assets, or took a merge back."""
    return any(event.subject in _MOVING for event in events_in(row).events)


def _entities(changes: Iterable[replication_pb2.Change]) -> Iterator[tuple[str, Value]]:
    """Yield the newest value of each changed entity that is cached by its key."""
    for change in changes:
        if (entry := ENTRIES.get((change.kind, ""))) is not None:
            yield (
                entry.key(entry.kind.parts_of(change.key)),
                Value(change.entity, entry.minutes * 60),
            )


def _lists(changes: Iterable[replication_pb2.Change]) -> dict[tuple[str, str], set[LookupKey]]:
    """The lookups of the cached lists that the changed entities are in, by kind and lookup name."""
    lookups: defaultdict[tuple[str, str], set[LookupKey]] = defaultdict(set)
    for change in changes:
        if (lookup := LISTED.get(change.kind)) is not None:
            kind = KIND_BY_NAME[change.kind]
            message = kind.message.FromString(change.entity)
            values = tuple(getattr(message, name) for name in kind.lookups[lookup].columns)
            lookups[change.kind, lookup].add(LookupKey(change.kind, lookup, values))
    return lookups
