"""Builds every object of a resolver, once, and connects them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
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
from cqar_shared.messaging import nats_connection
from cqar_shared.redis_store.cache import Cache
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.rpc import grpc_server, health
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.call_metrics import CallInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.grpc_server import Interceptor
from cqar_shared.rpc.min_revision import MARGIN_S, MinRevisionInterceptor
from cqar_shared.rpc.rate_limits import ReadRates
from cqar_shared.rpc.request_limits import RESOLVER_BYTES_MAX
from cqar_shared.runtime import tracing
from cqar_shared.runtime.config import is_loopback
from cqar_shared.runtime.process_memory import trim_memory_after_bursts
from cqar_shared.runtime.telemetry import DEPENDENCY_UP, HealthReport
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_shared.sql.postgres import make_engine
from cqar_shared.trust.seal_keys import keyring_of

#: What must be left of a caller's deadline when memory is given up for the stores below it.
FALLBACK_MARGIN_S: Final = BUDGET_S + MARGIN_S
SERVICES: Final = ("cqc.resolver.v1.Resolver", "cqc.services.v1.AssetRegistry")


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Resolver:
    """All objects of one process, each built after those that it needs."""

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
        self.executor = QueryExecutor(
            *(self.view, self.fallback),
            stands_in=not signed.is_asked,
            canary_group=config.canary_group,
        )
        self.list_cache = ListCache()
        self.resolutions = ResolutionCache(config.canary_group)
        self.rates = TokenBuckets(config.reads_per_s_max)
        self.client = Client()
        self._connects = False
        self.health = health.GrpcHealth(SERVICES)
        self.now = now
        path = config.last_good_file
        file = CheckpointFile(Path(path), keyring) if path else None
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
        """Make the services, for gRPC or for calls in this process."""
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
        """Require a key with role read, except on loopback."""
        if is_loopback(self.config.grpc_listen):
            return self.unguarded()
        return [AuthInterceptor(self.find_key, lambda _: Role.READ), *self.unguarded()]

    def unguarded(self) -> list[Interceptor]:
        """Make the interceptors of every server; calls only read, so they are logged at DEBUG."""
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
        """Say in /health whether this resolver is ready, and how current it is."""
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
        """List the loops that run beside the calls, by name."""
        self._measure()
        loops: dict[str, Callable[[], Awaitable[object]]] = {
            "nats connection": self._connect,
            "follower": self.follower.run,
            "state": StateReporter(self.view).run,
            "memory": trim_memory_after_bursts,
        }
        if self.checkpoint_writer is not None:
            loops["last good"] = partial(self.checkpoint_writer.run, self.config.last_good_every_s)
        if self.replica_publisher is not None:
            loops["replica"] = self.replica_publisher.run
        return loops

    def _measure(self) -> None:
        """Measure connections; none is made for a metric: there may be a thousand resolvers."""
        DEPENDENCY_UP.labels("nats").set_function(lambda: self.client.is_connected)
        breakers = {"postgres": self.fallback.breaker}
        if self.fallback.cache is not None:
            breakers["redis"] = self.fallback.cache.breaker
        for tier, breaker in breakers.items():
            metrics.BREAKER_OPEN.labels(tier).set_function(partial(getattr, breaker, "is_holding"))

    async def _connect(self) -> None:
        """Stay connected to NATS; PostgreSQL alone is enough to start."""
        self._connects = True
        await nats_connection.connect_client(self.client, self.config.nats_url, "cqar-resolver")
        await asyncio.Event().wait()

    async def announce(self) -> None:
        """Tell gRPC health checks once the snapshot is ready."""
        await self.view.ready.wait()
        self.health.set_serving(serving=True)

    async def close(self) -> None:
        """Write the last checkpoint and close everything; no loop may run any more."""
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
