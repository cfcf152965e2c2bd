"""The whole stack of one state folder: servers, migrations, keys, one writer, its resolvers.

The folder holds `postgres`, `nats`, `redis`, `last-good`, `logs`, `keys.json`, `integrity.key`,
`lock` and, while the stack runs, `endpoints.json`. The database and the keys outlive the stack and
go together: a new database has new API keys.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from cqar.embedded import service_commands
from cqar.embedded.account import state_mode
from cqar.embedded.endpoints import ENDPOINTS_NAME, Endpoints, StackKeys, write_endpoints
from cqar.embedded.lock import hold_lock
from cqar.embedded.log_rotation import rotate_logs
from cqar.embedded.ports import pick_ports
from cqar.embedded.postgres_data import remove_data
from cqar.embedded.private_files import (
    make_private_folder,
    read_private,
    require_private_folder,
    write_private,
)
from cqar.embedded.process import run_to_end
from cqar.embedded.servers import PreparedServers, prepare_servers
from cqar.embedded.socket_folder import make_sockets_folder
from cqar.embedded.supervisor import Supervisor

COMMAND_SECONDS = 60.0
KEYS_NAME = "keys.json"


class StackOptions(msgspec.Struct, frozen=True):
    state_dir: Path
    resolvers: int = 2


async def run_stack(
    options: StackOptions,
    on_ready: Callable[[Endpoints], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Bring everything up, call `on_ready`, keep it up until `stop` is set, take it all down.

    Raises ServiceFailed when something does not start, and StackAlreadyRunning; nothing is left
    running then. Run it on the main thread (see `launch`).
    """
    state_dir = make_private_folder(options.state_dir, state_mode())
    with hold_lock(state_dir):
        endpoints_path = state_dir / ENDPOINTS_NAME
        endpoints_path.unlink(missing_ok=True)  # of a supervisor that was killed
        sockets = make_sockets_folder(state_dir)
        stack = _Stack(state_dir, sockets, options.resolvers)
        working = asyncio.create_task(stack.serve(on_ready))
        stopping = asyncio.create_task(stop.wait())
        rotating = asyncio.create_task(rotate_logs(state_dir / "logs"))
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
            await stopping
        finally:
            working.cancel()
            stopping.cancel()
            rotating.cancel()
            await asyncio.gather(working, stopping, rotating, return_exceptions=True)
            endpoints_path.unlink(missing_ok=True)
            await stack.supervisor.stop()
            shutil.rmtree(sockets, ignore_errors=True)


def remove_state(state_dir: Path) -> None:
    """Remove a stopped stack and its database, wherever that lies (`postgres_data`)."""
    if os.path.lexists(state_dir):
        require_private_folder(state_dir)
        with hold_lock(state_dir):
            remove_data(state_dir / "postgres")
            shutil.rmtree(state_dir)


class _Stack:
    """Brings the services up in order and rewrites endpoints.json when one of them changes."""

    def __init__(self, state_dir: Path, sockets: Path, resolvers: int) -> None:
        self.supervisor = Supervisor(self._changed)
        self._state_dir = state_dir
        self._sockets = sockets
        self._names = [f"resolver-{number}" for number in range(1, resolvers + 1)]
        self._endpoints: Endpoints | None = None

    async def serve(self, on_ready: Callable[[Endpoints], Awaitable[None]]) -> None:
        await on_ready(await self._bring_up())

    async def _bring_up(self) -> Endpoints:
        ports = pick_ports(service_commands.preferred_ports(len(self._names)))
        state_dir, logs = self._state_dir, self._state_dir / "logs"
        last_good = make_private_folder(state_dir / "last-good")
        prepared = await prepare_servers(state_dir, self._sockets, ports, durable=True)
        await self.supervisor.start(*prepared.services)
        writer_at = service_commands.listen_addresses("writer", ports)
        await run_to_end(
            service_commands.migrate_command(prepared), timeout_seconds=COMMAND_SECONDS
        )
        keys = await _keys(state_dir, prepared, writer_at)
        await self.supervisor.start(service_commands.writer_service(prepared, writer_at, logs))
        listens = {name: service_commands.listen_addresses(name, ports) for name in self._names}
        sockets = {name: self._sockets / "own" / f"{name}.sock" for name in self._names}
        resolvers = [
            service_commands.resolver_service(
                name,
                prepared,
                at=listens[name],
                socket=sockets[name],
                kept=last_good / name,
                writer_at=writer_at,
                logs=logs,
            )
            for name in self._names
        ]
        await self.supervisor.start(*resolvers)
        endpoints = self._endpoints = Endpoints(
            writer=writer_at.grpc,
            resolvers=[at.grpc for at in listens.values()],
            resolver_sockets=[str(socket) for socket in sockets.values()],
            writer_http=writer_at.http,
            resolver_http=[at.http for at in listens.values()],
            postgres=prepared.postgres,
            nats=prepared.nats,
            redis=prepared.redis,
            keys=keys,
            pids=self._pids(),
            integrity_key_file=prepared.integrity_key_file,
        )
        write_endpoints(state_dir, endpoints)
        return endpoints

    def _pids(self) -> dict[str, int]:
        return {"supervisor": os.getpid(), **self.supervisor.pids}

    def _changed(self, _: dict[str, int]) -> None:
        if self._endpoints is not None:  # complete: only then is it written
            self._endpoints = msgspec.structs.replace(self._endpoints, pids=self._pids())
            write_endpoints(self._state_dir, self._endpoints)


async def _keys(
    state_dir: Path, prepared: PreparedServers, writer_at: service_commands.ListenAddresses
) -> StackKeys:
    path = state_dir / KEYS_NAME
    if not prepared.fresh:
        with suppress(FileNotFoundError):
            return msgspec.json.decode(read_private(path), type=StackKeys)
    roles = StackKeys.__struct_fields__
    commands = [service_commands.create_key_command(prepared, writer_at, role) for role in roles]
    printed = await asyncio.gather(
        *(run_to_end(command, timeout_seconds=COMMAND_SECONDS) for command in commands)
    )
    made = {role: key.strip() for role, key in zip(roles, printed, strict=True)}
    keys = msgspec.convert(made, type=StackKeys)
    write_private(path, msgspec.json.encode(keys))
    return keys
