"""Wires every object of a resolver, once, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import signal
from pathlib import Path
from typing import Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import add_ResolverServicer_to_server
from cqc.services.v1.asset_registry_pb2_grpc import add_AssetRegistryServicer_to_server
from grpc_health.v1 import health
from nats.aio.client import Client

from resolver.config import ResolverConfig
from resolver.database import Database
from resolver.follower import Follower
from resolver.freshness import Freshness
from resolver.services.registry import RegistryReads
from resolver.services.resolver import ResolverService
from resolver.view import View
from shared import about, codec, grpc_server, jetstream, telemetry, tls, tracing
from shared.auth import AuthInterceptor
from shared.calls import CallInterceptor
from shared.config import is_loopback, require_private
from shared.entities.api_key import API_KEY, ApiKey, Role
from shared.grpc_errors import ErrorInterceptor
from shared.min_revision import MinRevisionInterceptor
from shared.tasks import end, keep_going
from shared.telemetry import Health

log = logging.getLogger(__name__)

SERVICES: Final = ("cqc.resolver.v1.Resolver", "cqc.services.v1.AssetRegistry")


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def run(config: ResolverConfig) -> None:
    """Serve until SIGTERM or SIGINT; running calls may finish within `drain_s`."""
    require_private(config, config.grpc_listen, "CQAR_RESOLVER_")
    credentials = tls.credentials_of(config)
    tracing.start("cqar-resolver", config)
    view = View(Freshness(config.stale_after_s))
    servicer = health.aio.HealthServicer()
    servers = [_server(config, view, servicer, interceptors(config, view))]
    stopping = asyncio.Event()

    async def report() -> Health:
        live = view.freshness.state == pb.SNAPSHOT_STATE_LIVE
        components = {
            "snapshot": "ok" if view.is_complete else "loading",
            "freshness": "ok" if live else "stale: the head cannot be confirmed",
        }
        return Health(view.is_complete and not stopping.is_set(), components)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    http = await telemetry.serve_http(config.http_listen, report)
    grpc_server.bind(servers[0], config.grpc_listen, credentials)
    if config.socket:
        # Its mode is its authentication, whatever the port asks for: a server of its own.
        servers.append(_server(config, view, servicer, unguarded(view)))
        grpc_server.bind_socket(servers[1], Path(config.socket))
    for server in servers:
        await server.start()
    if config.socket:
        grpc_server.restrict_socket(Path(config.socket))
    tasks = [
        asyncio.create_task(_follow(config, view)),
        asyncio.create_task(_announce(view, servicer)),
    ]
    log.info("resolver %s is up", about.version())

    await stopping.wait()
    log.info("stopping: running calls may take %g s", config.drain_s)
    await grpc_server.set_serving(servicer, SERVICES, serving=False)
    await asyncio.gather(*(server.stop(config.drain_s) for server in servers))
    await end(*tasks)
    await http.cleanup()
    tracing.stop()


def _server(
    config: ResolverConfig,
    view: View,
    servicer: health.aio.HealthServicer,
    guards: list[grpc.aio.ServerInterceptor],
) -> grpc.aio.Server:
    server = grpc_server.make_server(guards)
    add_ResolverServicer_to_server(ResolverService(view, utc_now), server)
    reads = RegistryReads(view, utc_now, config.writer)
    add_AssetRegistryServicer_to_server(reads, server)
    grpc_server.add_health(server, servicer, SERVICES, reflects=config.reflection)
    return server


def interceptors(config: ResolverConfig, view: View) -> list[grpc.aio.ServerInterceptor]:
    """On loopback no key is asked for; elsewhere one with role read, from the snapshot."""
    if is_loopback(config.grpc_listen):
        return unguarded(view)

    async def find_key(key_hash: str) -> ApiKey | None:
        for _, payload in view.snapshot.find(API_KEY.name, "hash", key_hash):
            key = codec.decode(API_KEY, payload)
            return key if key.valid_at(utc_now()) else None
        return None

    return [AuthInterceptor(find_key, lambda _: Role.READ), *unguarded(view)]


def unguarded(view: View) -> list[grpc.aio.ServerInterceptor]:
    """Nothing is changed here, so calls are logged at DEBUG only."""
    return [
        *tracing.interceptors(),
        CallInterceptor(lambda _: True),
        ErrorInterceptor(),
        MinRevisionInterceptor(view.reach),
    ]


async def _follow(config: ResolverConfig, view: View) -> None:
    """PostgreSQL alone is enough to begin with; NATS is connected to meanwhile."""
    client = Client()

    async def connect() -> None:
        await jetstream.connect_client(client, config.nats_url, "cqar-resolver")
        await asyncio.Event().wait()

    follower = Follower(view, Database(config.database_url), client, utc_now, config.probe_every_s)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_going("nats connection", connect))
            group.create_task(keep_going("follower", follower.run))
    finally:
        await client.close()


async def _announce(view: View, servicer: health.aio.HealthServicer) -> None:
    """The health that gRPC asks for follows the snapshot."""
    await view.loaded.wait()
    await grpc_server.set_serving(servicer, SERVICES, serving=True)
