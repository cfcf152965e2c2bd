"""Caches entities in Redis; all values are of one revision.

The key `cqar:applied` holds the cursor: registry, epoch and revision of every value. A script on
the server sets values only if the cursor is as expected. The relay sets what a change set changed
and moves the cursor; a reader that read PostgreSQL at the cursor's revision adds what it read. So a
slow reader never replaces a new value by an old one, and values of one cursor are consistent.

If the change set is unknown (the cursor is missing, far behind, or of another epoch), the relay
starts a new generation. Every value has its generation, so older ones are ignored at once.

Cursor and values have tags (`cache_format`); a value without our tag is ignored. Redis may lose
everything, be down or slow: then nothing is found.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cqar_shared.redis_store import refused_values
from cqar_shared.redis_store.cache_format import (
    CacheCursor,
    CacheFormat,
    ForgedValue,
    Value,
    WriteProgress,
)
from cqar_shared.runtime import tcp_keepalive
from cqar_shared.runtime.circuit_breaker import CircuitBreaker
from cqar_shared.runtime.outages import MAYBE_AWAY, is_away
from cqar_shared.trust.seals import Keyring

CURSOR_KEY: Final = "cqar:applied"
#: PostgreSQL answers in 2 ms, so a slower cache is of no use.
TIMEOUT_S: Final = 0.02
CONNECTIONS_MAX: Final = 16
#: A larger list is not cached.
VALUE_BYTES_MAX: Final = 256 * 1024

_SET: Final = """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * i - 1], 'EX', ARGV[2 * i]) end
    if ARGV[1] ~= ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) end
    return 1
"""


class Unavailable(Exception):
    """Redis does not answer in time, or the breaker is open."""


class Cache:
    """A cache in one Redis, which must answer within the timeout.

    Args:
        url: redis://, rediss:// or unix://.
        keyring: Values that are not made under it are ignored, and counted as refused.
    """

    def __init__(self, url: str, keyring: Keyring, *, timeout_s: float = TIMEOUT_S) -> None:
        self._format = CacheFormat(keyring, time.time)
        self._written = WriteProgress()
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            **tcp_keepalive.redis_settings(url),
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._set = self._redis.register_script(_SET)
        self.breaker = CircuitBreaker()

    async def read(self, keys: Sequence[str]) -> tuple[CacheCursor | None, list[bytes | None]]:
        """Read the cursor and values at one moment; None for those that are absent or refused.

        Raises:
            Unavailable: Redis does not answer.
        """
        found: list[bytes | None] = await self._ask(self._redis.mget(CURSOR_KEY, *keys))
        return opened(self._format, keys, found, self._written)

    async def set(
        self, cursor: CacheCursor, moved: CacheCursor, values: Mapping[str, Value]
    ) -> bool:
        """Set values and move the cursor to `moved`, if the cursor still is `cursor`.

        Raises:
            Unavailable: Redis does not answer; the values may have been set.
        """
        arguments: list[Any] = [self._format.seal_cursor(cursor), self._format.seal_cursor(moved)]
        for key, value in values.items():
            arguments += (self._format.seal(moved, key, value), value.ttl_s)
        done = await self._ask(self._set(keys=[CURSOR_KEY, *values], args=arguments))
        if done:
            self._written.note(moved, values)
        return bool(done)

    async def begin(self, cursor: CacheCursor) -> None:
        """Start a generation without values, whatever the cursor was.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._ask(self._redis.set(CURSOR_KEY, self._format.seal_cursor(cursor)))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, asked: Any) -> Any:
        if not self.breaker.allows():
            asked.close()
            raise Unavailable("the breaker is open")
        try:
            answer = await asked
        except MAYBE_AWAY as error:
            self.breaker.failed()
            if not is_away(error):
                raise
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        self.breaker.succeeded()
        return answer


def opened(
    form: CacheFormat,
    keys: Sequence[str],
    stored: Sequence[bytes | None],
    written: WriteProgress | None = None,
) -> tuple[CacheCursor | None, list[bytes | None]]:
    """Verify a cursor and values from Redis; None for those that are not ours.

    Args:
        keys: Keys of the values.
        stored: The cursor, then the values.
        written: What this process wrote last; older values are ignored.
    """
    written = written or WriteProgress()
    try:
        cursor = form.open_cursor(stored[0])
    except ForgedValue as error:
        refused_values.note("cursor", str(error))
        cursor = None
    if cursor is None:
        return None, [None] * len(keys)
    found: list[bytes | None] = []
    for key, value in zip(keys, stored[1:], strict=True):
        try:
            found.append(form.open(cursor, key, value, written.least(cursor, key)))
        except ForgedValue as error:
            refused_values.note("cache", str(error))
            found.append(None)
    return cursor, found
