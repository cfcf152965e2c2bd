"""PostgreSQL, NATS and Valkey together: for the stack, and alone for a test session.

Each server requires a password. It is stored in the server's folder, in a file that only its user
can read, and passed in such a file too: every user can see command lines.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cqar.embedded import postgres, probes, wheels
from cqar.embedded.account import state_mode
from cqar.embedded.lock import hold_lock
from cqar.embedded.ports import pick_ports
from cqar.embedded.postgres_data import prepare_data, remove_data
from cqar.embedded.private_files import make_private_folder, read_private, write_private
from cqar.embedded.service import Service
from cqar.embedded.socket_folder import make_sockets_folder
from cqar.embedded.supervisor import Supervisor
from cqar_shared.trust import seal_keys

PORTS = {"postgres": 5432, "nats": 4222, "redis": 6379}
NATS_USER = "cqar"
PASSWORD_BYTES = 24


class PreparedServers(msgspec.Struct, frozen=True):
    """Three servers that can be started, and their addresses.

    `is_new_database` says that the database did not exist before.
    """

    services: tuple[Service, ...]
    postgres: str
    nats: str
    redis: str
    integrity_key_file: str
    is_new_database: bool


async def prepare_servers(
    directory: Path, sockets: Path, ports: dict[str, int], *, durable: bool
) -> PreparedServers:
    """Create data folders, passwords and the integrity key if they do not exist.

    `ports` has a port for each name in PORTS. `durable=False` switches fsync off, for data that
    may be lost.
    """
    logs = make_private_folder(directory / "logs")
    modes = {"postgres": state_mode()}
    folders = {
        name: make_private_folder(directory / name, modes.get(name, 0o700)) for name in PORTS
    }
    passwords = {name: stored_password(folder) for name, folder in folders.items()}
    is_new_database = await prepare_data(
        folders["postgres"], sockets, passwords["postgres"], durable=durable
    )
    return PreparedServers(
        services=(
            postgres.postgres_service(
                folders["postgres"] / "data",
                sockets,
                ports["postgres"],
                logs / "postgres.log",
                durable=durable,
            ),
            _nats_service(folders["nats"], ports["nats"], logs, passwords["nats"]),
            _valkey_service(sockets / "own", ports["redis"], logs, passwords["redis"]),
        ),
        postgres=postgres.postgres_url(passwords["postgres"], ports["postgres"]),
        nats=f"nats://{NATS_USER}:{passwords['nats']}@127.0.0.1:{ports['nats']}",
        redis=f"redis://:{passwords['redis']}@127.0.0.1:{ports['redis']}/0",
        integrity_key_file=str(_integrity_key(directory)),
        is_new_database=is_new_database,
    )


def _nats_service(folder: Path, port: int, logs: Path, password: str) -> Service:
    """NATS with JetStream on 127.0.0.1; its streams are stored in the folder."""
    settings = folder / "server.conf"
    text = f'authorization {{ user: "{NATS_USER}", password: "{password}" }}\n'
    write_private(settings, text.encode())
    argv = (str(wheels.nats_server()), "-c", str(settings), "-a", "127.0.0.1", "-p", str(port))
    return Service(
        name="nats",
        argv=(*argv, "-js", "-sd", str(folder)),
        env=os.environ,
        ready=probes.nats(f"127.0.0.1:{port}"),
        log=logs / "nats.log",
    )


def _valkey_service(folder: Path, port: int, logs: Path, password: str) -> Service:
    """Valkey, the Redis-protocol server, as a cache: it writes nothing to disk."""
    settings = folder / "valkey.conf"
    write_private(settings, f"requirepass {password}\n".encode())
    argv = (str(wheels.valkey_server()), str(settings), "--bind", "127.0.0.1", "--port", str(port))
    sockets = ("--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700")
    return Service(
        name="redis",
        argv=(*argv, *sockets, "--save", "", "--appendonly", "no", "--dir", str(folder)),
        env=os.environ,
        ready=probes.valkey(f"127.0.0.1:{port}"),
        log=logs / "redis.log",
    )


def stored_password(folder: Path) -> str:
    """A server's password (letters, digits, - and _), made on first use.

    Raises:
        UnsafePath: the file is not this user's alone.
    """
    path = folder / "password"
    try:
        return read_private(path).decode()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(PASSWORD_BYTES).encode())
        return read_private(path).decode()


def _integrity_key(directory: Path) -> Path:
    """The key file that authenticates values in Redis and the services' last good files."""
    path = directory / "integrity.key"
    try:
        read_private(path)
    except FileNotFoundError:
        seal_keys.make(path)
    return path


class EmbeddedServers:
    """Running servers with their addresses; their names are `postgres`, `nats` and `redis`."""

    def __init__(self, prepared: PreparedServers, supervisor: Supervisor) -> None:
        self.postgres = prepared.postgres
        self.nats = prepared.nats
        self.redis = prepared.redis
        self.integrity_key_file = prepared.integrity_key_file
        self._supervisor = supervisor

    @property
    def pids(self) -> dict[str, int]:
        """The running servers; one that dies by itself is restarted."""
        return self._supervisor.pids

    async def kill(self, name: str) -> None:
        """SIGKILL a server; nothing listens on its address until `restart`."""
        await self._supervisor.kill(name)

    async def restart(self, name: str) -> None:
        """Start a server again on the same address; kill it first if it runs."""
        await self._supervisor.restart(name)


@asynccontextmanager
async def embedded_servers(
    directory: Path, *, durable: bool = True
) -> AsyncIterator[EmbeddedServers]:
    """Run PostgreSQL, NATS and Valkey with their data in `directory` during the block.

    With `durable=False` the data is removed at the end, wherever it is (see `postgres_data`).
    """
    directory = make_private_folder(directory, state_mode())
    with hold_lock(directory):
        sockets = make_sockets_folder(directory)
        supervisor = Supervisor()
        try:
            prepared = await prepare_servers(directory, sockets, pick_ports(PORTS), durable=durable)
            await supervisor.start(*prepared.services)
            yield EmbeddedServers(prepared, supervisor)
        finally:
            await supervisor.stop()
            shutil.rmtree(sockets, ignore_errors=True)
            if not durable:
                remove_data(directory / "postgres")
                shutil.rmtree(directory / "nats", ignore_errors=True)
