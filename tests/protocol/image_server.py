"""The part of a Redis that holds the image: the commands that `image_store` sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from cqar_shared.redis_store.cache import Unavailable
from cqar_shared.redis_store.image_store import ImageStore
from tests.protocol.pausing import pause
from tests.protocol.redis_server import Redis
from tests.support.integrity_keys import IMAGES

#: A schedule lasts half a minute: what ends after minutes is to end within it.
EXPIRY_SCALE: Final = 0.01


class Stored(NamedTuple):
    value: bytes
    ends_s: float | None


class ImageServer:
    """One connection to that Redis."""

    def __init__(self, redis: Redis, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._clock = clock

    def value(self, key: str) -> bytes | None:
        stored = self._redis.images.get(key)
        if stored is None or (stored.ends_s is not None and stored.ends_s <= self._clock()):
            return None
        return stored.value

    def _store(self, key: str, value: bytes, ends_after_s: float | None) -> None:
        ends_s = None if ends_after_s is None else self._clock() + ends_after_s * EXPIRY_SCALE
        self._redis.images[key] = Stored(value, ends_s)

    def _require_up(self) -> None:
        if self._redis.is_down:
            raise Unavailable

    # ------------------------------------------------------------ as redis.asyncio.Redis

    async def get(self, key: str) -> bytes | None:
        await pause()
        self._require_up()
        return self.value(key)

    async def exists(self, *keys: str) -> int:
        await pause()
        self._require_up()
        return sum(self.value(key) is not None for key in keys)

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """One key at a time: an image may have more chunks than are asked for at once."""
        return [await self.get(key) for key in keys]

    async def set(self, key: str, value: bytes, *, ex: float) -> None:
        await self._redis.ask(lambda: self._store(key, value, ex))

    async def switch(self, *, keys: Sequence[str], args: Sequence[Any]) -> object:
        """As the script `image_store._SWITCH` does on the server, all at once."""
        return await self._redis.ask(lambda: self.compare_and_switch(keys, args))

    def compare_and_switch(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        manifest_key, *chunks = keys
        seen, manifest, fresh, ends_after_s = args
        if (self.value(manifest_key) or b"") != seen:
            return 0
        for number, key in enumerate(chunks):
            value = self.value(key)
            if number < fresh and value is None:
                return 0
            if value is not None:
                self._store(key, value, None if number < fresh else ends_after_s)
        self._store(manifest_key, manifest, None)
        return 1


class Images(ImageStore):
    """The real one, with that connection."""

    def __init__(self, server: ImageServer) -> None:
        self._redis: Any = server
        self._switch: Any = server.switch
        self._seals = IMAGES
