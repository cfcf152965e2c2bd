"""A resolver that starts while NATS is away: PostgreSQL is enough to begin with."""

from __future__ import annotations

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.embedded.servers import EmbeddedServers
from resolver.config import ResolverConfig
from tests.builders import a_venue
from tests.changes import commit, eventually
from tests.following import resolving
from writer.mutations import Mutations

TIMEOUT_S = 30


async def test_it_loads_without_nats_and_says_that_it_cannot_confirm_what_it_has(
    servers: EmbeddedServers, database: str, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    await servers.kill("nats")
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.2, stale_after_s=2
    )
    try:
        async with resolving(config) as resolver:
            view = resolver.view
            await eventually(lambda: view.is_complete, TIMEOUT_S)
            assert view.snapshot.get("venue", "binance") is not None
            await eventually(lambda: view.state == pb.SNAPSHOT_STATE_STALE, TIMEOUT_S)
            assert "no writer answers" in view.reason
    finally:
        await servers.restart("nats")
