"""Runs several resolvers on one port, each a spawned process with its own snapshot.

The kernel spreads connections over them (SO_REUSEPORT). gRPC has one event loop per process, so
this is how several cores are used. A worker that ends is started again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import StartupError
from cqar_shared.runtime.config import host_and_port
from cqar_shared.runtime.tasks import stop_event

log = logging.getLogger(__name__)

#: Environment variable with a worker's number; the parent sets it.
WORKER: Final = "CQAR_WORKER"
#: Environment variable with the parent's process id: by the time that a worker asks, the parent
#: may be another process.
PARENT: Final = "CQAR_WORKER_PARENT"
KILL_AFTER_S: Final = 10.0
#: Pause before a worker that ended is started again.
STARTED_APART_S: Final = 5.0
PARENT_LOOK_S: Final = 1.0


def settings_of(config: ResolverConfig, worker: int) -> ResolverConfig:
    """Derive a worker's settings: the HTTP port is counted up, file names get a suffix."""
    host, port = host_and_port(config.http_listen)
    own = f"[{host}]" if ":" in host else host
    suffix = f".{worker}" if worker else ""
    return msgspec.structs.replace(
        config,
        http_listen=f"{own}:{port + worker if port else 0}",
        socket=config.socket and config.socket + suffix,
        last_good_file=config.last_good_file and config.last_good_file + suffix,
        replica_path=config.replica_path and config.replica_path + suffix,
    )


def require_free(listen: str) -> None:
    """Refuse a port that is in use: SO_REUSEPORT would share it with a stranger silently.

    Raises:
        StartupError: The port is in use.
    """
    host, port = host_and_port(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupError(f"cannot listen on {listen}: {error.strerror}") from error


async def run(count: int, config: ResolverConfig, environ: Mapping[str, str]) -> None:
    """Keep a number of workers running until SIGTERM or SIGINT, which is passed on to them."""
    require_free(config.grpc_listen)
    stopping = stop_event()
    async with asyncio.TaskGroup() as group:
        for worker in range(count):
            group.create_task(_keep(worker, config, environ, stopping))


async def _keep(
    worker: int, config: ResolverConfig, environ: Mapping[str, str], stopping: asyncio.Event
) -> None:
    stopped = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cqar_resolver", "serve"),
            env={**environ, WORKER: str(worker), PARENT: str(os.getpid())},
            start_new_session=True,  # a terminal's Ctrl-C reaches it once, through this process
        )
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            await _end(process, config.drain_s + KILL_AFTER_S)
            return
        log.error("worker %d ended with %s: started again", worker, process.returncode)
        await asyncio.wait([stopped], timeout=STARTED_APART_S)


async def _end(process: asyncio.subprocess.Process, seconds: float) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def outlive(parent: int, stopping: asyncio.Event) -> None:
    """Stop once the parent is gone: nobody would start or stop this worker any more."""
    while os.getppid() == parent:
        with suppress(TimeoutError):
            async with asyncio.timeout(PARENT_LOOK_S):
                await stopping.wait()
                return
    log.error("the process that started this worker is gone")
    stopping.set()
