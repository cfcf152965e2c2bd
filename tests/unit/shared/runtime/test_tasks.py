"""Supervised loops go on when they fail, and end when they are told to, whatever they wait by."""

from __future__ import annotations

import asyncio

import pytest

from cqar_shared.runtime import tasks
from cqar_shared.runtime.tasks import end, supervise, wait_at_most

TIMEOUT_S = 10


class Asked:
    """Waits as nats-py does: the first times until it is answered, then for ever."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits = 0

    async def __call__(self) -> None:
        self.waits += 1
        wanted = self.answer if self.waits == 1 else asyncio.Future()
        await asyncio.wait_for(wanted, 3600)


async def answered_and_cancelled_at_once(asked: Asked, task: asyncio.Task[None]) -> None:
    while not asked.waits:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.answer.set_result(None)
    task.cancel()


async def test_a_cancellation_that_comes_with_an_answer_ends_a_relay_all_the_same() -> None:
    asked = Asked()

    async def relaying() -> None:
        while True:
            await asked()
            await wait_at_most(asyncio.Event(), 3600)

    task = asyncio.create_task(supervise("test", relaying))
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
        await end(task)
    assert task.cancelled()


async def test_what_does_not_end_at_all_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = asyncio.Event()

    async def deaf() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await end(task, apart_s=0.01)
    assert "1 tasks do not end" in caplog.text
    release.set()
    await task


async def test_a_loop_that_holds_a_group_goes_on_after_the_group_failed() -> None:
    async def fail() -> None:
        raise ConnectionError

    ran = 0

    async def grouped() -> None:
        nonlocal ran
        ran += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    task = asyncio.create_task(supervise("test", grouped))
    while ran < 3:
        await asyncio.sleep(0.01)
    assert not task.done()
    await end(task)
    assert task.cancelled()


async def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    event = asyncio.Event()
    await wait_at_most(event, 0.001)
    event.set()
    await wait_at_most(event, 60)
    assert not event.is_set()
