"""Limits what runs at once, in all and for each caller; others wait in fair order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cqar_shared.runtime.slots import Slots


class FairQueue:
    """Lets a number of calls run at once, and a bounded number wait.

    Calls of one caller first wait for each other. So each caller has at most `each` calls in the
    common queue, and nobody waits behind the crowd of another caller.

    Args:
        places: Limits the calls that run or wait.
        limit: Calls that run at once.
        each: Calls of one caller that run at once.
    """

    def __init__(self, places: Slots, limit: int, each: int) -> None:
        self._places = places
        self._each = each
        self._all = asyncio.Semaphore(limit)
        #: Caller -> its semaphore, while it has calls.
        self._own: dict[str, asyncio.Semaphore] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it until the block ends.

        Raises:
            TooMany: too many calls of this caller, or in all, run or wait already.
        """
        with self._places.held(who):
            own = self._own.setdefault(who, asyncio.Semaphore(self._each))
            self._users[who] = self._users.get(who, 0) + 1
            try:
                async with own, self._all:
                    yield
            finally:
                self._users[who] -= 1
                if not self._users[who]:
                    del self._users[who], self._own[who]
