"""The short form of `make chaos`: what must never happen, whatever is slow.

CQAR_CHAOS_SECONDS > 0 strikes with every outage of the lab.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from cqar.embedded.servers import EmbeddedServers
from tests.chaos.failover_cluster import FailoverCluster, failover_cluster_on
from tests.chaos.history_checker import History
from tests.chaos.outage_runner import run_outage
from tests.chaos.outages import OUTAGES, Outage
from tests.chaos.soak_settings import CHAOS_SECONDS, chaos_seed
from tests.conftest import without_streams
from tests.support.memory_folder import server_folder

STRUCK = [outage for outage in OUTAGES if CHAOS_SECONDS or outage.short]

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
async def lab(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FailoverCluster]:
    async with without_streams(servers.nats):
        pass  # other tests' streams are of other registries
    with server_folder() as databases:
        folder = tmp_path_factory.mktemp("lab")
        async with failover_cluster_on(servers, folder, databases / "databases") as running:
            yield running


@pytest.fixture(scope="module")
def truth() -> History:
    return History()


@pytest.mark.parametrize("outage", [pytest.param(one, id=one.name) for one in STRUCK])
async def test_nothing_acknowledged_is_lost_and_no_answer_is_wrong_after(
    outage: Outage, lab: FailoverCluster, truth: History
) -> None:
    seed = chaos_seed()
    log.info("CQAR_CHAOS_SEED=%d", seed)
    endured = await run_outage(lab, outage, truth, seed)
    assert not outage.keeps or endured.comparison.violations == []
    assert endured.comparison.verdicts > 0
