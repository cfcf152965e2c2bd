"""Two writers, two resolvers and the servers that they stand on, each of which may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers, embedded_servers
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.messaging import jetstream, nats_connection
from cqar_shared.sql.postgres import make_engine
from cqar_writer.api_keys import create_key
from cqar_writer.app import utc_now
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.kind_lifecycles import one_of_each
from tests.support.load_clients import Writer
from tests.support.service_processes import START_S, Running, begin, migrate, pick_listens
from tests.support.tcp_proxy import Link, link_to

WRITERS: Final = ("writer-1", "writer-2")
RESOLVERS: Final = ("resolver-1", "resolver-2")
#: A client's patience with one call of a writer, which may be stopped.
WRITE_TIMEOUT_S: Final = 3.0
#: gRPC's own 1 s, growing to 2 min, would hide how soon a service is there again.
RECONNECTING: Final[list[tuple[str, Any]]] = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]
ROUND_ROBIN: Final = ("grpc.lb_policy_name", "round_robin")


@dataclass
class Cluster:
    """Everything that runs, and how clients reach it.

    Attributes:
        database: The DSN, past any link that a test may stall.
        key: Of a client that may do all.
        channels: By address; `beside` reaches both resolvers behind one, `to_writers` lead
            through `links`.
    """

    servers: EmbeddedServers
    database: str
    engine: AsyncEngine
    mutations: Mutations
    writers: list[Running]
    resolvers: list[Running]
    key: str
    channels: dict[str, grpc.aio.Channel]
    beside: grpc.aio.Channel
    to_writers: list[grpc.aio.Channel]
    links: list[Link]

    @property
    def services(self) -> list[Running]:
        return [*self.writers, *self.resolvers]

    def clients(self) -> list[Writer]:
        """A client of each writer."""
        return [Writer(channel, self.key, WRITE_TIMEOUT_S) for channel in self.to_writers]

    def reads(self) -> list[Any]:
        """The registry's reads at each resolver, and at both behind one address."""
        channels = [self.channels[one.grpc] for one in self.resolvers]
        return [AssetRegistryStub(channel) for channel in (*channels, self.beside)]

    async def status(self, resolver: Running) -> pb.GetStatusResponse | None:
        """What a resolver says of itself; None where it does not answer."""
        stub: Any = ResolverStub(self.channels[resolver.grpc])
        try:
            found: pb.GetStatusResponse = await stub.GetStatus(pb.GetStatusRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return None
        return found

    async def leader(self) -> Running:
        """The writer whose relay leads; waits until one does."""
        found: list[Running] = []

        async def one_leads() -> bool:
            found[:] = [one for one in self.writers if await _leads(one)]
            return len(found) == 1

        await eventually(one_leads, START_S)
        return found[0]

    async def other_writer(self) -> Running:
        """A writer whose relay does not lead."""
        leader = await self.leader()
        return next(one for one in self.writers if one is not leader)

    async def until_ready(self) -> None:
        await asyncio.gather(*(one.until_ready() for one in self.services))

    @asynccontextmanager
    async def jetstream(self) -> AsyncIterator[tuple[Client, JetStreamContext]]:
        """An operator's own connection to NATS."""
        client = await nats_connection.connect(self.servers.nats, "cqar-chaos")
        try:
            yield client, client.jetstream(timeout=jetstream.REQUEST_TIMEOUT_S)
        finally:
            await nats_connection.close(client)


async def _leads(writer: Running) -> bool:
    if writer.process.returncode is not None:
        return False
    try:
        async with asyncio.timeout(2):
            _, text = await writer.get("/metrics")
    except (OSError, TimeoutError):
        return False
    return "\ncqar_relay_leader 1.0" in text


@asynccontextmanager
async def cluster_on_own_servers(folder: Path) -> AsyncIterator[Cluster]:
    """A cluster whose servers may be killed: durable, so that nothing acknowledged may be lost."""
    async with embedded_servers(folder / "servers", durable=True) as servers:
        await migrate(servers.postgres, "upgrade")
        async with cluster_on(servers, servers.postgres, folder) as cluster:
            yield cluster


@asynccontextmanager
async def cluster_on(
    servers: EmbeddedServers,
    database: str,
    folder: Path,
    through: dict[str, dict[str, str]] | None = None,
    named: tuple[str, ...] = RESOLVERS,
) -> AsyncIterator[Cluster]:
    """A cluster over a migrated, empty database, with an entity of every kind in it.

    Args:
        through: Service -> settings that lead it elsewhere (`nats_url=…`), past the servers' own.
        named: The resolvers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    urls = {"database_url": database, "nats_url": servers.nats, "redis_url": servers.redis}
    engine = make_engine(database, connections_max=4, application="cqar-chaos")
    mutations = Mutations(engine, utc_now)
    await commit(mutations, *one_of_each())
    key = await create_key(mutations, "chaos", Role.ADMIN)
    listens = pick_listens(*WRITERS, *named)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        services: dict[str, Running] = {}
        for name, listen in listens.items():
            program = name.partition("-")[0]
            own = last_good(folder / f"{name}.last-good") if program == "resolver" else {}
            settings = {**urls, **listen, **own, **(through or {}).get(name, {})}
            services[name] = await begin(program, folder / f"{name}.log", **settings)
            stack.push_async_callback(services[name].kill)
        channels = {
            one.grpc: await stack.enter_async_context(_channel(one.grpc))
            for one in services.values()
        }
        writers, resolvers = ([services[name] for name in names] for names in (WRITERS, named))
        both = "ipv4:" + ",".join(one.grpc for one in resolvers)
        beside = await stack.enter_async_context(_channel(both, ROUND_ROBIN))
        ways = [await stack.enter_async_context(_linked(one.grpc)) for one in writers]
        links, to_writers = map(list, zip(*ways, strict=True))
        cluster = Cluster(
            *(servers, database, engine, mutations, writers, resolvers),
            *(key, channels, beside, to_writers, links),
        )
        await cluster.until_ready()
        yield cluster


def last_good(path: Path) -> dict[str, str]:
    return {"last_good_file": str(path), "last_good_every_s": "0.5"}


def _channel(target: str, *options: tuple[str, Any]) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, options=[*RECONNECTING, *options])


@asynccontextmanager
async def _linked(address: str) -> AsyncIterator[tuple[Link, grpc.aio.Channel]]:
    async with (
        link_to(f"grpc://{address}") as (link, url),
        _channel(url.removeprefix("grpc://")) as channel,
    ):
        yield link, channel
