"""Keeps a transaction's session alive while long work runs in this process.

PostgreSQL ends a transaction that holds the registry's write lock and sends nothing for
`head_rows.HOLDER_IDLE_MS`, since its process is stopped or cut off. To judge 5,000 items can take
as long on a busy machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.runtime.event_loop import run_off_loop

#: How often a statement is sent at least.
KEEPALIVE_EVERY_S: Final = 1.0
_NOTHING: Final = sa.text("SELECT")

T = TypeVar("T")
P = ParamSpec("P")


async def run(
    tx: AsyncConnection, is_long: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what `work` returns, in a thread if it is long; nothing else may use `tx`."""
    if not is_long:
        return work(*args, **kwargs)
    task = asyncio.create_task(run_off_loop(is_long, work, *args, **kwargs))
    try:
        return await _until_done(tx, task)
    finally:
        task.cancel()


async def run_concurrently(
    tx: AsyncConnection, work: Coroutine[Any, Any, T], saving: Coroutine[Any, Any, None]
) -> T:
    """Run `work` while PostgreSQL saves; both have ended on return, also after an error."""
    task = asyncio.create_task(work)
    try:
        await saving
        return await _until_done(tx, task)
    finally:
        await asyncio.gather(task, return_exceptions=True)


async def _until_done(tx: AsyncConnection, task: asyncio.Task[T]) -> T:
    while not task.done():
        await asyncio.wait([task], timeout=KEEPALIVE_EVERY_S)
        if not task.done():
            await tx.execute(_NOTHING)
    return task.result()
