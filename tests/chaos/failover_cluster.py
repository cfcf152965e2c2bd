"""Two writers, three resolvers, a synchronous standby, and a link between every pair of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cqar.embedded.servers import EmbeddedServers
from tests.chaos.cluster import WRITERS, Cluster, cluster_on
from tests.chaos.network_faults import links_of
from tests.support.service_processes import migrate
from tests.support.standby_servers import HOST, Server, Servers, servers_in
from tests.support.tcp_proxy import Link

LAB_RESOLVERS: Final = ("resolver-1", "resolver-2", "resolver-3")
#: Whoever asks PostgreSQL for the tests themselves.
OPERATOR: Final = "operator"
PEERS: Final = ("database", "nats", "redis")


@dataclass
class FailoverCluster:
    """All of it.

    Attributes:
        links: By `SERVICE PEER`, such as `writer-1 nats`.
        primary: The registry's database, where every link leads once all is settled.
        standbys: What follows it, one of them synchronous.
    """

    cluster: Cluster
    links: dict[str, Link]
    servers: Servers
    primary: Server
    standbys: list[Server] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def lead(self, server: Server, *services: str, keep: bool = False) -> None:
        """Lead services' links to PostgreSQL to another server; all of them if none is named.

        Args:
            keep: Whether the connections that they have stay where they are.
        """
        for name, link in self.links.items():
            service, _, peer = name.partition(" ")
            if peer == "database" and service in (services or (service,)):
                link.to(HOST, server.port, keep=keep and service != OPERATOR)

    async def add_standby(self, *, lag_s: float = 0.0) -> Server:
        name = f"standby_{next(self._numbers)}"
        standby = await self.servers.standby(self.primary, name, lag_s=lag_s)
        self.standbys.append(standby)
        return standby

    async def settle(self) -> None:
        """One primary, where all links lead, and one standby, without which nothing is made."""
        if not self.standbys:
            await self.add_standby()
        standby = self.standbys[0]
        await self.primary.waits_for(standby)
        self.standbys = [standby]
        gone = [one for one in self.servers.made if one not in (self.primary, standby)]
        for server in gone:
            await self.servers.remove(server)
        self.lead(self.primary)

    def promoted(self, server: Server) -> None:
        """It is the registry's database from now on, and nothing follows it."""
        self.primary = server
        self.standbys = []


@asynccontextmanager
async def failover_cluster_on(
    servers: EmbeddedServers, folder: Path, databases: Path
) -> AsyncIterator[FailoverCluster]:
    """A lab on these servers' NATS and Redis, with PostgreSQL servers of its own.

    Args:
        databases: A folder that PostgreSQL's account can reach.
    """
    async with servers_in(databases) as made:
        primary = await made.primary()
        await migrate(primary.dsn, "upgrade")
        urls = {"database": primary.dsn, "nats": servers.nats, "redis": servers.redis}
        services = (*WRITERS, *LAB_RESOLVERS, OPERATOR)
        async with links_of(services, **urls) as (links, through):
            database = through[OPERATOR]["database_url"]
            async with cluster_on(servers, database, folder, through, LAB_RESOLVERS) as cluster:
                lab = FailoverCluster(cluster, links, made, primary)
                await lab.settle()
                yield lab
