"""A resolver in this process that serves gRPC, as a client sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub

from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.rpc.grpc_server import OPTIONS, Interceptor
from tests.support.follower_setup import resolving
from tests.support.grpc_front import FRONT
from tests.support.tcp_proxy import Link

WAIT_S = 30
SPELLING = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
#: Serves from a resolver until the block ends: `ask(follows=True)`.
Ask = Callable[..., Any]


def question(spelling: str = "BTCUSDT") -> pb.ResolveRequest:
    return pb.ResolveRequest(venue_id="binance", venue_symbol=spelling)


class Asked:
    """A resolver's own gRPC, as a client sees it, and its links to PostgreSQL and Redis."""

    def __init__(
        self,
        at: Served,
        channel: grpc.aio.Channel,
        database: Link,
        cache: Link,
    ) -> None:
        self.resolver, self.target = at
        self.database = database
        self.cache = cache
        self.own: Any = ResolverStub(channel)
        self.registry: Any = AssetRegistryStub(channel)

    async def answer(
        self, method: Any, request: Any, least: str = "", timeout_s: float = 10
    ) -> tuple[Any, dict[str, str]]:
        """The answer and its trailing metadata."""
        metadata = (("cqar-min-revision", least),) if least else ()
        call = method(request, metadata=metadata, timeout=timeout_s)
        answer = await call
        return answer, dict(await call.trailing_metadata())

    async def code(self, method: Any, request: Any, least: str = "", timeout_s: float = 10) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.answer(method, request, least, timeout_s)
        return caught.value.code()


class Served(NamedTuple):
    """A resolver and where it serves: 127.0.0.1:PORT."""

    resolver: Resolver
    target: str


@asynccontextmanager
async def served(
    config: ResolverConfig, *guards: Interceptor, follows: bool = True
) -> AsyncIterator[Served]:
    """A resolver that serves, of which nothing is loaded or followed unless `follows`.

    Args:
        guards: Instead of those that a resolver has.
    """

    @asynccontextmanager
    async def idle() -> AsyncIterator[Resolver]:
        resolver = Resolver(config)
        yield resolver
        await resolver.close()

    async with resolving(config) if follows else idle() as resolver:
        server = resolver.make_server(list(guards) or resolver.unguarded(), front=FRONT)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield Served(resolver, f"127.0.0.1:{port}")
        finally:
            await server.stop(None)


@asynccontextmanager
async def serving(
    config: ResolverConfig, *, follows: bool
) -> AsyncIterator[tuple[Resolver, grpc.aio.Channel]]:
    """The same, and a channel to it."""
    async with (
        served(config, follows=follows) as at,
        grpc.aio.insecure_channel(at.target, options=OPTIONS) as channel,
    ):
        yield at.resolver, channel
