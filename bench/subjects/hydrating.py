"""How long it takes to load the largest registry, from PostgreSQL and from what was kept."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from bench.children import measured
from bench.ground import Ground
from bench.measured import Sample
from bench.services import running
from bench.setting import Setting
from bench.subject import Field, Subject


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground = await setting.ground(setting.scale.large)
    path = str(ground.folder / "last-good")
    key_file = ground.integrity_key_file
    database, kept = {"database": ground.database}, {"path": path, "key_file": key_file}
    await measured("hydrating:from_postgres", **database, keep_in=path, key_file=key_file)
    # No writer runs: one that starts publishes an image of all this, for which it needs a core.
    yield Field(
        {
            "from PostgreSQL": partial(_measure, "from_postgres", **database, keep_in=""),
            "PostgreSQL's rows alone": partial(_measure, "scan_alone", **database),
            "from the last good file": partial(_measure, "from_file", **kept),
            "the file's bytes alone": partial(_measure, "file_alone", **kept),
            "a service, from its start": partial(_service, ground, {}),
            "a service, from its file": partial(_service, ground, {"last_good_file": path}),
        }
    )


async def _measure(probe: str, **arguments: Any) -> Sample:
    return Sample(await measured(f"hydrating:{probe}", **arguments))


async def _service(ground: Ground, settings: dict[str, str]) -> Sample:
    """Seconds from `python -m resolver serve` until it is ready, Python's own start included."""
    folder = ground.folder / "restarting"
    folder.mkdir(exist_ok=True)
    began_s = time.perf_counter()
    async with running("resolver", folder, {**ground.settings, **settings}):
        return Sample({"seconds": time.perf_counter() - began_s})


SUBJECT: Final = Subject("hydrating", _open, rounds_max=2, is_large=True)
