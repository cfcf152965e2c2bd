"""Wires every object of a resolver, once, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import add_ResolverServicer_to_server
from cqc.services.v1.asset_registry_pb2_grpc import add_AssetRegistryServicer_to_server
from nats.aio.client import Client

from cqar_resolver import metrics
from cqar_resolver.background.checkpoint_writer import CheckpointWriter
from cqar_resolver.background.replica_publisher import ReplicaPublisher
from cqar_resolver.background.state_reporter import StateReporter
from cqar_resolver.cache.resolution_cache import ResolutionCache
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.config import Front, ResolverConfig
from cqar_resolver.fallback.single_flight import BUDGET_S, Fallback
from cqar_resolver.fallback.stores import CONNECTIONS_MAX
from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.process import workers
from cqar_resolver.queries.execute import QueryExecutor
from cqar_resolver.queries.lists import ListCache
from cqar_resolver.queries.registry import ApiKeyQuery
from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_resolver.replication.follower import Follower
from cqar_resolver.replication.freshness import StalenessBound, state_name
from cqar_resolver.replication.ports import connected_ports
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.services.fast_path import FastPath
from cqar_resolver.services.registry_service import RegistryReads
from cqar_resolver.services.resolver_service import ResolverService
from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.messaging import nats_connection
from cqar_shared.redis_store.cache import Cache
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.rpc import grpc_server, health, tls
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.call_metrics import CallInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.grpc_server import Interceptor
from cqar_shared.rpc.min_revision import MARGIN_S, MinRevisionInterceptor
from cqar_shared.rpc.rate_limits import ReadRates
from cqar_shared.rpc.request_limits import RESOLVER_BYTES_MAX
from cqar_shared.runtime import event_loop, telemetry, tracing, version
from cqar_shared.runtime.config import is_loopback, require_private
from cqar_shared.runtime.process_memory import trim_memory, trim_memory_after_bursts
from cqar_shared.runtime.tasks import begin, end, stop_event
from cqar_shared.runtime.telemetry import DEPENDENCY_UP, HealthReport
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_shared.sql.postgres import make_engine
from cqar_shared.trust.seal_keys import keyring_of

log = logging.getLogger(__name__)

#: Of a caller's deadline, what is left when memory is given up.
FALLBACK_MARGIN_S: Final = BUDGET_S + MARGIN_S
#: Streams of the native front whose clients are behind at once: others wait until one is taken.
SENDERS_MAX: Final = 256
SERVICES: Final = ("cqc.resolver.v1.Resolver", "cqc.services.v1.AssetRegistry")


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Resolver:
    """Every object, by what it stands on."""

    def __init__(self, config: ResolverConfig, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.config = config
        fails_closed = config.stale_verdict != "allow"
        self.view = ReplicaState(StalenessBound(config.stale_after_s), fails_closed=fails_closed)
        keyring = keyring_of(config, "CQAR_RESOLVER_")
        self.images = ImageStore(config.redis_url, keyring) if config.redis_url else None
        cache = Cache(config.redis_url, keyring) if config.redis_url else None
        engine = make_engine(
            config.database_url, connections_max=CONNECTIONS_MAX, application="cqar-resolver"
        )
        self.fallback = Fallback(engine, cache)
        signed = SignedHeads.of_settings(config.trusted_keys_file, required=config.require_signed)
        self.executor = QueryExecutor(self.view, self.fallback, stands_in=not signed.is_asked)
        self.list_cache = ListCache()
        self.resolutions = ResolutionCache()
        self.rates = TokenBuckets(config.reads_per_s_max)
        self.client = Client()
        self._connects = False
        self.health = health.GrpcHealth(SERVICES)
        self.now = now
        kept_in = config.last_good_file
        file = CheckpointFile(Path(kept_in), keyring) if kept_in else None
        limit_mib = config.memory_limit_mib
        database = RegistryDatabase(config.database_url, config.hydrate_concurrency, limit_mib)
        ports = connected_ports(database, self.client, config.nats_api_prefix)
        sources = BootstrapSources(self.images, file, memory_limit_mib=limit_mib, signed=signed)
        self.follower = Follower(self.view, ports, now, config.probe_every_s, sources, signed)
        self.file = file
        self.checkpoint_writer: CheckpointWriter | None = None
        if file is not None:
            self.checkpoint_writer = CheckpointWriter(self.view, file, lambda: self.follower.mark)
        self.replica_publisher: ReplicaPublisher | None = None
        if config.replica_path:
            self.replica_publisher = ReplicaPublisher(
                self.view, ReplicaWriter(Path(config.replica_path))
            )

    def services(self) -> tuple[ResolverService, RegistryReads]:
        """What answers, whether asked over gRPC or in this process."""
        errs = self.config.stale_verdict == "error"
        own = ResolverService(self.view, self.executor, self.now, stale_is_error=errs)
        return own, RegistryReads(self.executor, self.list_cache, self.now, self.config.writer)

    def make_server(
        self,
        guards: Sequence[Interceptor],
        *,
        shares_port: bool = False,
        front: Front = "aio",
    ) -> grpc.aio.Server:
        server, methods = grpc_server.make_server(
            guards,
            shares_port=shares_port,
            is_native=front == "native",
            receive_bytes_max=RESOLVER_BYTES_MAX,
        )
        own, reads = self.services()
        add_ResolverServicer_to_server(own, methods)
        add_AssetRegistryServicer_to_server(reads, methods)
        hot = FastPath(self.view, self.executor, own, self.resolutions, self.now, self.rates)
        hot.register(methods)
        reflects = self.config.reflection
        grpc_server.add_health(methods, self.health, SERVICES, reflects=reflects)
        return server

    def guards(self) -> list[Interceptor]:
        """On loopback no key is asked for; elsewhere one with role read."""
        if is_loopback(self.config.grpc_listen):
            return self.unguarded()
        return [AuthInterceptor(self.find_key, lambda _: Role.READ), *self.unguarded()]

    def unguarded(self) -> list[Interceptor]:
        """Nothing is changed here, so calls are logged at DEBUG only."""
        return [
            *tracing.interceptors(),
            CallInterceptor(lambda _: True),
            ErrorInterceptor(),
            ReadRates(self.rates, lambda _: True),
            MinRevisionInterceptor(self.executor.reach, FALLBACK_MARGIN_S),
        ]

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """Return the valid key of a hash, or None."""
        # Look-ups of its own count as one caller.
        query = ApiKeyQuery(key_hash, self.now())
        return (await self.executor.execute(query, query.rpc)).get()

    async def report(self) -> HealthReport:
        live = self.view.state == pb.SNAPSHOT_STATE_LIVE
        components = {
            "snapshot": self._snapshot_state(),
            "freshness": "ok" if live else f"{state_name(self.view.state)}: {self.view.reason}",
        }
        return HealthReport(self.view.ready.is_set(), components)

    def _snapshot_state(self) -> str:
        if not self.view.is_complete:
            return self.view.loading
        return (
            "ok" if self.view.ready.is_set() else f"catching up: {self.view.lag} revisions behind"
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """What runs beside the calls, by name."""
        self._measure()
        found: dict[str, Callable[[], Awaitable[object]]] = {
            "nats connection": self._connect,
            "follower": self.follower.run,
            "state": StateReporter(self.view).run,
            "memory": trim_memory_after_bursts,
        }
        if self.checkpoint_writer is not None:
            found["last good"] = partial(self.checkpoint_writer.run, self.config.last_good_every_s)
        if self.replica_publisher is not None:
            found["replica"] = self.replica_publisher.run
        return found

    def _measure(self) -> None:
        """PostgreSQL is not asked for the sake of a metric: there may be a thousand resolvers."""
        DEPENDENCY_UP.labels("nats").set_function(lambda: self.client.is_connected)
        breakers = {"postgres": self.fallback.breaker}
        if self.fallback.cache is not None:
            breakers["redis"] = self.fallback.cache.breaker
        for tier, breaker in breakers.items():
            metrics.BREAKER_OPEN.labels(tier).set_function(partial(getattr, breaker, "is_holding"))

    async def _connect(self) -> None:
        """PostgreSQL alone is enough to begin with; NATS is connected to meanwhile."""
        self._connects = True
        await nats_connection.connect_client(self.client, self.config.nats_url, "cqar-resolver")
        await asyncio.Event().wait()

    async def announce(self) -> None:
        """The health that gRPC asks for follows the snapshot."""
        await self.view.ready.wait()
        self.health.set_serving(serving=True)

    async def close(self) -> None:
        """When nothing runs any more: what is served is kept for the next start."""
        if self.checkpoint_writer is not None:
            await self.checkpoint_writer.write()
            self.checkpoint_writer.close()
        if self.replica_publisher is not None:
            self.replica_publisher.close()
        if self._connects:
            await nats_connection.close(self.client)
        await self.fallback.close()
        if self.images is not None:
            await self.images.close()


async def _settle(view: ReplicaState) -> None:
    """What is loaded stays: to look through it for garbage would stop all calls for 50 ms."""
    await view.loaded.wait()
    gc.collect()
    gc.freeze()
    trim_memory()


def require_native_can(config: ResolverConfig, *, alone: bool, has_tls: bool) -> None:
    """Refuse what the native front cannot do, or would do without a word.

    Raises:
        StartupError: TLS is wanted, or somebody else has the port: it would share it.
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
        parent: The process that keeps this worker and others on the same port; None: alone.
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
        # Where a client is behind, that front waits for room in a thread, for each stream.
        threads = ThreadPoolExecutor(SENDERS_MAX, "sender")
        asyncio.get_running_loop().set_default_executor(threads)
    with held:
        http = await telemetry.serve_http(config.http_listen, report)
        shares_port, front = parent is not None, config.grpc_front
        servers = [resolver.make_server(resolver.guards(), shares_port=shares_port, front=front)]
        grpc_server.bind(servers[0], config.grpc_listen, credentials)
        if config.socket:
            # Its mode is its authentication, whatever the port asks for: a server of its own.
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
