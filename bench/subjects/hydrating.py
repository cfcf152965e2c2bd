"""How long it takes to load the largest registry, from PostgreSQL and from what was kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from bench.children import measured
from bench.measured import Sample
from bench.setting import Setting
from bench.subject import Field, Subject


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground = await setting.ground(setting.scale.large)
    path = str(ground.folder / "last-good")
    await measured("hydrating:from_postgres", database=ground.database, keep_in=path)
    database = {"database": ground.database}
    yield Field(
        {
            "from PostgreSQL": partial(_measure, "from_postgres", **database, keep_in=""),
            "PostgreSQL's rows alone": partial(_measure, "scan_alone", **database),
            "from the last good file": partial(_measure, "from_file", path=path),
            "the file's bytes alone": partial(_measure, "file_alone", path=path),
        }
    )


async def _measure(probe: str, **arguments: Any) -> Sample:
    return Sample(await measured(f"hydrating:{probe}", **arguments))


SUBJECT: Final = Subject("hydrating", _open, rounds_max=2, is_large=True)
