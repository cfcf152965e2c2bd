"""A Redis that runs the cache's script, late if told to, and forgets all when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cqar_shared.redis_store.cache import CURSOR_KEY, Unavailable, opened
from cqar_shared.redis_store.cache_format import CacheCursor, Value
from tests.protocol.pausing import pause
from tests.support.integrity_keys import FORMAT


class Redis:
    """What `cqar_shared.redis_store.cache.Cache` asks of a server.

    Attributes:
        values: All that is stored of the cache.
        images: All that is stored of the image.
        delayed: So many writes to come are not answered in time, and happen later.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.images: dict[str, Any] = {}
        self.is_down = False
        self.delayed = 0
        self.under_way: deque[Callable[[], object]] = deque()

    def compare_and_set(
        self, cursor: CacheCursor, moved: CacheCursor, values: Mapping[str, Value]
    ) -> bool:
        """As the script `cqar_shared.redis_store.cache._SET` does on the server, all at once."""
        if self.values.get(CURSOR_KEY) != FORMAT.seal_cursor(cursor):
            return False
        self.values |= {key: FORMAT.seal(moved, key, value) for key, value in values.items()}
        self.values[CURSOR_KEY] = FORMAT.seal_cursor(moved)
        return True

    def arrive_oldest(self) -> None:
        if self.under_way:
            self.under_way.popleft()()

    def forget(self) -> None:
        self.values = {}
        self.images = {}

    # ------------------------------------------------------------ as
    # cqar_shared.redis_store.cache.Cache

    async def read(self, keys: Sequence[str]) -> tuple[CacheCursor | None, list[bytes | None]]:
        await pause()
        if self.is_down:
            raise Unavailable
        return opened(FORMAT, keys, [self.values.get(key) for key in (CURSOR_KEY, *keys)])

    async def set(
        self, cursor: CacheCursor, moved: CacheCursor, values: Mapping[str, Value]
    ) -> bool:
        return bool(await self.ask(lambda: self.compare_and_set(cursor, moved, values)))

    async def begin(self, cursor: CacheCursor) -> None:
        await self.ask(lambda: self.values.update({CURSOR_KEY: FORMAT.seal_cursor(cursor)}))

    # ------------------------------------------------------------ any write

    async def ask(self, work: Callable[[], object]) -> object:
        await pause()
        if self.is_down:
            raise Unavailable
        if self.delayed:
            self.delayed -= 1
            self.under_way.append(work)
            raise Unavailable
        return work()
