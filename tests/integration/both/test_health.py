"""gRPC's own health, asked, listed and watched, on every server and front."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from cqar_resolver import app as resolving
from cqar_resolver.app import Resolver
from cqar_resolver.config import Front, ResolverConfig
from cqar_shared.rpc import grpc_server, health
from cqar_writer import app as writing
from cqar_writer.app import WriterApp
from cqar_writer.config import WriterConfig
from tests.support.call_errors import refusal
from tests.support.commits import eventually

pb: Any = health_pb2
SERVING, NOT_SERVING = pb.HealthCheckResponse.SERVING, pb.HealthCheckResponse.NOT_SERVING
NOWHERE = {"database_url": "postgresql://nobody@127.0.0.1:9/none", "nats_url": "nats://127.0.0.1:9"}
TIMEOUT_S = 20


@asynccontextmanager
async def health_of(
    name: str, front: Front, folder: Path
) -> AsyncIterator[tuple[health.GrpcHealth, str]]:
    """A server that asks for keys, where it can, and its address; nothing stands behind it."""
    service: WriterApp | Resolver
    if name == "writer":
        service = WriterApp(WriterConfig(**NOWHERE))
        server = service.make_server()
    else:
        service = Resolver(ResolverConfig(**NOWHERE, grpc_listen="0.0.0.0:9091"))
        server = service.make_server(service.guards(), front=front)
    if name == "socket":
        target = f"unix:{folder / 'socket'}"
        grpc_server.bind_socket(server, folder / "socket")
    else:
        target = f"127.0.0.1:{grpc_server.bind(server, '127.0.0.1:0')}"
    await server.start()
    try:
        yield service.health, target
    finally:
        await server.stop(None)


EVERYWHERE = pytest.mark.parametrize(
    ("name", "front"),
    [("writer", "aio"), ("resolver", "aio"), ("socket", "aio"), ("resolver", "native")],
)


@EVERYWHERE
async def test_it_is_asked_listed_and_watched_without_a_key(
    name: str, front: Front, tmp_path: Path
) -> None:
    services = writing.SERVICES if name == "writer" else resolving.SERVICES
    async with (
        health_of(name, front, tmp_path) as (state, target),
        grpc.aio.insecure_channel(target) as channel,
    ):
        stub: Any = HealthStub(channel)
        for service in ("", *services):
            asked = pb.HealthCheckRequest(service=service)
            watched = stub.Watch(asked, timeout=TIMEOUT_S)
            assert (await watched.read()).status == NOT_SERVING
            state.set_serving(serving=True)
            assert (await watched.read()).status == SERVING
            assert (await stub.Check(asked, timeout=TIMEOUT_S)).status == SERVING
            state.set_serving(serving=False)
            assert (await watched.read()).status == NOT_SERVING
            watched.cancel()
        listed = await stub.List(pb.HealthListRequest(), timeout=TIMEOUT_S)
        assert {one: found.status for one, found in listed.statuses.items()} == dict.fromkeys(
            ("", *services), NOT_SERVING
        )
        unknown = pb.HealthCheckRequest(service="no.Such")
        code = (await refusal(stub.Check(unknown, timeout=TIMEOUT_S))).code
        assert code is grpc.StatusCode.NOT_FOUND
        watched = stub.Watch(unknown, timeout=TIMEOUT_S)
        assert (await watched.read()).status == pb.HealthCheckResponse.SERVICE_UNKNOWN
        ending = stub.Watch(pb.HealthCheckRequest(), timeout=TIMEOUT_S)
        await ending.read()
        state.end()
        assert await ending.code() is grpc.StatusCode.OK


@EVERYWHERE
async def test_a_client_that_checks_health_connects_and_goes_where_it_is_served(
    name: str, front: Front, tmp_path: Path
) -> None:
    """As gRPC's own clients do it: service config with healthCheckConfig, and round robin."""
    service = (writing.SERVICES if name == "writer" else resolving.SERVICES)[0]
    config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service},
    }
    options = [("grpc.service_config", json.dumps(config))]
    async with (
        health_of(name, front, tmp_path) as (state, target),
        grpc.aio.insecure_channel(target, options=options) as channel,
    ):
        ready = asyncio.create_task(_until(channel, grpc.ChannelConnectivity.READY))
        await asyncio.sleep(0.3)
        assert not ready.done()
        state.set_serving(serving=True)
        async with asyncio.timeout(TIMEOUT_S):
            await ready
        # Answered: by a server without anything behind it, which is no matter here.
        call: Any = (
            AssetRegistryStub(channel).GetVenue(asset_registry_pb2.GetVenueRequest())
            if name == "writer"
            else ResolverStub(channel).GetStatus(resolver_pb2.GetStatusRequest())
        )
        told = (await call.trailing_metadata()) or ()
        assert await call.code() is not grpc.StatusCode.UNKNOWN
        assert isinstance(tuple(told), tuple)


async def _until(channel: grpc.aio.Channel, wanted: grpc.ChannelConnectivity) -> None:
    while (state := channel.get_state(try_to_connect=True)) is not wanted:
        await channel.wait_for_state_change(state)


async def test_one_client_watches_so_often_and_another_is_served_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WATCHERS_EACH", 3)
    asked = pb.HealthCheckRequest()
    async with (
        health_of("resolver", "aio", tmp_path) as (_, target),
        grpc.aio.insecure_channel(target) as loud,
        grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as quiet,
    ):
        stub: Any = HealthStub(loud)
        held = [stub.Watch(asked, timeout=TIMEOUT_S) for _ in range(3)]
        for one in held:
            await one.read()
        found = await refusal(_read(stub.Watch(asked, timeout=TIMEOUT_S)))
        assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        other: Any = HealthStub(quiet)
        assert (await other.Watch(asked, timeout=TIMEOUT_S).read()).status == NOT_SERVING
        held.pop().cancel()

        async def is_let_in() -> bool:
            one = stub.Watch(asked, timeout=TIMEOUT_S)
            held.append(one)
            try:
                await _read(one)
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(is_let_in, TIMEOUT_S)


async def _read(call: Any) -> Any:
    return [answer async for answer in _first(call)]


async def _first(call: Any) -> AsyncIterator[Any]:
    async for answer in call:
        yield answer
        return
