"""A writer's cache as one process has it, and what Redis holds, read by an independent client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.redis_store.cache import CURSOR_KEY, Cache
from cqar_shared.redis_store.cache_format import CacheCursor
from cqar_shared.trust.seals import Keyring
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.reads.cached import CacheMiss, MessageReader
from cqar_writer.reads.sessions import Reads
from cqar_writer.relays.cache_relay import CacheRelay
from tests.support.entity_builders import BTC, NOW
from tests.support.integrity_keys import FORMAT, KEYRING


class Process:
    """What one writer process has of it. Several on one engine are several writers."""

    def __init__(self, engine: AsyncEngine, url: str, keyring: Keyring = KEYRING) -> None:
        # Tests share two slow cores: what is tried is not whether Redis takes 20 ms.
        self.cache = Cache(url, keyring, timeout_s=5)
        self.database = PrimaryDatabase(NewestPosition(), engine)
        self.mutations = Mutations(engine, lambda: NOW, database=self.database)
        self.reads = Reads(engine, self.database, self.cache)
        self.relay = CacheRelay(engine, self.cache, self.database)

    async def write_through(self) -> None:
        while await self.relay.step():
            pass

    async def from_redis(self, work: Callable[[MessageReader], Awaitable[Any]]) -> Any:
        """What Redis alone says; raises Missed."""
        return await work(self.reads.cached())

    async def read(self, work: Callable[[MessageReader], Awaitable[Any]]) -> Any:
        """As the service's methods read, with what is kept for the next."""
        cached = self.reads.cached()
        try:
            return await work(cached)
        except CacheMiss:
            async with self.reads.begin() as reading:
                keeping = cached.filling(reading, reading.position)
                answer = await work(keeping)
            await keeping.keep()
            return answer


@asynccontextmanager
async def process(
    engine: AsyncEngine, url: str, keyring: Keyring = KEYRING
) -> AsyncIterator[Process]:
    made = Process(engine, url, keyring)
    yield made
    await made.cache.close()


async def cursor_in(store: redis.asyncio.Redis) -> CacheCursor | None:
    return FORMAT.open_cursor(await store.get(CURSOR_KEY))


@asynccontextmanager
async def statements(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """What PostgreSQL is asked meanwhile."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine.sync_engine, "before_cursor_execute", note)


async def fill(writer: Process) -> None:
    """Reads an asset through a writer's cache, which keeps it."""
    await writer.write_through()
    await writer.read(lambda reader: reader.get(ASSET, BTC))
    await writer.read(lambda reader: reader.get(ASSET, BTC))
