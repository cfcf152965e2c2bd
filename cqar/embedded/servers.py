"""The three real servers together: under the stack, and by themselves for a test session."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cqar.embedded import nats, postgres, valkey
from cqar.embedded.account import state_mode
from cqar.embedded.lock import hold_lock
from cqar.embedded.ports import pick_ports
from cqar.embedded.postgres_data import prepare_data, remove_data
from cqar.embedded.private_files import make_private_folder, read_private
from cqar.embedded.server_password import read_password
from cqar.embedded.service import Service
from cqar.embedded.socket_folder import make_sockets_folder
from cqar.embedded.supervisor import Supervisor
from cqar_shared.trust import seal_keys

PORTS = {"postgres": 5432, "nats": 4222, "redis": 6379}


class PreparedServers(msgspec.Struct, frozen=True):
    """Three servers ready to be started, and the addresses they will have."""

    services: tuple[Service, ...]
    postgres: str
    nats: str
    redis: str
    integrity_key_file: str
    fresh: bool  # the database did not exist before


async def prepare_servers(
    directory: Path, sockets: Path, ports: dict[str, int], *, durable: bool
) -> PreparedServers:
    """Make data folders and the integrity key where there are none.

    `ports` has a port for each name of PORTS.

    `durable=False` switches fsync off and is for data that nobody will miss.
    """
    logs = make_private_folder(directory / "logs")
    modes = {"postgres": state_mode()}
    at = {name: make_private_folder(directory / name, modes.get(name, 0o700)) for name in PORTS}
    fresh = await prepare_data(at["postgres"], sockets, durable=durable)
    port = ports["postgres"]
    log = logs / "postgres.log"
    passwords = {name: read_password(folder) for name, folder in at.items()}
    return PreparedServers(
        services=(
            postgres.postgres_service(at["postgres"] / "data", sockets, port, log, durable=durable),
            nats.service(at["nats"], ports["nats"], logs / "nats.log", passwords["nats"]),
            valkey.service(sockets, ports["redis"], logs / "redis.log", passwords["redis"]),
        ),
        postgres=postgres.postgres_url(passwords["postgres"], port),
        nats=nats.url(passwords["nats"], ports["nats"]),
        redis=valkey.url(passwords["redis"], ports["redis"]),
        integrity_key_file=str(_integrity_key(directory)),
        fresh=fresh,
    )


def _integrity_key(directory: Path) -> Path:
    """The file of what authenticates values in this Redis, and services' last good files."""
    path = directory / "integrity.key"
    try:
        read_private(path)
    except FileNotFoundError:
        seal_keys.make(path)
    return path


class EmbeddedServers:
    """Running servers by address; the names are `postgres`, `nats` and `redis`."""

    def __init__(self, prepared: PreparedServers, supervisor: Supervisor) -> None:
        self.postgres = prepared.postgres
        self.nats = prepared.nats
        self.redis = prepared.redis
        self.integrity_key_file = prepared.integrity_key_file
        self._supervisor = supervisor

    @property
    def pids(self) -> dict[str, int]:
        """The living servers; one that dies by itself is restarted, as under the stack."""
        return self._supervisor.pids

    async def kill(self, name: str) -> None:
        """SIGKILL, and nothing on that address until `restart`."""
        await self._supervisor.kill(name)

    async def restart(self, name: str) -> None:
        """Bring a server back on the same address, killing it first if it lives."""
        await self._supervisor.restart(name)


@asynccontextmanager
async def embedded_servers(
    directory: Path, *, durable: bool = True
) -> AsyncIterator[EmbeddedServers]:
    """PostgreSQL, NATS and Valkey over `directory`, ready; stopped at the end.

    With `durable=False` the data is removed at the end too, also where it could not lie in
    `directory` (see `postgres_data`).
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
