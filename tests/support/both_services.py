"""AssetRegistry as a writer serves it and as a resolver does, on one database: asked alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from cqc.resolver.v1.resolver_pb2 import SNAPSHOT_STATE_LIVE
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.protocol.log_rows import HeadRow
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support.commits import drain, eventually, head_of
from tests.support.follower_setup import NEVER_S, resolving, stands_at
from tests.support.grpc_front import FRONT
from tests.support.writer_server import Client, serving

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
READS = ("Get", "List", "Check")
TIMEOUT_S = 30


class Served:
    """A writer: what changes and what reads goes to it."""

    def __init__(self, writer: Client) -> None:
        self.writer = writer

    async def call(self, rpc: str, **request: Any) -> Any:
        """Change something, or read what is committed."""
        answer, _ = await self.told(rpc, **request)
        return answer

    async def told(self, rpc: str, **request: Any) -> tuple[Any, dict[str, str]]:
        """The same with the answer's trailing metadata."""
        asked = getattr(pb, f"{rpc}Request")(**request)
        if rpc.startswith(READS):
            return await self.read(rpc, asked)
        return await self.writer.call(getattr(self.writer.registry, rpc), asked), {}

    async def read(self, rpc: str, asked: Any) -> tuple[Any, dict[str, str]]:
        metadata = (("x-api-key", self.writer.keys[Role.READ]),)
        return await answered(getattr(self.writer.registry, rpc), asked, *metadata)


class ServedTwice(Served):
    """A writer for changes, and a resolver for reads."""

    def __init__(
        self, writer: Client, resolver: Resolver, stub: Any, engine: AsyncEngine, relay: ChangeRelay
    ) -> None:
        super().__init__(writer)
        self.resolver = resolver
        self._stub = stub
        self._engine = engine
        self._relay = relay

    async def caught_up(self) -> HeadRow:
        """The writer's newest revision, once the resolver has it."""
        await drain(self._relay)
        head = await head_of(self._engine)
        at = (head.epoch, head.revision)
        await eventually(lambda: stands_at(self.resolver.view, *at), TIMEOUT_S)
        return head

    async def read(self, rpc: str, asked: Any) -> tuple[Any, dict[str, str]]:
        """Read at the writer's newest revision, and at no other."""
        return await self.read_at(await self.caught_up(), rpc, asked)

    async def read_at(self, head: HeadRow, rpc: str, asked: Any) -> tuple[Any, dict[str, str]]:
        """Read at this revision, which is the resolver's."""
        least = ("cqar-min-revision", f"{head.epoch}:{head.revision}")
        answer, told = await answered(getattr(self._stub, rpc), asked, least)
        assert told["cqar-revision"] == str(head.revision)
        return answer, told


class ServedStill(Served):
    """A resolver's reads of a registry that nobody changes any more."""

    def __init__(self, served: ServedTwice, head: HeadRow) -> None:
        super().__init__(served.writer)
        self._served = served
        self._head = head

    async def read(self, rpc: str, asked: Any) -> tuple[Any, dict[str, str]]:
        return await self._served.read_at(self._head, rpc, asked)


async def answered(method: Any, asked: Any, *metadata: tuple[str, str]) -> Any:
    """The answer and its trailing metadata."""
    call = method(asked, metadata=metadata, timeout=TIMEOUT_S)
    return await call, dict(await call.trailing_metadata())


@asynccontextmanager
async def resolver_served(
    config: ResolverConfig, now: dt.datetime
) -> AsyncIterator[tuple[Resolver, Any]]:
    """A resolver in this process, loaded, and its stub."""
    async with resolver_channel_of(config, now) as (resolver, channel):
        yield resolver, AssetRegistryStub(channel)


@asynccontextmanager
async def resolver_channel_of(
    config: ResolverConfig, now: dt.datetime
) -> AsyncIterator[tuple[Resolver, grpc.aio.Channel]]:
    """A resolver in this process, loaded, and a channel to it."""
    async with resolving(config, lambda: now) as resolver:
        server = resolver.make_server(resolver.unguarded(), front=FRONT)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        await eventually(lambda: resolver.view.is_complete, TIMEOUT_S)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield resolver, channel
        finally:
            await server.stop(None)


@asynccontextmanager
async def served(
    by: str, database: str, nats: str, engine: AsyncEngine, relay: ChangeRelay, now: dt.datetime
) -> AsyncIterator[Served]:
    """The registry, read by `writer` or `resolver`; somebody answers that one's probe."""
    async with serving(engine, now) as writer:
        if by == "writer":
            yield Served(writer)
            return
        # What one of its probes confirms stays good for the test's time.
        config = ResolverConfig(
            database_url=database, nats_url=nats, probe_every_s=0.5, stale_after_s=NEVER_S
        )
        async with resolver_served(config, now) as (resolver, stub):
            await eventually(lambda: resolver.view.state == SNAPSHOT_STATE_LIVE, TIMEOUT_S)
            yield ServedTwice(writer, resolver, stub, engine, relay)
