"""Loops end when they are cancelled, also where the cancellation is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from shared import tasks
from writer import publishing

TIMEOUT_S = 10


class Asked:
    """Waits as nats-py does: the first time until it is answered, then for ever."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits = 0

    async def __call__(self) -> None:
        self.waits += 1
        wanted = self.answer if self.waits == 1 else asyncio.Future()
        await asyncio.wait_for(wanted, 3600)


async def relaying(asked: Asked) -> None:
    """As both relays wait between their steps."""
    while True:
        await asked()
        await publishing._wait(asyncio.Event(), 3600)


async def answered_and_cancelled_at_once(asked: Asked, task: asyncio.Task[None]) -> None:
    while not asked.waits:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.answer.set_result(None)
    task.cancel()


async def test_a_cancellation_that_comes_with_an_answer_ends_a_relay_all_the_same() -> None:
    asked = Asked()
    task = asyncio.create_task(relaying(asked))
    await answered_and_cancelled_at_once(asked, task)
    done, _ = await asyncio.wait([task], timeout=TIMEOUT_S)
    task.cancel()
    assert done == {task}
    assert asked.waits == 1


async def test_what_lost_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "CANCEL_APART_S", 0.01)
    asked = Asked()

    async def twice() -> None:
        await asked()
        await asked()

    task = asyncio.create_task(twice())
    await answered_and_cancelled_at_once(asked, task)
    async with asyncio.timeout(TIMEOUT_S):
        await tasks.end(task)
    assert task.cancelled()
