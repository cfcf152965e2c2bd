"""What grows with the registry: memory, the time to start, lookups, the collector's pauses."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench.children import measured
from bench.hot import hot
from bench.measured import Sample, spread
from bench.scale import size_name
from bench.services import running
from bench.setting import Setting
from bench.subject import Field, Measure, Subject

#: After a resolver is ready, for it to settle.
SETTLES_S: Final = 1.5


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    contestants: dict[str, Measure] = {}
    for listings in setting.scale.sizes:
        name = size_name(listings)
        contestants[f"lookups, {name}"] = partial(_lookups, setting, listings)
        contestants[f"memory, {name}"] = partial(_memory, setting, listings)
    yield Field(contestants)


async def _lookups(setting: Setting, listings: int) -> Sample:
    ground = await setting.ground(listings)
    found = await measured(
        "sizes:lookups",
        database=ground.database,
        nats=ground.nats,
        keys=hot(ground.market),
        seconds=setting.scale.seconds,
    )
    return spread(found.pop("latencies_us"), **found)


async def _memory(setting: Setting, listings: int) -> Sample:
    """Of a resolver as it is run: all that is resident in it, whatever it is for."""
    ground = await setting.ground(listings)
    folder = ground.folder / "fresh"
    folder.mkdir(exist_ok=True)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with running("resolver", folder, {**ground.settings, "redis_url": ""}) as fresh:
        ready_s = loop.time() - began_s
        await asyncio.sleep(SETTLES_S)
        status = Path(f"/proc/{fresh.pid}")
        pages = int((status / "statm").read_text().split()[1])
        peak_kib = _field(status / "status", "VmHWM")
    rss = pages * resource.getpagesize()
    return Sample(
        {
            "start_to_ready_s": ready_s,
            "rss_bytes": rss,
            "rss_per_listing_bytes": rss / listings,
            "peak_bytes": peak_kib * 1024,
        }
    )


def _field(path: Path, name: str) -> int:
    """A number of /proc/PID/status."""
    lines = path.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


SUBJECT: Final = Subject("sizes", _open, rounds_max=1, is_large=True)
