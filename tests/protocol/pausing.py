"""Coroutines that a schedule advances a step at a time: no event loop, no time, no chance."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any


class Away(ConnectionError):
    """A server does not answer, or its answer is lost."""


@types.coroutine
def pause() -> Generator[None]:
    """Where a process waits: anything may happen before it goes on, its own death included."""
    yield


async def again_and_again(step: Callable[[], Awaitable[object]], *away: type[Exception]) -> None:
    """Take steps for ever; one that meets `away` is over, and the next begins later."""
    while True:
        try:
            await step()
        except away:
            await pause()
        await pause()


class Process:
    """Something that a step advances to where it waits next; it may be begun anew at any time."""

    def __init__(self, work: Coroutine[Any, None, None]) -> None:
        self._work = work

    def step(self) -> bool:
        """Advance; True once it has ended."""
        try:
            self._work.send(None)
        except StopIteration:
            return True
        return False

    def crash(self) -> None:
        self._work.close()


class Lock:
    """As `asyncio.Lock`, in no order."""

    def __init__(self) -> None:
        self._is_held = False

    async def __aenter__(self) -> None:
        while self._is_held:
            await pause()
        self._is_held = True

    async def __aexit__(self, *_: object) -> None:
        self._is_held = False
