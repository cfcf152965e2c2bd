"""What resolvers say of their staleness is never less than the truth, whichever link stalls.

CQAR_STALENESS_SECONDS says for how long links are troubled (5), CQAR_CHAOS_SEED=n troubles them
alike again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.embedded.servers import EmbeddedServers
from tests.chaos.cluster import RESOLVERS, WRITERS, Cluster, cluster_on
from tests.chaos.convergence import require_equal
from tests.chaos.network_faults import links_of, slow, stall, storm
from tests.chaos.readers import Reader
from tests.chaos.soak_settings import STALENESS_SECONDS, chaos_seed
from tests.chaos.staleness_check import (
    StalenessClaim,
    StalenessRecord,
    ask_steadily,
    commit_steadily,
    states_of,
)
from tests.conftest import at_database, execute_alone, without_streams
from tests.support.commits import commit, eventually, head_of, running
from tests.support.entity_builders import an_asset
from tests.support.service_processes import START_S
from tests.support.tcp_proxy import Link

#: An idle registry's resolvers ask for the head once a second.
IDLE_S = 3.0
IDLE_STALENESS_MS = 2_000
TURNS = 6
FIRST_S = 3.0
DATABASE = "cqar_linked"
LIVE = pb.SNAPSHOT_STATE_LIVE

log = logging.getLogger(__name__)


class LinkedCluster(NamedTuple):
    cluster: Cluster
    links: dict[str, Link]


@pytest.fixture(scope="module")
async def linked(
    servers: EmbeddedServers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LinkedCluster]:
    """A cluster whose every service has links of its own to PostgreSQL and NATS."""
    await execute_alone(servers.postgres, f"CREATE DATABASE {DATABASE} TEMPLATE {template}")
    database = at_database(servers.postgres, DATABASE)
    async with without_streams(servers.nats):
        pass  # other tests' streams are of other registries
    async with (
        links_of((*WRITERS, *RESOLVERS), database=database, nats=servers.nats) as (links, through),
        cluster_on(servers, database, tmp_path_factory.mktemp("linked"), through) as cluster,
    ):
        yield LinkedCluster(cluster, links)


@asynccontextmanager
async def all_running(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Run them beside the block; the first that fails ends the test."""
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(running(one)) for one in work]
        yield
        for task in tasks:
            if task.done():
                await task


async def test_no_resolver_says_that_it_is_less_stale_than_it_is(linked: LinkedCluster) -> None:
    cluster, links = linked
    seed = chaos_seed()
    log.info("CQAR_CHAOS_SEED=%d", seed)
    observed = StalenessRecord()
    asking = [ask_steadily(cluster, observed, number) for number in range(len(cluster.resolvers))]
    async with all_running(commit_steadily(cluster, observed), *asking):
        # Whatever is drawn, one resolver hears nothing for a while, the other hears all late.
        await asyncio.gather(
            stall(links["resolver-1 nats"], FIRST_S), slow(links["resolver-2 nats"], 0.4, FIRST_S)
        )
        async with storm(links, seed):
            await asyncio.sleep(STALENESS_SECONDS)
    await require_equal(cluster)
    assert not list(observed.broken())
    truths = [observed.true_staleness_ms(claim) for claim in observed.claims]
    assert any(truths), "no answer was ever stale, so nothing was tried"
    assert any(claim.state == LIVE for claim in observed.claims)
    log.info(
        "%d answers about %d commits, %s, stale by %.1f s at the worst: all said so",
        *(len(truths), len(observed.acknowledged_s)),
        *(sorted(states_of(observed.claims)), max(truths) / 1000),
    )


async def test_an_idle_registry_stays_live(linked: LinkedCluster) -> None:
    await eventually(partial(_all_confirmed_lately, linked.cluster), START_S)
    observed = StalenessRecord()
    asking = [ask_steadily(linked.cluster, observed, number) for number in (0, 1)]
    async with all_running(*asking):
        await asyncio.sleep(IDLE_S)
    assert {claim.state for claim in observed.claims} == {LIVE}
    assert max(claim.staleness_ms or 0 for claim in observed.claims) < IDLE_STALENESS_MS


async def _all_confirmed_lately(cluster: Cluster) -> bool:
    """What was stalled before has come to rest."""
    statuses = [await cluster.status(resolver) for resolver in cluster.resolvers]
    bounds = [status and status.freshness.staleness_ms for status in statuses]
    return all(bound is not None and bound < IDLE_STALENESS_MS / 2 for bound in bounds)


async def test_a_client_that_carries_its_revision_never_goes_back_behind_one_address(
    linked: LinkedCluster,
) -> None:
    cluster, links = linked
    asset_id, reads = an_asset().asset_id, cluster.reads()[-1]
    carrying, careless = Reader("carrying", reads), Reader("careless", reads)

    async def goes_back() -> bool:
        before, careless.seen = careless.seen, (0, 0)
        await careless.ask(asset_id)
        return careless.seen < before

    for turn in range(TURNS):
        async with AsyncExitStack() as stalled:
            # One of the two behind the address no longer follows, the other does.
            for name in ("resolver-2 nats", "resolver-2 database"):
                links[name].open.clear()
                stalled.callback(links[name].open.set)
            revision = await commit(cluster.mutations, an_asset(name=f"Bitcoin {turn}"))
            told = ((await head_of(cluster.engine)).epoch, revision)
            # Whoever carries nothing is answered now by the one, now by the other.
            await eventually(goes_back)
            at_both = [asyncio.create_task(carrying.ask(asset_id, told)) for _ in range(2)]
            await asyncio.wait(at_both, return_when="FIRST_COMPLETED")
        await asyncio.gather(*at_both)
    assert not carrying.refused
    assert len(carrying.answers) == 2 * TURNS


def test_a_claim_that_is_too_low_is_found_out() -> None:
    observed = StalenessRecord(acknowledged_s={1: 10.0, 2: 11.0})
    honest = StalenessClaim("", 11.5, 1, LIVE, 500)
    lie = honest._replace(staleness_ms=499)
    asked_before = honest._replace(asked_s=10.9, staleness_ms=0)
    newest = honest._replace(revision=2, staleness_ms=0)
    observed.claims += [honest, lie, asked_before, newest]
    assert [claim for claim, _ in observed.broken()] == [lie]
