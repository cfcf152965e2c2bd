"""Valkey, the Redis-protocol server, from its wheel. A cache: it writes nothing to disk."""

import os
from pathlib import Path

from cqar.embedded import probes, wheels
from cqar.embedded.keeper import Service


def service(sockets: Path, port: int, log: Path) -> Service:
    folder = sockets / "own"
    argv = [str(wheels.valkey_server()), "--bind", "127.0.0.1", "--port", str(port)]
    argv += ["--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"]
    argv += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    return Service(
        name="redis",
        argv=tuple(argv),
        env=os.environ,
        ready=probes.valkey(f"127.0.0.1:{port}"),
        log=log,
    )
