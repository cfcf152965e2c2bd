"""`make dashboards-pictures`: a stack, a short load, a Prometheus; then docs/dashboards/*.svg.

The reconciler's is drawn by `python -m tests.reconciler.trial --few --picture`, which has venues.
Needs Debian's `prometheus`. CQAR_PICTURES_SECONDS (150) is how long the load lasts.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cqar import catalogue
from cqar.admin.connection import Connection
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from tools.monitoring import reconciler
from tools.monitoring.generated_files import ALL
from tools.monitoring.panels import Query
from tools.monitoring.paths import PICTURES
from tools.monitoring.pictures.prometheus import Prometheus, Series, beside
from tools.monitoring.pictures.svg import draw

STEP_S: Final = 5
SECONDS: Final = int(os.environ.get("CQAR_PICTURES_SECONDS", "150"))
#: Mix of loadtests -> acts a second: few enough for a machine that does other things too.
RATES: Final = {"cqmd": 60, "cqvx": 40, "roadmap": 40, "admin": 30}
AT_WRITER: Final = frozenset({"roadmap", "admin"})


async def load(endpoints: Endpoints, reports: Path) -> None:
    """Every mix at once."""
    running = []
    for mix, rate in RATES.items():
        host = endpoints.writer if mix in AT_WRITER else endpoints.resolvers[0]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "loadtests", "--host", host, "--mix", mix),
            *("--seconds", str(SECONDS), "--rate", str(rate), "--reports", str(reports)),
            env={**os.environ, "CQAR_KEY": endpoints.keys.admin},
            stdout=asyncio.subprocess.DEVNULL,
        )
        running.append(process.wait())
    codes = dict(zip(RATES, await asyncio.gather(*running), strict=True))
    if any(codes.values()):
        raise RuntimeError(f"exit codes of the loads: {codes}")


async def make_key(folder: Path, expires_at: dt.datetime) -> None:
    """A key that ends, by the command line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "keys", "make", "portfolio", "--role", "read"),
        *("--expires", expires_at.isoformat(), "--state", str(folder / "state")),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise RuntimeError("no key was made")


def asking(prometheus: Prometheus, begin: float) -> Callable[[Query], list[Series]]:
    end = time.time()
    return lambda query: prometheus.query_range(query.expr, begin, end, STEP_S)


async def watch(endpoints: Endpoints, folder: Path) -> None:
    """Load the stack under a Prometheus's eyes, and draw what it saw."""
    now = dt.datetime.now(dt.UTC)
    with Connection(endpoints.writer, endpoints.keys.admin) as writer:
        await asyncio.to_thread(catalogue.load, writer, now)
    # Something is to be seen of keys that end.
    await make_key(folder, now + dt.timedelta(days=30))
    async with beside(endpoints, folder) as prometheus:
        begin = time.time()
        await load(endpoints, folder)
        ask = asking(prometheus, begin)
        PICTURES.mkdir(exist_ok=True)
        for dashboard in (one for one in ALL if one is not reconciler.DASHBOARD):
            file = PICTURES / f"{dashboard.name}.svg"
            empty = await asyncio.to_thread(draw, dashboard, ask, file)
            said = f"; nothing in {', '.join(empty)}" if empty else ""
            sys.stdout.write(f"{file}: {len(dashboard.panels)} panels{said}\n")


async def main() -> None:
    stop = asyncio.Event()
    folder = Path(tempfile.mkdtemp(prefix="cqar-pictures-"))

    async def watch_and_stop(endpoints: Endpoints) -> None:
        try:
            await watch(endpoints, folder)
        finally:
            stop.set()

    try:
        await run_stack(StackOptions(folder / "state"), watch_and_stop, stop)
    finally:
        remove_state(folder / "state")
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
