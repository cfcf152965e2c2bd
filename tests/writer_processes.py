"""Writers as processes of their own, started by the same command as the stack's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cqar.embedded import layout
from cqar.embedded.ports import pick_ports
from cqar.embedded.servers import EmbeddedServers, Prepared
from cqar.embedded.supervisor import Supervisor


@asynccontextmanager
async def writers(
    servers: EmbeddedServers, database: str, folder: Path, count: int
) -> AsyncIterator[list[str]]:
    """Their gRPC addresses. None of them may die meanwhile, though it would be restarted."""
    prepared = Prepared(
        services=(), postgres=database, nats=servers.nats, redis=servers.redis, fresh=False
    )
    names = [f"writer-{number}" for number in range(1, count + 1)]
    wanted = [name + suffix for name in names for suffix in ("", "-http")]
    ports = pick_ports(dict.fromkeys(wanted, layout.WRITER_GRPC_PORT))
    listens = [layout.listen(name, ports) for name in names]
    services = [
        msgspec.structs.replace(
            layout.writer(prepared, at, folder), name=name, log=folder / f"{name}.log"
        )
        for name, at in zip(names, listens, strict=True)
    ]
    supervisor = Supervisor()
    try:
        await supervisor.start(*services)
        started = supervisor.pids
        yield [at.grpc for at in listens]
        assert supervisor.pids == started
    finally:
        await supervisor.stop()
