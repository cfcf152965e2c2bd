"""A hit in the caller's own process, beside ccxt's and a dict's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from bench.children import measured
from bench.hot import hot
from bench.measured import Sample, spread
from bench.setting import Setting
from bench.subject import Field, Measure, Subject


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground = await setting.ground(setting.scale.middle)
    await ground.writer()
    keys = hot(ground.market)
    served = {"database": ground.database, "nats": ground.nats}

    def measure(function: str, **arguments: Any) -> Measure:
        return partial(_measure, function, keys=keys, seconds=setting.scale.seconds, **arguments)

    yield Field(
        {
            "Replica": measure("in_process:replica", **served),
            "Replica, from another thread": measure("in_process:replica_on_thread", **served),
            "ccxt safe_market": measure("plain:ccxt_safe_market"),
            "a dict, through a function": measure("plain:plain_dict"),
        }
    )


async def _measure(function: str, **arguments: Any) -> Sample:
    return spread(await measured(function, **arguments))


SUBJECT: Final = Subject("in_process", _open)
