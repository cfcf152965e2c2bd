"""Which reads Redis may answer, under which keys, and for how long.

An answer that takes several values is given only if all were read under one cursor: then they
fit together, as in one transaction. Else PostgreSQL is asked, and what it said is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import EntityNotFound
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.redis_store.cache_format import CacheCursor, Value
from cqar_shared.redis_store.cached_kinds import ENTRIES, decoded
from cqar_shared.replication.positions import LogPosition
from cqar_writer import metrics
from cqar_writer.database.newest_position import Newest

log = logging.getLogger(__name__)


class CacheMiss(Exception):
    """The cache cannot answer: ask PostgreSQL."""


class CachedReader(Protocol):
    """What an answer may read by; of one revision, however often it is asked."""

    async def get(self, kind: AnyKind, key: str) -> Any:
        """The kind's message of an entity; raises NotFound if there is none."""

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        """The messages of those found, in the order of their keys."""


class CachedReading:
    """Reads from Redis as long as that is possible.

    Attributes:
        cursor: What the first answer was as of.
    """

    def __init__(self, cache: Cache | None, newest: Newest) -> None:
        self._cache = cache
        self._newest = newest
        self.cursor: CacheCursor | None = None

    async def get(self, kind: AnyKind, key: str) -> Any:
        found = await self._messages(kind, "", kind.parts_of(key))
        if not found:
            raise EntityNotFound(kind.name, key)
        return found[0]

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        return await self._messages(kind, lookup, values)

    async def _messages(self, kind: AnyKind, lookup: str, values: Iterable[str]) -> list[Any]:
        entry = ENTRIES.get((kind.name, lookup))
        if self._cache is None or entry is None:
            raise CacheMiss
        try:
            payload = await self._payload(self._cache, entry.key(values))
        except Unavailable:
            metrics.CACHE_UNAVAILABLE.inc()
            payload = None
        found = None if payload is None else decoded(entry, payload)
        if found is None:
            metrics.CACHE_MISSES.labels(entry.prefix).inc()
            raise CacheMiss
        metrics.CACHE_HITS.labels(entry.prefix).inc()
        return found

    async def _payload(self, cache: Cache, key: str) -> bytes | None:
        cursor, (payload,) = await cache.read([key])
        if cursor is None:
            return None
        current = self._newest.is_reached(cursor.registry_id, cursor.at.epoch, cursor.at.revision)
        moved = self.cursor is not None and cursor != self.cursor
        self.cursor = self.cursor or cursor
        return payload if current and not moved else None

    def keeping(self, reader: CachedReader, at: LogPosition) -> CacheFill:
        """Read by PostgreSQL's reader, which is at this position, instead."""
        return CacheFill(self._cache, self.cursor, reader, at)


class CacheFill:
    """Reads by another, and keeps what can be kept, once that is over."""

    def __init__(
        self, cache: Cache | None, cursor: CacheCursor | None, reader: CachedReader, at: LogPosition
    ) -> None:
        self._cache = cache
        self._cursor = cursor if cursor and cursor.at == at else None
        self._reader = reader
        self._read: dict[str, Value] = {}

    async def get(self, kind: AnyKind, key: str) -> Any:
        message = await self._reader.get(kind, key)
        self._note(kind, "", kind.parts_of(key), [message])
        return message

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        messages = await self._reader.find(kind, lookup, *values)
        self._note(kind, lookup, values, messages)
        return messages

    def _note(self, kind: AnyKind, lookup: str, values: Iterable[str], messages: list[Any]) -> None:
        # What is nowhere is not kept: whoever asks at random would fill Redis.
        entry = ENTRIES.get((kind.name, lookup))
        if entry is not None and messages and self._cursor is not None:
            self._read[entry.key(values)] = entry.value(messages)

    async def keep(self) -> None:
        """Set what was read, if the cache still is where PostgreSQL was."""
        if self._cache is None or self._cursor is None or not self._read:
            return
        try:
            await self._cache.set(self._cursor, self._cursor, self._read)
        except Unavailable:
            metrics.CACHE_UNAVAILABLE.inc()
