"""The PostgreSQL server from its wheel: in the foreground, on 127.0.0.1 and a Unix socket.

The wheel's own `get_server()` is not used: it opens the permissions of parent folders, adds a
system user and daemonises, so its end would go unnoticed. As root, PostgreSQL runs as an
unprivileged account.
"""

import os
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from cqar.embedded.account import Account
from cqar.embedded.postgres_binaries import postgres_binaries
from cqar.embedded.probes import Probe
from cqar.embedded.process import Command, spawn
from cqar.embedded.service import Service

DATABASE = "cqar"
USER = "cqar"
# The caller's environment is not passed on: PGPORT, PGOPTIONS or a locale would change the server.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Compiling a plan takes longer than any query of this registry.
    "jit": "off",
}
# For tests: data may be lost when the machine crashes, but not when the server does, which tests
# cause. So synchronous_commit stays on: without it a killed server loses its last 0.6 s of commits.
# The write-ahead log is kept small, because it may be in memory.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


def postgres_url(password: str, port: int) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}"


def socket_folder(sockets: Path, account: Account | None) -> Path:
    """PostgreSQL's subfolder, the only place where its account may create files."""
    folder = sockets / "pg"
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def postgres_service(data: Path, sockets: Path, port: int, log: Path, *, durable: bool) -> Service:
    """The server over an existing data folder; it runs as the folder's owner."""
    data = data.resolve()
    owner = data.stat()
    account = Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None
    binaries = postgres_binaries(account)
    settings = SETTINGS | ({} if durable else FAST_SETTINGS)
    settings |= {"port": str(port), "unix_socket_directories": str(socket_folder(sockets, account))}
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Service(
        name="postgres",
        argv=(str(binaries / "postgres"), "-D", str(data), *options),
        env=ENVIRONMENT,
        account=account,
        ready=_accepts(binaries, port),
        log=log,
        # "Fast": SIGTERM would wait until every client has disconnected.
        stop_signal=signal.SIGINT,
        # "Immediate": its children end within 5 s; the next start replays the log.
        death_signal=signal.SIGQUIT,
        # 6 s, until a server whose supervisor was just killed has ended.
        start_attempts=6,
    )


def _accepts(binaries: Path, port: int) -> Probe:
    argv = (str(binaries / "pg_isready"), "-q", "-t", "1", "-h", "127.0.0.1", "-p", str(port))
    command = Command(name="pg_isready", argv=argv, env=ENVIRONMENT)

    async def ready() -> bool:
        process = await spawn(command, stdout=DEVNULL, stderr=DEVNULL)
        return await process.wait() == 0

    return ready
