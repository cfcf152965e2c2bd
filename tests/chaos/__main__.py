"""Strike with every fault, CQAR_RELIABILITY_TIMES each (5), and write docs/RELIABILITY.md anew."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.chaos import reliability_page
from tests.chaos.cluster import cluster_on_own_servers
from tests.chaos.fault_runner import run_faults
from tests.chaos.faults import FAULTS

TIMES = int(os.environ.get("CQAR_RELIABILITY_TIMES", "5"))


async def measure() -> dict[str, list[float]]:
    """Fault's name -> each time to heal, in seconds."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="cqar-reliability-") as folder:
        async with cluster_on_own_servers(Path(folder)) as cluster:
            for seed in range(TIMES):
                for fault in FAULTS:
                    measured[fault.name].append(await run_faults(cluster, fault, seed=seed))
    return measured


logging.basicConfig(level=logging.WARNING, format="%(message)s")
logging.getLogger("tests.chaos").setLevel(logging.INFO)
found = asyncio.run(measure())
reliability_page.PATH.write_text(
    reliability_page.text_of(found, TIMES, dt.datetime.now(dt.UTC).date())
)
