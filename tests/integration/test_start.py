"""A resolver that starts while NATS is away: PostgreSQL is enough to begin with."""

from __future__ import annotations

import asyncio

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.embedded.servers import EmbeddedServers
from resolver import app
from resolver.config import ResolverConfig
from resolver.freshness import Freshness
from resolver.view import View
from tests.builders import a_venue
from tests.changes import commit
from writer.mutations import Mutations

TIMEOUT_S = 30


async def test_it_loads_without_nats_and_says_that_it_cannot_confirm_what_it_has(
    servers: EmbeddedServers, database: str, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    await servers.kill("nats")
    view = View(Freshness(2.0))
    config = ResolverConfig(database_url=database, nats_url=servers.nats, probe_every_s=0.2)
    following = asyncio.create_task(app._follow(config, view))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await view.loaded.wait()
            assert view.snapshot.get("venue", "binance") is not None
            while view.freshness.state != pb.SNAPSHOT_STATE_STALE:
                await asyncio.sleep(0.05)
    finally:
        await servers.restart("nats")
        following.cancel()
        await asyncio.wait([following])
