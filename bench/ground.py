"""A registry of one size with its own PostgreSQL, NATS and Redis, and what runs on them.

PostgreSQL syncs each commit to the disk, as it should where it counts.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.environment import environment
from bench.registry.filling import Told, fill
from bench.registry.market import Market
from bench.services import Running, running
from cqar.embedded.postgres_data import remove_data
from cqar.embedded.process import Command, run_to_end
from cqar.embedded.servers import EmbeddedServers, embedded_servers
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.sql.postgres import make_engine
from cqar_writer.api_keys import create_key
from cqar_writer.mutations.pipeline import Mutations

COMMAND_S: Final = 120.0


class Ground:
    """Servers, their registry, and the services that were asked for so far.

    Attributes:
        at: When the market was made.
        key: Of an admin; empty where the writer's tables are not filled.
    """

    def __init__(
        self, folder: Path, servers: EmbeddedServers, market: Market, at: dt.datetime
    ) -> None:
        self.folder = folder
        self.database = servers.postgres
        self.nats = servers.nats
        self.redis = servers.redis
        self.integrity_key_file = servers.integrity_key_file
        self.market = market
        self.at = at
        self.key = ""
        self._writer: Running | None = None
        self._resolver: Running | None = None
        self._writer_stack = AsyncExitStack()
        self._resolver_stack = AsyncExitStack()

    @property
    def settings(self) -> dict[str, str]:
        """What a service needs to know."""
        return {
            "database_url": self.database,
            "nats_url": self.nats,
            "redis_url": self.redis,
            "integrity_key_file": self.integrity_key_file,
        }

    async def writer(self) -> Running:
        """It confirms to resolvers that they are live, and publishes what is committed."""
        if self._writer is None:
            settings = {**self.settings, "mutations_per_s_max": "100000"}
            begun = running("writer", self.folder, settings)
            self._writer = await self._writer_stack.enter_async_context(begun)
        return self._writer

    async def resolver(self) -> Running:
        """Loaded, and live."""
        await self.writer()
        if self._resolver is None:
            begun = running("resolver", self.folder, self.settings)
            self._resolver = await self._resolver_stack.enter_async_context(begun)
        return self._resolver

    async def without_resolver(self) -> None:
        """End it, where what is measured has a snapshot of its own."""
        await self._resolver_stack.aclose()
        self._resolver = None

    async def close(self) -> None:
        await self.without_resolver()
        await self._writer_stack.aclose()


@asynccontextmanager
async def ground_of(listings: int, told: Told, *, tables: bool) -> AsyncIterator[Ground]:
    """A registry of so many listings, removed in the end.

    Args:
        tables: Whether a writer is to change it; else resolvers only load it.
    """
    at = dt.datetime.now(dt.UTC).replace(microsecond=0)
    folder = Path(tempfile.mkdtemp(prefix="cqar-bench-"))
    folder.chmod(0o711)
    try:
        async with embedded_servers(folder / "servers") as servers:
            await _migrate(servers.postgres)
            market = Market(listings, at)
            await fill(servers.postgres, market, at, tables=tables, told=told)
            ground = Ground(folder, servers, market, at)
            if tables:
                ground.key = await _key(servers.postgres)
            try:
                yield ground
            finally:
                await ground.close()
    finally:
        remove_data(folder / "servers" / "postgres")
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _migrate(url: str) -> None:
    command = Command(
        name="migrations",
        argv=(sys.executable, "-m", "cqar_writer.migrations", "upgrade"),
        env=environment(CQAR_DATABASE_URL=url),
    )
    await run_to_end(command, timeout_seconds=COMMAND_S)


async def _key(url: str) -> str:
    engine = make_engine(url, connections_max=1, application="cqar-bench")
    try:
        mutations = Mutations(engine, lambda: dt.datetime.now(dt.UTC))
        return await create_key(mutations, "bench", Role.ADMIN)
    finally:
        await engine.dispose()
