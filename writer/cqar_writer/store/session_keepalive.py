"""Long work within a transaction: PostgreSQL hears meanwhile that this process goes on.

A transaction that holds the registry's write lock and asks nothing for `store.HOLDER_IDLE_MS` is
ended, since its process is stopped or cut off. To judge 5,000 items can take as long on a machine
that is busy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.runtime.event_loop import run_off_loop

#: So often at least.
SAID_EVERY_S: Final = 1.0
_NOTHING: Final = sa.text("SELECT")

T = TypeVar("T")
P = ParamSpec("P")


async def work(
    tx: AsyncConnection, is_long: bool, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What `what` makes, in a thread where it takes a while; nothing else uses `tx` meanwhile."""
    if not is_long:
        return what(*args, **kwargs)
    task = asyncio.create_task(run_off_loop(is_long, what, *args, **kwargs))
    try:
        return await _until_done(tx, task)
    finally:
        task.cancel()


async def beside(
    tx: AsyncConnection, work: Coroutine[Any, Any, T], saving: Coroutine[Any, Any, None]
) -> T:
    """Work while PostgreSQL does; both have ended then, whatever becomes of them."""
    task = asyncio.create_task(work)
    try:
        await saving
        return await _until_done(tx, task)
    finally:
        await asyncio.gather(task, return_exceptions=True)


async def _until_done(tx: AsyncConnection, task: asyncio.Task[T]) -> T:
    while not task.done():
        await asyncio.wait([task], timeout=SAID_EVERY_S)
        if not task.done():
            await tx.execute(_NOTHING)
    return task.result()
