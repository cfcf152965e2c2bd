"""Runs a resolver's servers and loops until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.process import workers
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.rpc import grpc_server, tls
from cqar_shared.runtime import event_loop, telemetry, tracing, version
from cqar_shared.runtime.config import require_private
from cqar_shared.runtime.process_memory import trim_memory
from cqar_shared.runtime.tasks import begin, end, stop_event
from cqar_shared.runtime.telemetry import HealthReport

log = logging.getLogger(__name__)

#: Streams of the native front whose clients may be slow at the same time; further ones wait.
SENDERS_MAX: Final = 256


async def _settle(view: ReplicaState) -> None:
    """Exempt what was loaded from garbage collection, which would stop all calls for 50 ms."""
    await view.loaded.wait()
    gc.collect()
    gc.freeze()
    trim_memory()


def require_native_can(config: ResolverConfig, *, alone: bool, has_tls: bool) -> None:
    """Refuse settings that the native front cannot serve.

    Raises:
        StartupError: TLS is configured, or the port is taken: that front would share it silently.
    """
    if has_tls:
        raise InvalidConfiguration(
            "configuration: grpc_front native has no TLS: use aio, or leave TLS out"
        )
    if alone:
        workers.require_free(config.grpc_listen)


async def run(config: ResolverConfig, parent: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; running calls may finish within `drain_s`.

    Args:
        parent: The process that runs this worker and others on the same port; None: no workers.
    """
    require_private(config, config.grpc_listen, "CQAR_RESOLVER_")
    credentials = tls.credentials_of(config)
    if config.grpc_front == "native":
        require_native_can(config, alone=parent is None, has_tls=credentials is not None)
    tracing.start("cqar-resolver", config)
    event_loop.tune_gc()
    resolver = Resolver(config)
    held = resolver.file.hold() if resolver.file is not None else nullcontext()
    stopping = stop_event()

    async def report() -> HealthReport:
        found = await resolver.report()
        return HealthReport(found.ready and not stopping.is_set(), found.components)

    if config.grpc_front == "native":
        # For each stream whose client is slow, that front waits for room in a thread.
        threads = ThreadPoolExecutor(SENDERS_MAX, "sender")
        asyncio.get_running_loop().set_default_executor(threads)
    with held:
        http = await telemetry.serve_http(config.http_listen, report)
        shares_port, front = parent is not None, config.grpc_front
        servers = [resolver.make_server(resolver.guards(), shares_port=shares_port, front=front)]
        grpc_server.bind(servers[0], config.grpc_listen, credentials)
        if config.socket:
            # The file mode authenticates, whatever the port requires: so it has its own server.
            servers.append(resolver.make_server(resolver.unguarded()))
            grpc_server.bind_socket(servers[1], Path(config.socket))
        for server in servers:
            await server.start()
        if config.socket:
            grpc_server.restrict_socket(Path(config.socket))
        tasks = begin(resolver.loops())
        tasks.append(asyncio.create_task(resolver.announce()))
        tasks.append(asyncio.create_task(_settle(resolver.view)))
        if parent is not None:
            tasks.append(asyncio.create_task(workers.outlive(parent, stopping)))
        log.info("resolver %s is up", version.version())

        await stopping.wait()
        log.info("stopping: running calls may take %g s", config.drain_s)
        resolver.health.end()
        resolver.view.end()
        await asyncio.gather(*(server.stop(config.drain_s) for server in servers))
        await end(*tasks)
        await http.cleanup()
        await resolver.close()
    tracing.stop()
