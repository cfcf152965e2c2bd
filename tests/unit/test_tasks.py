"""Supervised loops go on when they fail, and end when they are told to, whatever they wait by."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from shared import tasks
from shared.tasks import end, keep_going, wait_at_most


async def _swallow(began: asyncio.Event) -> None:
    """As Python 3.11's wait_for does where a cancellation meets a result."""
    began.set()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)


async def test_a_loop_ends_though_what_it_waits_by_loses_the_cancellation() -> None:
    began, never = asyncio.Event(), asyncio.Event()

    async def inner() -> None:
        while True:
            await _swallow(began)
            await wait_at_most(never, 60)

    task = asyncio.create_task(keep_going("test", inner))
    await began.wait()
    await end([task])
    assert task.cancelled()


async def test_a_loop_that_holds_a_group_goes_on_after_the_group_failed() -> None:
    async def fail() -> None:
        raise ConnectionError

    ran = 0

    async def grouped() -> None:
        nonlocal ran
        ran += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    task = asyncio.create_task(keep_going("test", grouped))
    while ran < 3:
        await asyncio.sleep(0.01)
    assert not task.done()
    await end([task])
    assert task.cancelled()


async def test_a_loop_that_cannot_be_ended_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "END_MAX_S", 0.05)
    began = asyncio.Event()

    async def deaf() -> None:
        await _swallow(began)
        await _swallow(began)

    task = asyncio.create_task(deaf(), name="deaf")
    await began.wait()
    await end([task])
    assert "deaf did not end" in caplog.text
    task.cancel()
    await task


async def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    event = asyncio.Event()
    await wait_at_most(event, 0.001)
    event.set()
    await wait_at_most(event, 60)
    assert not event.is_set()
