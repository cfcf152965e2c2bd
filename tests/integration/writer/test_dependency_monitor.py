"""What a writer stands on is measured as it is, and as it is not there."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import AsyncIterator

import pytest
from nats.js import JetStreamContext
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.messaging.jetstream import CHANGES, EVENTS
from cqar_shared.redis_store.cache import Cache, Unavailable
from cqar_shared.runtime.circuit_breaker import FAILURES_MAX
from cqar_shared.runtime.tasks import end, supervise
from cqar_shared.runtime.telemetry import DEPENDENCY_UP
from cqar_shared.sql.postgres import make_engine
from cqar_shared.trust.key_text import hash_of
from cqar_writer import metrics
from cqar_writer.database.head import HeadReader
from cqar_writer.dependency_monitor import DependencyMonitor
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from cqar_writer.relays.publisher import CommitSignal, Publisher
from tests.support.commits import commit, eventually
from tests.support.entity_builders import NOW, a_venue, an_id
from tests.support.integrity_keys import KEYRING

NOWHERE = "nats://127.0.0.1:1"


@pytest.fixture(autouse=True)
def told_by_nobody_else() -> None:
    """A resolver of this process may have said how its own are to be looked at."""
    DEPENDENCY_UP.clear()


def value(gauge: Gauge) -> float:
    ((sample,),) = (metric.samples for metric in gauge.collect())
    return sample.value


def publisher(
    engine: AsyncEngine, mutations: Mutations, database: str, nats: str = NOWHERE
) -> Publisher:
    return Publisher(
        engine,
        mutations,
        CommitSignal(),
        HeadReader(engine),
        database_url=database,
        nats_url=nats,
        poll_s=0.2,
    )


@pytest.fixture
async def connected(
    servers: EmbeddedServers,
    engine: AsyncEngine,
    database: str,
    mutations: Mutations,
    js: JetStreamContext,
) -> AsyncIterator[Publisher]:
    made = publisher(engine, mutations, database, servers.nats)
    running = asyncio.create_task(supervise("publisher", made.run))
    yield made
    await end(running)


@pytest.fixture
def alone(engine: AsyncEngine, mutations: Mutations, database: str) -> DependencyMonitor:
    """Without NATS and Redis."""
    return DependencyMonitor(engine, publisher(engine, mutations, database), None, lambda: NOW)


async def test_streams_are_measured_with_their_limits(
    engine: AsyncEngine, connected: Publisher, mutations: Mutations, js: JetStreamContext
) -> None:
    await commit(mutations, a_venue())
    surroundings = DependencyMonitor(engine, connected, None, lambda: NOW)

    async def measured() -> bool:
        await surroundings.look()
        held = (value(metrics.STREAM_MESSAGES.labels(name)) for name in (CHANGES, EVENTS))
        up = (value(DEPENDENCY_UP.labels(name)) for name in ("nats", "postgres"))
        return all(held) and all(up)

    await eventually(measured)
    for stream in (CHANGES, EVENTS):
        assert 0 < value(metrics.STREAM_BYTES.labels(stream)) < 100_000
        assert value(metrics.STREAM_BYTES_MAX.labels(stream)) == 8 * 1024**3
    assert value(metrics.STORAGE_BYTES) > 0
    assert value(metrics.STORAGE_BYTES_MAX) == math.inf  # as this server is set up
    limits = (await js.stream_info(CHANGES)).config
    await js.update_stream(limits.evolve(max_bytes=1_000_000))
    await surroundings.look()
    assert value(metrics.STREAM_BYTES_MAX.labels(CHANGES)) == 1_000_000


async def test_the_outbox_is_seen_to_grow_while_nats_is_away(
    alone: DependencyMonitor, mutations: Mutations, relay: ChangeRelay
) -> None:
    await commit(mutations, a_venue())
    while await relay.step(leads=True):
        pass
    assert value(metrics.OUTBOX_LAG) == 0
    for name in ("kraken", "okx"):
        newest = await commit(mutations, a_venue(name))
    await alone.look()
    assert value(DEPENDENCY_UP.labels("nats")) == 0
    assert value(metrics.OUTBOX_LAG) == 2
    assert value(metrics.REVISION) == newest


async def test_a_database_that_is_away_is_said_to_be(
    mutations: Mutations, engine: AsyncEngine, database: str
) -> None:
    nowhere = make_engine("postgresql://127.0.0.1:1/none", connections_max=1, application="t")
    away = DependencyMonitor(nowhere, publisher(engine, mutations, database), None, lambda: NOW)
    await away.look()
    assert value(DEPENDENCY_UP.labels("postgres")) == 0
    await nowhere.dispose()


async def test_redis_is_up_while_its_breaker_is_closed(
    engine: AsyncEngine, mutations: Mutations, database: str, servers: EmbeddedServers
) -> None:
    for url, up in ((servers.redis, 1), ("unix:///nowhere/redis.sock", 0)):
        cache = Cache(url, KEYRING, timeout_s=5)
        for _ in range(FAILURES_MAX):
            try:
                await cache.read([])
            except Unavailable:
                assert up == 0
        made = publisher(engine, mutations, database)
        await DependencyMonitor(engine, made, cache, lambda: NOW).look()
        assert value(DEPENDENCY_UP.labels("redis")) == up
        await cache.close()


async def test_the_first_valid_key_to_end_is_told(
    alone: DependencyMonitor, mutations: Mutations
) -> None:
    def a_key(number: int, days: int | None, *, revoked: bool = False) -> ApiKey:
        return ApiKey(
            key_id=an_id(f"key-{number}"),
            key_hash=hash_of(str(number)),
            actor=f"desk-{number}",
            role=Role.READ,
            expires_at=None if days is None else NOW + dt.timedelta(days=days),
            revoked_at=NOW if revoked else None,
        )

    await commit(mutations, a_key(1, None))
    await alone.look()
    assert value(metrics.KEY_END) == math.inf
    await commit(mutations, a_key(2, 30), a_key(3, 9), a_key(4, 2, revoked=True))
    await alone.look()
    assert value(metrics.KEY_END) == (NOW + dt.timedelta(days=9)).timestamp()
