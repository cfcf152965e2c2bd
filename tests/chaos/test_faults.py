"""Every fault of the table, one after another, on one cluster under a steady load."""

from __future__ import annotations

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.fault_runner import run_faults
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.soak_settings import CHAOS_SECONDS

STRUCK = [fault for fault in FAULTS if CHAOS_SECONDS or not fault.long]


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in STRUCK])
async def test_nothing_acknowledged_is_lost_and_every_resolver_is_equal_again_after(
    fault: Fault, cluster: Cluster
) -> None:
    await run_faults(cluster, fault)
