"""A writer in this process, and what a resolver beside it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client as Nats

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_resolver.fallback import single_flight
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.follower_setup import writing
from tests.support.sdk_setup import WAIT_S


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch, client: Nats) -> None:
    """Tests share two slow cores: what is tried is not whether PostgreSQL takes 250 ms."""
    assert client.is_connected
    monkeypatch.setattr(single_flight, "BUDGET_S", WAIT_S)


@pytest.fixture
def config(servers: EmbeddedServers, database: str) -> ResolverConfig:
    return ResolverConfig(database_url=database, nats_url=servers.nats, probe_every_s=0.1)


@pytest.fixture
async def mutations(servers: EmbeddedServers, database: str) -> AsyncIterator[Mutations]:
    """Those of a writer that publishes what it commits."""
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    async with writing(settings) as writer:
        yield writer.mutations
