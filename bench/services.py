"""What is measured, as processes: CQAR's own as an operator starts them, and bare peers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.environment import environment
from cqar.embedded import probes
from cqar.embedded.ports import pick_ports
from cqar.embedded.service import Service
from cqar.embedded.supervisor import Supervisor

#: A million listings are loaded before it is ready.
READY_S: Final = 300.0


class Running(NamedTuple):
    """A service that answers; `grpc` is HOST:PORT, `socket` a path."""

    grpc: str
    socket: str
    pid: int


@asynccontextmanager
async def running(module: str, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Running]:
    """`python -m MODULE serve`, ready, until the block is left.

    Args:
        module: `writer`, `resolver`, or a peer; its settings are CQAR_NAME_….
        folder: For its log and its socket: a short path.
        settings: Beside where it listens.
    """
    name = module.rpartition(".")[2]
    ports = pick_ports({"grpc": 9090, "http": 8080})
    socket = folder / f"{name}.sock"
    own = {
        "grpc_listen": f"127.0.0.1:{ports['grpc']}",
        "http_listen": f"127.0.0.1:{ports['http']}",
        **({} if module == "writer" else {"socket": str(socket)}),
    }
    prefix = f"CQAR_{name.upper()}_"
    named = {prefix + key.upper(): value for key, value in {**own, **settings}.items()}
    service = Service(
        name=name,
        argv=(sys.executable, "-m", module, "serve"),
        env=environment(CQAR_CONFIG="", **named),
        ready=probes.http(own["http_listen"], "/health/ready"),
        log=folder / f"{name}.log",
        ready_seconds=READY_S,
    )
    supervisor = Supervisor()
    try:
        await supervisor.start(service)
        yield Running(own["grpc_listen"], str(socket), supervisor.pids[name])
    finally:
        await supervisor.stop()
