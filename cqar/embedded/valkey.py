"""Valkey, the Redis-protocol server, from its wheel. A cache: it writes nothing to disk.

It asks for a password, which is in a file that only its user reads: command lines are everybody's.
"""

import os
from pathlib import Path

from cqar.embedded import probes, wheels
from cqar.embedded.private_files import write_private
from cqar.embedded.service import Service


def service(sockets: Path, port: int, log: Path, password: str) -> Service:
    folder = sockets / "own"
    settings = folder / "valkey.conf"
    write_private(settings, f"requirepass {password}\n".encode())
    argv = [str(wheels.valkey_server()), str(settings), "--bind", "127.0.0.1", "--port", str(port)]
    argv += ["--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"]
    argv += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    return Service(
        name="redis",
        argv=tuple(argv),
        env=os.environ,
        ready=probes.valkey(f"127.0.0.1:{port}"),
        log=log,
    )


def url(password: str, port: int) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"
