"""Reads that Redis may answer.

An answer that takes several values is given only if all were read under one cursor: then they
fit together, as in one transaction. Otherwise PostgreSQL is asked, and Redis keeps what it said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Protocol

from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import EntityNotFound
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.redis_store.cache_format import CacheCursor, Value
from cqar_shared.redis_store.cached_kinds import ENTRIES, decoded
from cqar_shared.replication.positions import LogPosition
from cqar_writer import metrics
from cqar_writer.database.primary import NewestPosition


class CacheMiss(Exception):
    """The cache cannot answer: ask PostgreSQL."""


class MessageReader(Protocol):
    """Reads messages at one revision, however often it is asked."""

    async def get(self, kind: AnyKind, key: str) -> Any:
        """Return the kind's message of an entity; raise EntityNotFound if there is none."""

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        """Return the messages of the entities found, in the order of their keys."""

    async def terms(self, listing_id: str, moment: dt.datetime) -> bytes | None:
        """Return a serialised listing as it was at a moment; None if nobody knows."""


class RedisReader:
    """Reads from Redis; raises CacheMiss as soon as it cannot.

    Attributes:
        cursor: The position of the first value that was read.
    """

    def __init__(self, cache: Cache | None, newest: NewestPosition) -> None:
        self._cache = cache
        self._newest = newest
        self.cursor: CacheCursor | None = None

    async def get(self, kind: AnyKind, key: str) -> Any:
        messages = await self._messages(kind, "", kind.parts_of(key))
        if not messages:
            raise EntityNotFound(kind.name, key)
        return messages[0]

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        return await self._messages(kind, lookup, values)

    async def terms(self, *_: Any) -> bytes | None:
        """Raise CacheMiss: Redis holds the present only."""
        raise CacheMiss

    async def _messages(self, kind: AnyKind, lookup: str, values: Iterable[str]) -> list[Any]:
        entry = ENTRIES.get((kind.name, lookup))
        if self._cache is None or entry is None:
            raise CacheMiss
        try:
            payload = await self._payload(self._cache, entry.key(values))
        except Unavailable:
            metrics.CACHE_UNAVAILABLE.inc()
            payload = None
        messages = None if payload is None else decoded(entry, payload)
        if messages is None:
            metrics.CACHE_MISSES.labels(entry.prefix).inc()
            raise CacheMiss
        metrics.CACHE_HITS.labels(entry.prefix).inc()
        return messages

    async def _payload(self, cache: Cache, key: str) -> bytes | None:
        cursor, (payload,) = await cache.read([key])
        if cursor is None:
            return None
        is_current = self._newest.is_reached(
            cursor.registry_id, cursor.at.epoch, cursor.at.revision
        )
        has_moved = self.cursor is not None and cursor != self.cursor
        self.cursor = self.cursor or cursor
        return payload if is_current and not has_moved else None

    def filling(self, reader: MessageReader, position: LogPosition) -> CacheFill:
        """Return a reader of PostgreSQL, which is at this position, that keeps what it reads."""
        return CacheFill(self._cache, self.cursor, reader, position)


class CacheFill:
    """Reads from PostgreSQL, and afterwards puts into Redis what Redis holds."""

    def __init__(
        self,
        cache: Cache | None,
        cursor: CacheCursor | None,
        reader: MessageReader,
        position: LogPosition,
    ) -> None:
        self._cache = cache
        self._cursor = cursor if cursor and cursor.at == position else None
        self._reader = reader
        self._values: dict[str, Value] = {}

    async def get(self, kind: AnyKind, key: str) -> Any:
        message = await self._reader.get(kind, key)
        self._note(kind, "", kind.parts_of(key), [message])
        return message

    async def find(self, kind: AnyKind, lookup: str, *values: Any) -> list[Any]:
        messages = await self._reader.find(kind, lookup, *values)
        self._note(kind, lookup, values, messages)
        return messages

    async def terms(self, listing_id: str, moment: dt.datetime) -> bytes | None:
        return await self._reader.terms(listing_id, moment)

    def _note(self, kind: AnyKind, lookup: str, values: Iterable[str], messages: list[Any]) -> None:
        # A miss is not kept: whoever asks at random would fill Redis.
        entry = ENTRIES.get((kind.name, lookup))
        if entry is not None and messages and self._cursor is not None:
            self._values[entry.key(values)] = entry.value(messages)

    async def keep(self) -> None:
        """Write what was read, if Redis still is where PostgreSQL was."""
        if self._cache is None or self._cursor is None or not self._values:
            return
        try:
            await self._cache.set(self._cursor, self._cursor, self._values)
        except Unavailable:
            metrics.CACHE_UNAVAILABLE.inc()
