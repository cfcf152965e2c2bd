"""While one caller floods, another is answered, and nothing that it asked for fails."""

from __future__ import annotations

import pytest

from tests.chaos import abuse
from tests.chaos.attacks import ATTACKS
from tests.chaos.cluster import Cluster
from tests.chaos.soak_settings import ABUSE_SECONDS

SHORT_S = 1.0
#: What an answer of ours may be to who floods. UNAVAILABLE is not: no server of ours fails.
REFUSED = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "NOT_FOUND"}
#: What the flood itself counts, and how its own end looks to it.
COUNTED = {"opened", "reset", "connections ended", "connected", "CANCELLED", "TimeoutError"}
#: What the decoder takes long for: the innocent are answered, however late.
COUNTED |= {"DEADLINE_EXCEEDED", "ConnectionResetError", "ConnectionRefusedError"}


@pytest.fixture(scope="module", autouse=True)
async def large(cluster: Cluster) -> None:
    await abuse.large_registry(cluster)


@pytest.mark.parametrize("named", ATTACKS)
async def test_who_floods_is_refused_and_nobody_else_is(named: str, cluster: Cluster) -> None:
    found = await abuse.run_attack(cluster, named, ABUSE_SECONDS or SHORT_S, 0, 0)
    assert set(found.counts) <= REFUSED | COUNTED
    # A read of another time has a budget of 250 ms: whether it keeps it beside a flood and whatever
    # else this machine does is a matter of time, which the long form measures. Nothing else is.
    assert not set(found.bystander.refused) - {"as of UNAVAILABLE"}
    assert all(found.bystander.took_s[name] for name in abuse.ASKED)
    for service in cluster.services:
        assert service.process.returncode is None
