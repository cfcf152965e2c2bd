"""Wires every object of the writer, once, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import signal
from typing import Final

import sqlalchemy as sa
from cqc.services.v1.asset_registry_pb2_grpc import add_AssetRegistryServicer_to_server
from cqc.writer.v1.registry_admin_pb2_grpc import add_RegistryAdminServicer_to_server
from grpc_health.v1 import health

from shared import about, grpc_server, telemetry
from shared import config as settings
from shared.auth import AuthInterceptor
from shared.entities.api_key import Role
from shared.grpc_errors import ErrorInterceptor
from shared.min_revision import MinRevisionInterceptor
from shared.postgres import make_engine
from shared.tasks import end, keep_going
from shared.telemetry import Health
from writer.config import WriterConfig
from writer.heads import Heads
from writer.keys import Keys
from writer.mutations import Mutations
from writer.publishing import Publisher, Wake
from writer.reads import Reads
from writer.services.admin import Admin
from writer.services.registry import Registry

log = logging.getLogger(__name__)

SERVICES: Final = ("cqc.services.v1.AssetRegistry", "cqc.writer.v1.RegistryAdmin")
READING: Final = ("Get", "List", "Search", "Check", "History", "Export")
HEALTH_TIMEOUT_S: Final = 2.0
#: Both relays, a probe's head and a key's look-up at the same time.
ASIDE_CONNECTIONS: Final = 4
#: Of the callers' connections, those that mutations leave to reads.
READ_CONNECTIONS: Final = 4


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def role_of(method: str) -> Role:
    return Role.READ if method.rpartition("/")[2].startswith(READING) else Role.WRITE


async def run(config: WriterConfig) -> None:
    """Serve until SIGTERM or SIGINT; running calls may finish within `drain_s`."""
    require_loopback(config)
    engine = make_engine(
        config.database_url,
        connections_max=config.database_connections_max,
        application="cqar-writer",
    )
    # Probes, keys and relays must not wait behind callers who wait for the head's lock.
    aside = make_engine(
        config.database_url, connections_max=ASIDE_CONNECTIONS, application="cqar-writer-aside"
    )
    heads = Heads(aside)
    wake = Wake()
    mutations = Mutations(
        engine, utc_now, wake.all, at_once_max=config.database_connections_max - READ_CONNECTIONS
    )
    publisher = Publisher(
        aside,
        mutations,
        wake,
        heads,
        database_url=config.database_url,
        nats_url=config.nats_url,
        poll_s=config.relay_poll_s,
    )
    keys = Keys(aside, utc_now)
    server = grpc_server.make_server(
        [
            AuthInterceptor(keys.find, role_of),
            ErrorInterceptor(),
            MinRevisionInterceptor(heads.reach),
        ]
    )
    reads = Reads(engine)
    add_AssetRegistryServicer_to_server(Registry(mutations, reads, utc_now), server)
    add_RegistryAdminServicer_to_server(Admin(mutations, engine, heads), server)
    servicer = health.aio.HealthServicer()
    grpc_server.add_health(server, servicer, SERVICES)
    stopping = asyncio.Event()

    async def report() -> Health:
        postgres = await _postgres_state(heads)
        components = {
            "postgres": postgres,
            "nats": "ok" if publisher.connected else "down: changes wait in the outbox",
        }
        return Health(postgres == "ok" and not stopping.is_set(), components)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    http = await telemetry.serve_http(config.http_listen, report)
    grpc_server.bind(server, config.grpc_listen)
    await server.start()
    publishing = asyncio.create_task(keep_going("publisher", publisher.run))
    await grpc_server.set_serving(servicer, SERVICES, serving=True)
    log.info("writer %s is up", about.version())

    await stopping.wait()
    log.info("stopping: running calls may take %g s", config.drain_s)
    await grpc_server.set_serving(servicer, SERVICES, serving=False)
    await server.stop(config.drain_s)
    await end(publishing)
    await http.cleanup()
    await engine.dispose()
    await aside.dispose()


async def _postgres_state(heads: Heads) -> str:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await heads.read()
    except (OSError, TimeoutError, sa.exc.SQLAlchemyError) as error:
        return f"down: {type(error).__name__}"
    return "ok"


def require_loopback(config: WriterConfig) -> None:
    if not config.plaintext_anywhere and not settings.is_loopback(config.grpc_listen):
        raise SystemExit(
            f"CQAR_WRITER_GRPC_LISTEN={config.grpc_listen} would send API keys in plaintext:"
            " listen on loopback, or say CQAR_WRITER_PLAINTEXT_ANYWHERE=true behind a TLS proxy"
        )
