"""Registries of each size on servers of their own, and the services that benchmarks ask for.

PostgreSQL syncs every commit to the disk, as in production.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.child import environment
from bench.market import Market
from bench.registry_database import fill
from cqar.embedded import probes
from cqar.embedded.ports import pick_ports
from cqar.embedded.postgres_data import remove_data
from cqar.embedded.process import Command, run_to_end
from cqar.embedded.servers import EmbeddedServers, embedded_servers
from cqar.embedded.service import Service
from cqar.embedded.supervisor import Supervisor

#: A resolver loads a million listings before it is ready.
READY_S: Final = 300.0
COMMAND_S: Final = 120.0

log = logging.getLogger(__name__)


class Scale(NamedTuple):
    """How much is measured.

    Attributes:
        small, middle, large: Sizes of registries, in listings.
        rounds: Rounds of each case.
        seconds: Duration of load, for each case and round.
        mutations: Mutations in a round, one after the other.
        applies: Apply calls in a round, of 1,000 entities each.
        burst: Changes that are committed at once.
        rest_s: Pause between two cases.
        findings: Findings that are listed and decided.
    """

    small: int = 1_000
    middle: int = 100_000
    large: int = 1_000_000
    rounds: int = 5
    seconds: float = 2.0
    mutations: int = 150
    applies: int = 3
    burst: int = 50_000
    rest_s: float = 0.2
    findings: int = 100_000


FULL: Final = Scale()
QUICK: Final = Scale(4_000, 4_000, 4_000, 1, 0.25, 20, 1, 2_000, 0.0, 2_000)


def size_name(listings: int) -> str:
    """The size as people write it: 1k, 100k, 1M."""
    thousands, rest = divmod(listings, 1_000)
    if rest:
        return str(listings)
    return f"{thousands}k" if thousands % 1_000 else f"{thousands // 1_000}M"


class RunningService(NamedTuple):
    """A ready service; `grpc` is HOST:PORT, `socket` a path."""

    grpc: str
    socket: str
    pid: int


def pick_addresses() -> tuple[str, str]:
    """Free addresses for gRPC and HTTP."""
    ports = pick_ports({"grpc": 9090, "http": 8080})
    return f"127.0.0.1:{ports['grpc']}", f"127.0.0.1:{ports['http']}"


class RegistryStack:
    """A registry on its own servers, with the services that were asked for so far.

    Attributes:
        settings: What a service needs to reach the servers.
        admin_key: Empty where the writer's tables are not filled.
    """

    def __init__(self, folder: Path, servers: EmbeddedServers, market: Market) -> None:
        self.folder = folder
        self.market = market
        self.database, self.nats, self.redis = servers.postgres, servers.nats, servers.redis
        self.settings = {
            "database_url": servers.postgres,
            "nats_url": servers.nats,
            "redis_url": servers.redis,
            "integrity_key_file": servers.integrity_key_file,
        }
        self.admin_key = ""
        self._services: dict[str, tuple[RunningService, AsyncExitStack]] = {}

    async def writer(self) -> RunningService:
        """The running writer, which publishes commits and confirms resolvers' heads."""
        return await self._kept("cqar_writer", mutations_per_s_max="100000")

    async def resolver(self) -> RunningService:
        """The running resolver, loaded and live."""
        await self.writer()
        return await self._kept("cqar_resolver", socket=str(self.folder / "resolver.sock"))

    async def _kept(self, module: str, **settings: str) -> RunningService:
        if module not in self._services:
            stack = AsyncExitStack()
            context = self._run(module, self.folder, settings)
            self._services[module] = await stack.enter_async_context(context), stack
        return self._services[module][0]

    async def stop(self, *modules: str) -> None:
        for module in modules:
            if module in self._services:
                await self._services.pop(module)[1].aclose()

    def run_resolver(
        self, name: str, **settings: str
    ) -> AbstractAsyncContextManager[RunningService]:
        """Another resolver, ready, until the block ends; its log is in the folder `name`."""
        return self._run("cqar_resolver", self.folder / name, settings)

    @asynccontextmanager
    async def _run(
        self, module: str, folder: Path, settings: dict[str, str]
    ) -> AsyncIterator[RunningService]:
        """Run `python -m MODULE serve`."""
        folder.mkdir(exist_ok=True)
        address, http = pick_addresses()
        given = {**self.settings, "grpc_listen": address, "http_listen": http, **settings}
        service = Service(
            name=module,
            argv=(sys.executable, "-m", module, "serve"),
            env=environment(
                CQAR_CONFIG="",
                **{f"{module}_{name}".upper(): value for name, value in given.items()},
            ),
            ready=probes.http(http, "/health/ready"),
            log=folder / f"{module}.log",
            ready_seconds=READY_S,
        )
        supervisor = Supervisor()
        try:
            await supervisor.start(service)
            yield RunningService(address, given.get("socket", ""), supervisor.pids[module])
        finally:
            await supervisor.stop()


@asynccontextmanager
async def registry_stack(listings: int, *, tables: bool) -> AsyncIterator[RegistryStack]:
    """A new registry, removed when the block ends.

    Args:
        tables: Whether a writer is to change it; else resolvers only load it.
    """
    folder = Path(tempfile.mkdtemp(prefix="cqar-bench-"))
    folder.chmod(0o711)
    try:
        async with embedded_servers(folder / "servers") as servers:
            url, nats = servers.postgres, servers.nats
            await _writer_command("cqar_writer.migrations", "upgrade", CQAR_DATABASE_URL=url)
            market = Market(listings, dt.datetime.now(dt.UTC).replace(microsecond=0))
            await fill(url, market, tables=tables)
            stack = RegistryStack(folder, servers, market)
            if tables:
                create = ("cqar_writer", "create-key", "--actor", "bench", "--role", "admin")
                urls = {"CQAR_WRITER_DATABASE_URL": url, "CQAR_WRITER_NATS_URL": nats}
                stack.admin_key = await _writer_command(*create, **urls)
            try:
                yield stack
            finally:
                await stack.stop("cqar_resolver", "cqar_writer")
    finally:
        remove_data(folder / "servers" / "postgres")
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


class Registries:
    """Registries by size, made when a benchmark first asks, and kept until the end."""

    def __init__(self, scale: Scale, exit_stack: AsyncExitStack) -> None:
        self.scale = scale
        self._exit_stack = exit_stack
        self._stacks: dict[int, RegistryStack] = {}

    async def of_size(self, listings: int) -> RegistryStack:
        """The registry of so many listings; one above the middle size is for resolvers only."""
        if listings not in self._stacks:
            log.info("a registry of %s listings", size_name(listings))
            context = registry_stack(listings, tables=listings <= self.scale.middle)
            self._stacks[listings] = await self._exit_stack.enter_async_context(context)
        return self._stacks[listings]


async def _writer_command(module: str, *arguments: str, **variables: str) -> str:
    argv = (sys.executable, "-m", module, *arguments)
    command = Command(name=module, argv=argv, env=environment(CQAR_CONFIG="", **variables))
    return (await run_to_end(command, timeout_seconds=COMMAND_S)).strip()
