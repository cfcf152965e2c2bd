"""Who has to wait, waits behind others of the same caller first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cqar_shared.runtime.slots import Slots


class FairQueue:
    """So many run at once, and of one caller so many; a bounded number of others waits.

    One caller's crowd waits among itself. Of those that wait for a turn of all, each caller has
    no more than it may run, so that nobody waits behind a crowd.

    Args:
        places: Of those that run and those that wait.
        most: That run at once.
        each: That run at once of one caller.
    """

    def __init__(self, places: Slots, most: int, each: int) -> None:
        self._places = places
        self._each = each
        self._all = asyncio.Semaphore(most)
        #: Caller -> its turns, while it has any.
        self._own: dict[str, asyncio.Semaphore] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            TooMany: So many of this caller, or in all, run or wait already.
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
