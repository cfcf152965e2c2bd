"""Fixtures backed by real servers, started by the session itself. Nothing here is a mock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import hypothesis
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers, embedded_servers
from cqar_resolver.replication.freshness import StalenessBound
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging import jetstream, nats_connection, streams
from cqar_shared.sql.postgres import make_engine
from cqar_writer.database.head import HeadReader
from cqar_writer.mutations import Mutations
from cqar_writer.relays import event_relay
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support.entity_builders import NOW
from tests.support.follower_setup import Follow, follow_into
from tests.support.memory_folder import server_folder
from tests.support.service_processes import migrate

# How long an example takes says how busy the machine is: timings are benchmarks, not tests.
hypothesis.settings.register_profile("cqar", deadline=None)
hypothesis.settings.load_profile("cqar")

TEMPLATE = "cqar_template"
_numbers = itertools.count()


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[EmbeddedServers]:
    """PostgreSQL, NATS and Valkey for the whole session, without fsync."""
    with server_folder() as folder:
        async with embedded_servers(folder / "servers", durable=False) as running:
            yield running


def at_database(dsn: str, name: str) -> str:
    return f"{dsn.rsplit('/', 1)[0]}/{name}"


async def execute_alone(dsn: str, statement: str) -> None:
    """Run a statement that PostgreSQL forbids inside a transaction."""
    connection = await asyncpg.connect(at_database(dsn, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template(servers: EmbeddedServers) -> str:
    """A migrated, empty database; copying it takes 40 ms, migrating two seconds."""
    await execute_alone(servers.postgres, f"CREATE DATABASE {TEMPLATE}")
    await migrate(at_database(servers.postgres, TEMPLATE), "upgrade")
    return TEMPLATE


@pytest.fixture
async def database(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """A database of this test's own (its DSN), so commits are real and order does not matter."""
    name = f"cqar_test_{next(_numbers)}"
    # By files: the default goes through the log, and takes twice as long.
    copy = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
    await execute_alone(servers.postgres, copy)
    yield at_database(servers.postgres, name)
    await execute_alone(servers.postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database, connections_max=8, application="cqar-test")
    yield engine
    await engine.dispose()


@pytest.fixture
def mutations(engine: AsyncEngine) -> Mutations:
    return Mutations(engine, lambda: NOW)


@asynccontextmanager
async def without_streams(nats: str) -> AsyncIterator[Client]:
    """A connection to NATS, where neither of the registry's streams is left from before."""
    client = await nats_connection.connect(nats, "cqar-test")
    for stream in (jetstream.CHANGES, jetstream.EVENTS):
        with suppress(NotFoundError):
            await client.jetstream().delete_stream(stream)
    try:
        yield client
    finally:
        await nats_connection.close(client)


@pytest.fixture
async def client(servers: EmbeddedServers) -> AsyncIterator[Client]:
    async with without_streams(servers.nats) as connected:
        yield connected


@pytest.fixture
async def js(client: Client) -> JetStreamContext:
    """JetStream with both streams made, and empty."""
    js = client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
    await streams.ensure_stream(js, streams.changes_config())
    await streams.ensure_stream(js, streams.events_config(event_relay.subjects()))
    return js


@pytest.fixture
def relay(engine: AsyncEngine, js: JetStreamContext, mutations: Mutations) -> ChangeRelay:
    return ChangeRelay(engine, js, mutations.bump_epoch)


@pytest.fixture
async def heads(engine: AsyncEngine, client: Client) -> None:
    """A writer's answers to probes, and nothing else of a writer: they confirm what is loaded."""
    await jetstream.serve(client, jetstream.HEAD_SUBJECT, HeadReader(engine).answer)
    await client.flush()


@pytest.fixture
def view() -> ReplicaState:
    return ReplicaState(StalenessBound(stale_after_s=60))


@pytest.fixture
def follow(database: str, client: Client, view: ReplicaState) -> Follow:
    return follow_into(view, database, client)
