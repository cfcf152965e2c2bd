"""PostgreSQL servers that replicate by streaming, and may be promoted, paused, woken and killed.

Each has data and a port of its own. A standby is made by `pg_basebackup`. What is written survives
the server's end, not the machine's: fsync is off. A `tests.support.tcp_proxy.Link` is the address
that moves
from one server to another.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from cqar.embedded import postgres
from cqar.embedded.account import can_traverse, state_mode, unprivileged_account
from cqar.embedded.ports import pick_ports
from cqar.embedded.postgres_binaries import postgres_binaries
from cqar.embedded.postgres_data import prepare_data
from cqar.embedded.private_files import make_private_folder
from cqar.embedded.process import Command, run_to_end
from cqar.embedded.servers import stored_password
from cqar.embedded.service import ServiceRunner
from cqar.embedded.socket_folder import make_sockets_folder
from tests.support.commits import eventually

HOST: Final = "127.0.0.1"
#: Ends a failure: a small database is copied in a second, and promoted in less.
COPY_S: Final = 120.0
PROMOTE_S: Final = 60
REPLICATE_S: Final = 60.0
STATEMENT_S: Final = 30.0
#: A standby that was away finds what it missed.
_KEPT: Final = "--wal_keep_size=256MB"


@dataclass(eq=False)
class Server:
    """One server, primary or standby.

    Attributes:
        name: What it calls itself to its primary, for `synchronous_standby_names`.
    """

    name: str
    port: int
    password: str
    keeper: ServiceRunner

    @property
    def dsn(self) -> str:
        return postgres.postgres_url(self.password, self.port)

    async def value(self, query: str) -> Any:
        """The first value that a statement answers, over a connection of its own."""
        connection = await asyncpg.connect(self.dsn, timeout=STATEMENT_S)
        try:
            return await connection.fetchval(query, timeout=STATEMENT_S)
        finally:
            connection.terminate()

    async def set(self, **settings: str) -> None:
        """Set what a reload suffices for, and wait until it holds (`work_mem="4MB"`)."""
        connection = await asyncpg.connect(self.dsn, timeout=STATEMENT_S)
        try:
            for name, value in settings.items():
                await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            connection.terminate()
        for name, value in settings.items():
            await eventually(partial(self._has, name, value), STATEMENT_S)

    async def _has(self, name: str, value: str) -> bool:
        found: str = await self.value(f"SHOW {name}")
        return found == value

    async def is_primary(self) -> bool:
        return not await self.value("SELECT pg_is_in_recovery()")

    async def waits_for(self, *standbys: Server, of: str = "ANY 1") -> None:
        """Acknowledge no commit from now on that these do not have; none: wait for nobody.

        Args:
            of: How many of them: `ANY 1`, `FIRST 2`…
        """
        names = ", ".join(one.name for one in standbys)
        for one in standbys:
            await eventually(partial(self._streams_to, one), REPLICATE_S)
        await self.set(synchronous_standby_names=f"{of} ({names})" if standbys else "")
        for one in standbys:
            await eventually(partial(self._streams_to, one, sync=True), REPLICATE_S)

    async def _streams_to(self, standby: Server, *, sync: bool = False) -> bool:
        found = await self.value(
            "SELECT sync_state FROM pg_stat_replication"
            f" WHERE application_name = '{standby.name}' AND state = 'streaming'"
        )
        return found in {"sync", "quorum"} if sync else found is not None

    async def promote(self) -> None:
        """Make it a primary, of the next timeline; returns once it is one."""
        assert await self.value(f"SELECT pg_promote(true, {PROMOTE_S})")

    # ------------------------------------------------------------ its processes

    def pause(self) -> None:
        """SIGSTOP all of its processes: connections stay, and nobody answers on them."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL all of its processes, also of a paused one."""
        children = _children_of(self.keeper.pid)
        await self.keeper.kill()
        _send(signal.SIGKILL, children)

    async def start_again(self) -> None:
        """On the same port; returns once it is ready."""
        await self.keeper.start()

    def _signal(self, number: signal.Signals) -> None:
        pid = self.keeper.pid
        assert pid is not None, f"{self.name} does not run"
        os.kill(pid, number)
        # While it was not stopped yet, it may have begun another.
        _send(number, _children_of(pid))


def _children_of(pid: int | None) -> list[int]:
    """A server's backends: each has a session of its own, but the server as its parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Servers:
    """Makes servers in one folder, which PostgreSQL's account can reach.

    Attributes:
        made: Those that there are.
    """

    def __init__(self, folder: Path) -> None:
        assert can_traverse(unprivileged_account(), folder), f"{folder}: see in_memory.py"
        self._folder = folder
        self._sockets = make_sockets_folder(folder)
        self.made: list[Server] = []

    async def primary(self, name: str = "primary") -> Server:
        """A running server with an empty database."""
        home = make_private_folder(self._folder / name, state_mode())
        password = stored_password(home)
        await prepare_data(home, self._sockets, password, durable=False)
        return await self._started(name, home, password)

    async def standby(self, primary: Server, name: str, *, lag_s: float = 0.0) -> Server:
        """A running copy of `primary` that follows it, asynchronously (see `waits_for`).

        Args:
            lag_s: How much later it applies what it has received.
        """
        server = await self.copy(primary, name, "-R")
        if lag_s:
            await server.set(recovery_min_apply_delay=f"{lag_s:g}s")
        return server

    async def copy(self, primary: Server, name: str, *options: str) -> Server:
        """A running server of the data that `primary` has now, and of its timeline.

        Args:
            options: Of pg_basebackup: with -R it writes down how to follow.
        """
        home = make_private_folder(self._folder / name, state_mode())
        data = home / "data"
        data.mkdir(mode=0o700)
        account = unprivileged_account()
        if account is not None:
            os.chown(data, account.uid, account.gid)
        origin = f"host={HOST} port={primary.port} user={postgres.USER} application_name={name}"
        copy = Command(
            name="pg_basebackup",
            argv=(
                *(str(postgres_binaries(account) / "pg_basebackup"), "-d", origin, "-D", str(data)),
                *(*options, "-X", "stream", "-c", "fast", "--no-sync", "--no-manifest"),
            ),
            env={**postgres.ENVIRONMENT, "PGPASSWORD": primary.password},
            account=account,
        )
        await run_to_end(copy, timeout_seconds=COPY_S)
        server = await self._started(name, home, primary.password)
        # The copy has its primary's settings: it is to wait for nobody once it is promoted.
        await server.set(synchronous_standby_names="")
        return server

    async def remove(self, server: Server) -> None:
        """Kill it, and forget its data."""
        self.made.remove(server)
        await server.kill()
        shutil.rmtree(self._folder / server.name, ignore_errors=True)

    async def end(self) -> None:
        for server in reversed(self.made):
            await server.kill()
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _started(self, name: str, home: Path, password: str) -> Server:
        port = pick_ports({name: 5432})[name]
        log = self._folder / f"{name}.log"
        service = postgres.postgres_service(home / "data", self._sockets, port, log, durable=False)
        service = msgspec.structs.replace(service, argv=(*service.argv, _KEPT))
        server = Server(name, port, password, ServiceRunner(service, lambda: None))
        self.made.append(server)
        await server.keeper.start()
        return server


@asynccontextmanager
async def servers_in(folder: Path) -> AsyncIterator[Servers]:
    """Whatever is made in it is killed and removed at the end."""
    servers = Servers(make_private_folder(folder, state_mode()))
    try:
        yield servers
    finally:
        await asyncio.shield(servers.end())
