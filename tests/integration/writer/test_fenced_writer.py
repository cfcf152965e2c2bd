"""Two writers, each with a database of its own of one registry, on one NATS: no war of epochs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_writer.api_keys import create_key
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal_of
from tests.support.commits import commit, eventually
from tests.support.entity_builders import NOW, a_venue
from tests.support.moving_address import Address, copied, dropped, promoted
from tests.support.service_processes import Running, service

pb: Any = asset_registry_pb2
Code = grpc.StatusCode
#: Only bounds a failure: machines of tests are busy.
PATIENCE_S = 60.0
#: What a failover and its discovery may take; the war made 200 within half a minute.
EPOCHS_MAX = 4


@dataclass
class Two:
    """The databases, and a key that both know.

    Attributes:
        address: Leads to the older.
    """

    address: Address
    older: str
    later: str
    key: str


@pytest.fixture
async def two(database: str, addresses: Path) -> AsyncIterator[Two]:
    assert addresses
    engine = make_engine(database, connections_max=1, application="cqar-test")
    mutations = Mutations(engine, lambda: NOW)
    await commit(mutations, a_venue())
    key = await create_key(mutations, "tester", Role.WRITE)
    await dispose(engine)
    later = await copied(database)
    await promoted(later)
    yield Two(Address(database), database, later, key)
    await dropped(later)


class Caller:
    """Creates assets at one writer."""

    def __init__(self, writer: Running, key: str) -> None:
        self.channel = grpc.aio.insecure_channel(writer.grpc)
        self._stub: Any = AssetRegistryStub(self.channel)
        self._health: Any = HealthStub(self.channel)
        self._key = key
        self._names = itertools.count()

    async def create(self) -> tuple[Code, str]:
        """The status of one more, and its reason."""
        request = pb.CreateAssetRequest(symbol=f"A{next(self._names)}", name="A", asset_type=1)
        try:
            await self._stub.CreateAsset(
                request, metadata=(("x-api-key", self._key),), timeout=PATIENCE_S
            )
        except grpc.aio.AioRpcError as error:
            found = refusal_of(error)
            return found.code, found.reason
        return Code.OK, ""

    async def read(self) -> tuple[Code, str]:
        request = pb.ListAssetsRequest()
        try:
            await self._stub.ListAssets(
                request, metadata=(("x-api-key", self._key),), timeout=PATIENCE_S
            )
        except grpc.aio.AioRpcError as error:
            found = refusal_of(error)
            return found.code, found.reason
        return Code.OK, ""

    async def is_serving(self) -> bool:
        answer = await self._health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def epoch_of(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        found: int = await connection.fetchval("SELECT epoch FROM registry_head")
    finally:
        await connection.close()
    return found


async def test_the_older_is_fenced_and_goes_on_once_its_address_leads_to_the_later(
    servers: EmbeddedServers, client: Client, two: Two, tmp_path: Path
) -> None:
    assert client.is_connected
    folders = [tmp_path / name for name in ("older", "later")]
    for folder in folders:
        folder.mkdir()
    urls = [{"database_url": url, "nats_url": servers.nats} for url in (two.address.url, two.later)]
    async with (
        service("writer", folders[0], **urls[0]) as at_older,
        service("writer", folders[1], **urls[1]) as at_later,
    ):
        older, later = Caller(at_older, two.key), Caller(at_later, two.key)

        async def is_fenced() -> bool:
            """With changes at both, as their callers would make."""
            assert (await later.create())[0] is Code.OK
            found = await older.create()
            assert found[0] in (Code.OK, Code.UNAVAILABLE)
            return found == (Code.UNAVAILABLE, "FENCED")

        await eventually(is_fenced, PATIENCE_S)
        assert await older.read() == (Code.UNAVAILABLE, "FENCED")
        status, text = await at_older.get("/health/ready")
        assert status == 503
        assert "FENCED" in text
        assert "cqar_writer_fenced 1.0" in (await at_older.get("/metrics"))[1]

        async def says_so() -> bool:
            return not await older.is_serving()

        await eventually(says_so, PATIENCE_S)
        epochs = [await epoch_of(two.older), await epoch_of(two.later)]
        for _ in range(20):
            assert (await later.create())[0] is Code.OK
        assert (await at_later.get("/health/ready"))[0] == 200
        assert "cqar_writer_fenced 0.0" in (await at_later.get("/metrics"))[1]
        assert [await epoch_of(two.older), await epoch_of(two.later)] == epochs
        assert max(epochs) <= EPOCHS_MAX

        two.address.lead_to(two.later)
        await at_older.until_ready()

        async def answers() -> bool:
            return (await older.read())[0] is Code.OK and await older.is_serving()

        await eventually(answers, PATIENCE_S)
        assert await epoch_of(two.later) == epochs[1]
        for caller in (older, later):
            await caller.channel.close()
