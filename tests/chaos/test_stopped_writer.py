"""A writer that is stopped (SIGSTOP) for long: the others and every resolver go on without it."""

from __future__ import annotations

import asyncio
from typing import Final

from cqc.resolver.v1 import resolver_pb2 as pb

from tests.chaos.cluster import Cluster
from tests.chaos.convergence import HEAL_S, require_equal
from tests.chaos.soak_settings import CHAOS_SECONDS
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.service_processes import Running

#: Half of all probes went to it, and a resolver was STALE for a third of the time.
STOPPED_S: Final = 20.0 if CHAOS_SECONDS else 10.0
ASKED_APART_S: Final = 0.25


async def states(cluster: Cluster, resolver: Running) -> set[int]:
    """What a resolver says of itself for a while."""
    found: set[int] = set()
    loop = asyncio.get_running_loop()
    until_s = loop.time() + STOPPED_S
    while loop.time() < until_s:
        status = await cluster.status(resolver)
        if status is not None:
            found.add(status.freshness.state)
        await asyncio.sleep(ASKED_APART_S)
    return found


async def test_resolvers_stay_live_and_another_writer_leads_while_one_is_stopped(
    cluster: Cluster,
) -> None:
    await require_equal(cluster)
    stopped = await cluster.leader()
    stopped.pause()
    try:
        told = await asyncio.gather(*(states(cluster, one) for one in cluster.resolvers))
        assert told == [{pb.SNAPSHOT_STATE_LIVE}] * len(cluster.resolvers)

        async def another_leads() -> bool:
            return await cluster.leader() is not stopped

        await eventually(another_leads, HEAL_S)
        await commit(cluster.mutations, a_venue("while-one-is-stopped"))
        await require_equal(cluster)
    finally:
        stopped.resume()
    await cluster.until_ready()
    await require_equal(cluster)
