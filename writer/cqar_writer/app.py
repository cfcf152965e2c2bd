"""Wires every object of the writer once, and runs the writer until SIGTERM."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import grpc
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.services.v1.asset_registry_pb2_grpc import add_AssetRegistryServicer_to_server
from cqc.writer.v1.registry_admin_pb2_grpc import add_RegistryAdminServicer_to_server
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import ServiceNotReady
from cqar_shared.redis_store.cache import Cache
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.rpc import grpc_server, health, tls
from cqar_shared.rpc.auth import AuthInterceptor
from cqar_shared.rpc.call_metrics import CallInterceptor
from cqar_shared.rpc.error_mapping import ErrorInterceptor
from cqar_shared.rpc.min_revision import MinRevisionInterceptor
from cqar_shared.rpc.rate_limits import ReadRates
from cqar_shared.runtime import config, event_loop, telemetry, tracing, version
from cqar_shared.runtime.outages import MAYBE_AWAY
from cqar_shared.runtime.process_memory import trim_memory_after_bursts
from cqar_shared.runtime.tasks import begin, end, stop_event
from cqar_shared.runtime.telemetry import HealthReport
from cqar_shared.runtime.token_bucket import TokenBuckets
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_shared.trust.seal_keys import keyring_of
from cqar_writer import metrics
from cqar_writer.api_keys import ApiKeyCache
from cqar_writer.archiver import Archiver
from cqar_writer.config import WriterConfig, policy_of
from cqar_writer.database.fencing import FenceMonitor
from cqar_writer.database.head import HeadReader
from cqar_writer.database.head_signer import Signer
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.dependency_monitor import DependencyMonitor
from cqar_writer.mutations import Mutations
from cqar_writer.rate_limit import RateInterceptor
from cqar_writer.reads.expensive_reads import ExpensiveReads
from cqar_writer.reads.sessions import Reads
from cqar_writer.rejects.counting import RejectThreshold
from cqar_writer.relays.cache_relay import CacheRelay
from cqar_writer.relays.image_publisher import ImagePublisher
from cqar_writer.relays.publisher import CommitSignal, Publisher
from cqar_writer.services.admin import RegistryAdminService
from cqar_writer.services.asset_registry import AssetRegistryService
from cqar_writer.signing_keys import SigningKeys
from cqar_writer.wrong_service import WrongServiceInterceptor

log = logging.getLogger(__name__)

SERVICES: Final = ("cqc.services.v1.AssetRegistry", "cqc.writer.v1.RegistryAdmin")
READING: Final = ("Get", "List", "Search", "Check", "History", "Export", "ReportReject")
#: Methods that read, and that only an admin may call.
ADMINS: Final = ("ListApiKeys",)
HEALTH_TIMEOUT_S: Final = 2.0
#: For the relays, a probe's head, a key's look-up, the image, archiving and signing at the same
#: time.
ASIDE_CONNECTIONS: Final = 8
#: After this time statements are prepared, connections open and most code paths taken once.
SETTLED_S: Final = 30.0
#: The callers' connections that mutations leave to reads.
READ_CONNECTIONS: Final = 4


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def role_of(method: str) -> Role:
    name = method.rpartition("/")[2]
    if name in ADMINS:
        return Role.ADMIN
    return Role.READ if name.startswith(READING) else Role.WRITE


def _is_read(method: str) -> bool:
    return role_of(method) is Role.READ


class WriterApp:
    """Holds every object; each is built from those before it.

    Attributes:
        aside: Connections for probes, keys and relays, which must not wait behind callers that
            wait for the head's lock.
    """

    def __init__(self, settings: WriterConfig, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.settings = settings
        connections_max = settings.database_connections_max
        self.engine = _engine(settings, "cqar-writer", connections_max)
        self.aside = _engine(settings, "cqar-writer-aside", ASIDE_CONNECTIONS)
        self.database = PrimaryDatabase(NewestPosition(), self.engine, self.aside)
        self.head_reader = HeadReader(self.aside, self.database)
        self.commit_signal = CommitSignal()
        signer = Signer.of_file(settings.signing_key_file)
        self.mutations = Mutations(
            self.engine,
            now,
            self.commit_signal.committed,
            at_once_max=connections_max - READ_CONNECTIONS,
            signer=signer,
            database=self.database,
            read_tail=self._read_tail,
        )
        self.signing_keys = (
            SigningKeys(self.aside, self.mutations, signer) if signer is not None else None
        )
        keyring, url = keyring_of(settings, "CQAR_WRITER_"), settings.redis_url
        self.cache = Cache(url, keyring) if url else None
        self.images = ImageStore(url, keyring) if url else None
        self.reads = Reads(self.engine, self.database, self.cache)
        self.keys = ApiKeyCache(self.aside, now, self.database.require_unfenced)
        self.publisher = Publisher(
            self.aside,
            self.mutations,
            self.commit_signal,
            self.head_reader,
            database_url=settings.database_url,
            nats_url=settings.nats_url,
            poll_s=settings.relay_poll_s,
            database=self.database,
        )
        self.dependency_monitor = DependencyMonitor(
            self.aside, self.publisher, self.cache, now, self.database
        )
        self.health = health.GrpcHealth(SERVICES)
        self.registry = AssetRegistryService(self.mutations, self.reads, now)
        self.admin = RegistryAdminService(
            *(self.mutations, self.engine, self.head_reader, self.database),
            policy_of(settings),
            RejectThreshold(
                settings.rejects_min,
                settings.rejects_actors_min,
                dt.timedelta(seconds=settings.rejects_window_s),
            ),
        )

    def make_server(self) -> grpc.aio.Server:
        server, methods = grpc_server.make_server(
            [
                WrongServiceInterceptor(),
                AuthInterceptor(self.keys.find, role_of),
                *tracing.interceptors(),
                CallInterceptor(_is_read),
                ErrorInterceptor(),
                RateInterceptor(TokenBuckets(self.settings.mutations_per_s_max), role_of),
                ReadRates(TokenBuckets(self.settings.reads_per_s_max), _is_read),
                MinRevisionInterceptor(self.head_reader.reach),
            ],
            innermost=[ExpensiveReads()],
        )
        add_AssetRegistryServicer_to_server(self.registry, methods)
        add_RegistryAdminServicer_to_server(self.admin, methods)
        reflects = self.settings.reflection
        grpc_server.add_health(methods, self.health, SERVICES, reflects=reflects)
        return server

    def loops(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """The loops that run beside the calls, by name."""
        loops: dict[str, Callable[[], Awaitable[object]]] = {
            "publisher": self.publisher.run,
            "epochs": self.mutations.epochs.run,
            "fence": FenceMonitor(self.aside, self.database, self._set_serving).run,
            "dependency monitor": self.dependency_monitor.run,
            "memory": partial(trim_memory_after_bursts, collect=True),
        }
        if (cache := self.cache) is not None:
            metrics.CACHE_BREAKER_OPEN.set_function(lambda: cache.breaker.is_open)
            relay = CacheRelay(self.aside, cache, self.database)
            loops["cache relay"] = partial(
                relay.run, self.commit_signal.cache, self.settings.relay_poll_s
            )
        if days := self.settings.archive_after_days:
            archiving = Archiver(self.aside, self.mutations, dt.timedelta(days=days))
            loops["archiving"] = archiving.run
        loops["old rejects"] = self.admin.forget_old_rejects
        if self.signing_keys is not None:
            loops["signing keys"] = self.signing_keys.run
        if self.images is not None:
            note_stream = self.publisher.note_stream
            images = ImagePublisher(self.aside, self.images, note_stream, utc_now, self.database)
            loops["images"] = images.run
        return loops

    async def _read_tail(self) -> replication_pb2.Head | None:
        return await self.publisher.read_tail()

    def _set_serving(self, is_fenced: bool) -> None:
        self.health.set_serving(serving=not is_fenced)

    async def report(self) -> HealthReport:
        """Report health: PostgreSQL is required; without NATS or Redis the writer is degraded."""
        postgres = await self._postgres_state()
        components = {
            "postgres": postgres,
            "nats": _nats_state(self.publisher),
            "redis": _redis_state(self.cache),
        }
        return HealthReport(postgres == "ok", components)

    async def _postgres_state(self) -> str:
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT_S):
                await self.head_reader.read()
        except ServiceNotReady as error:
            return f"down: {error.reason}: {error}"
        except (sa.exc.SQLAlchemyError, *MAYBE_AWAY) as error:
            return f"down: {type(error).__name__}"
        return "ok"

    async def close(self) -> None:
        if self.cache is not None:
            await self.cache.close()
        if self.images is not None:
            await self.images.close()
        await dispose(self.engine)
        await dispose(self.aside)


def _engine(settings: WriterConfig, application: str, connections_max: int) -> AsyncEngine:
    url = settings.database_url
    return tracing.instrument(
        make_engine(url, connections_max=connections_max, application=application)
    )


def _nats_state(publisher: Publisher) -> str:
    if not publisher.connected:
        return "degraded: not connected, changes wait in the outbox"
    if stuck := publisher.stuck:
        return f"degraded: no progress of {' and '.join(stuck)}: look at its log"
    return "ok"


def _redis_state(cache: Cache | None) -> str:
    if cache is None:
        return "off"
    return "degraded: reads go to PostgreSQL" if cache.breaker.is_open else "ok"


async def _freeze_startup_objects() -> None:
    """Exempt startup objects from garbage collection: a scan would stop all calls for 70 ms."""
    for after_s in (0.0, SETTLED_S):
        await asyncio.sleep(after_s)
        gc.collect()
        gc.freeze()


async def run(settings: WriterConfig) -> None:
    """Serve until SIGTERM or SIGINT; running calls may finish within `drain_s`."""
    config.require_private(settings, settings.grpc_listen, "CQAR_WRITER_")
    credentials = tls.credentials_of(settings)
    tracing.start("cqar-writer", settings)
    event_loop.tune_gc()
    writer = WriterApp(settings)
    stopping = stop_event()

    async def report() -> HealthReport:
        report = await writer.report()
        return HealthReport(report.ready and not stopping.is_set(), report.components)

    server = writer.make_server()
    http = await telemetry.serve_http(settings.http_listen, report)
    grpc_server.bind(server, settings.grpc_listen, credentials)
    await server.start()
    tasks = begin(writer.loops())
    writer.health.set_serving(serving=True)
    freezing = asyncio.create_task(_freeze_startup_objects())
    log.info("writer %s is up", version.version())

    await stopping.wait()
    log.info("stopping: running calls may take %g s", settings.drain_s)
    writer.health.end()
    await server.stop(settings.drain_s)
    await end(freezing, *tasks)
    await http.cleanup()
    await writer.close()
    tracing.stop()
