"""The whole stack of one state folder: servers, migrations, keys, one writer, its resolvers.

The folder has `postgres`, `nats`, `redis`, `last-good`, `logs`, `keys.json`, `integrity.key`,
`lock` and, while the stack runs, `endpoints.json`. The database and the API keys outlive the stack;
a new database gets new keys.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from cqar.embedded import service_commands
from cqar.embedded.account import state_mode
from cqar.embedded.endpoints import ENDPOINTS_NAME, Endpoints, StackKeys, write_endpoints
from cqar.embedded.lock import hold_lock
from cqar.embedded.log_rotation import rotate_logs
from cqar.embedded.ports import PORT_RANGE, pick_ports
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
PORTS_NAME = "ports.json"


class StackOptions(msgspec.Struct, frozen=True):
    state_dir: Path
    resolvers: int = 2


async def run_stack(
    options: StackOptions, on_ready: Callable[[Endpoints], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Start everything, call `on_ready`, keep it running until `stop` is set, stop everything.

    It must run on the main thread (see `launch`). After an error nothing is left running.

    Raises:
        ServiceFailed: a service did not start.
        StackAlreadyRunning: another supervisor holds the state folder.
        UnsafePath: the state folder or something in it is not this user's alone.
    """
    state_dir = make_private_folder(options.state_dir, state_mode())
    with hold_lock(state_dir):
        endpoints_path = state_dir / ENDPOINTS_NAME
        endpoints_path.unlink(missing_ok=True)  # left by a supervisor that was killed
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
    """Remove a stopped stack and its database, wherever that is (see `postgres_data`)."""
    if os.path.lexists(state_dir):
        require_private_folder(state_dir)
        with hold_lock(state_dir):
            remove_data(state_dir / "postgres")
            shutil.rmtree(state_dir)


class _Stack:
    """Starts the services in order, and rewrites endpoints.json when one of them restarts.

    They listen on the ports of the last start, where those are free.
    """

    def __init__(self, state_dir: Path, sockets: Path, resolvers: int) -> None:
        self.supervisor = Supervisor(self._changed)
        self._state_dir = state_dir
        self._sockets = sockets
        self._names = [f"resolver-{number}" for number in range(1, resolvers + 1)]
        self._endpoints: Endpoints | None = None

    async def serve(self, on_ready: Callable[[Endpoints], Awaitable[None]]) -> None:
        await on_ready(await self._bring_up())

    async def _bring_up(self) -> Endpoints:
        preferred = service_commands.preferred_ports(len(self._names))
        ports = pick_ports(preferred | _kept_ports(self._state_dir, preferred))
        write_private(self._state_dir / PORTS_NAME, msgspec.json.encode(ports))
        state_dir, logs = self._state_dir, self._state_dir / "logs"
        last_good = make_private_folder(state_dir / "last-good")
        servers = await prepare_servers(state_dir, self._sockets, ports, durable=True)
        await self.supervisor.start(*servers.services)
        writer = service_commands.listen_addresses("writer", ports)
        migrate = service_commands.migrate_command(servers)
        await run_to_end(migrate, timeout_seconds=COMMAND_SECONDS)
        keys = await _keys(state_dir, servers, writer)
        await self.supervisor.start(service_commands.writer_service(servers, writer, logs))
        listen = {name: service_commands.listen_addresses(name, ports) for name in self._names}
        sockets = {name: self._sockets / "own" / f"{name}.sock" for name in self._names}
        resolvers = [
            service_commands.resolver_service(
                name,
                servers,
                listen=listen[name],
                socket=sockets[name],
                last_good_file=last_good / name,
                writer=writer,
                logs=logs,
            )
            for name in self._names
        ]
        await self.supervisor.start(*resolvers)
        endpoints = self._endpoints = Endpoints(
            writer=writer.grpc,
            resolvers=[addresses.grpc for addresses in listen.values()],
            resolver_sockets=[str(socket) for socket in sockets.values()],
            writer_http=writer.http,
            resolver_http=[addresses.http for addresses in listen.values()],
            postgres=servers.postgres,
            nats=servers.nats,
            redis=servers.redis,
            keys=keys,
            pids=self._pids(),
            integrity_key_file=servers.integrity_key_file,
        )
        write_endpoints(state_dir, endpoints)
        return endpoints

    def _pids(self) -> dict[str, int]:
        return {"supervisor": os.getpid(), **self.supervisor.pids}

    def _changed(self, _: dict[str, int]) -> None:
        if self._endpoints is not None:  # not before all services have started
            self._endpoints = msgspec.structs.replace(self._endpoints, pids=self._pids())
            write_endpoints(self._state_dir, self._endpoints)


def _kept_ports(state_dir: Path, preferred: Mapping[str, int]) -> dict[str, int]:
    """Name -> port of the stack's last start; empty if it never started or the file is damaged."""
    try:
        kept = msgspec.json.decode(read_private(state_dir / PORTS_NAME), type=dict[str, int])
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}
    return {name: port for name, port in kept.items() if name in preferred and port in PORT_RANGE}


async def _keys(
    state_dir: Path, servers: PreparedServers, writer: service_commands.ListenAddresses
) -> StackKeys:
    """The stack's API keys, made if the database is new."""
    path = state_dir / KEYS_NAME
    if not servers.is_new_database:
        with suppress(FileNotFoundError):
            return msgspec.json.decode(read_private(path), type=StackKeys)
    roles = StackKeys.__struct_fields__
    commands = [service_commands.create_key_command(servers, writer, role) for role in roles]
    outputs = await asyncio.gather(
        *(run_to_end(command, timeout_seconds=COMMAND_SECONDS) for command in commands)
    )
    by_role = {role: key.strip() for role, key in zip(roles, outputs, strict=True)}
    keys = msgspec.convert(by_role, type=StackKeys)
    write_private(path, msgspec.json.encode(keys))
    return keys
