"""Values in Redis that are all of one revision, or do not count.

Under `cqar:applied` stands the cursor: of which registry, epoch and revision every value is.
Values are only ever set together with a comparison of the cursor, in one script on the server:
the relay sets what a change set changed and moves the cursor on; a reader that read PostgreSQL
at the cursor's own revision adds what it read. So a slow reader can never put an old value over
a new one, and values read together with one cursor fit together.

Whoever cannot tell what changed (the cursor is missing, far behind, or of another epoch) begins
a new generation: every value bears its generation, so the old ones cease to count at once.

Redis may lose all this at any moment, be away, or be slow: then nothing is found.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.breaker import Breaker
from shared.history import Position

CURSOR_KEY: Final = "cqar:applied"
#: PostgreSQL answers in 2 ms: whatever takes longer than this is no cache.
TIMEOUT_S: Final = 0.02
CONNECTIONS_MAX: Final = 16
#: A list that is larger is read from PostgreSQL each time.
VALUE_BYTES_MAX: Final = 256 * 1024

GENERATION_BYTES: Final = 8
_HEADER: Final = struct.Struct(">8sQQ")
_SET: Final = """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * i - 1], 'EX', ARGV[2 * i]) end
    if ARGV[1] ~= ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) end
    return 1
"""


class Unavailable(Exception):
    """Redis does not answer in time, or the breaker is open."""


class Cursor(NamedTuple):
    """What every value of a generation is as of.

    Attributes:
        generation: Random; a value of another one does not count.
    """

    registry_id: bytes
    at: Position
    generation: bytes

    @classmethod
    def fresh(cls, registry_id: bytes, at: Position) -> Self:
        return cls(registry_id, at, secrets.token_bytes(GENERATION_BYTES))

    @classmethod
    def parse(cls, text: bytes | None) -> Self | None:
        """Read it; None if there is none, or it is not of our making."""
        try:
            registry_id, epoch, revision, chain, generation = (text or b"").decode().split(":")
            at = Position(int(epoch), int(revision), bytes.fromhex(chain))
            found = cls(bytes.fromhex(registry_id), at, bytes.fromhex(generation))
        except ValueError:
            return None
        return found if len(found.generation) == GENERATION_BYTES else None

    def __bytes__(self) -> bytes:
        epoch, revision, chain = self.at
        ids = (self.registry_id.hex(), epoch, revision, chain.hex(), self.generation.hex())
        return ":".join(map(str, ids)).encode()

    def moved(self, at: Position) -> Self:
        return self._replace(at=at)

    def seal(self, payload: bytes | None) -> bytes:
        """A value of this generation, behind its header; one that does not count for None."""
        if payload is None:
            return b""
        return _HEADER.pack(self.generation, self.at.epoch, self.at.revision) + payload

    def open(self, value: bytes | None) -> bytes | None:
        """What a value holds; None if it is none of this generation's."""
        if value is None or len(value) < _HEADER.size:
            return None
        generation, _, _ = _HEADER.unpack_from(value)
        return value[_HEADER.size :] if generation == self.generation else None


class Value(NamedTuple):
    """What to set, and how long it is kept at most.

    Attributes:
        payload: None for what is not known any more: it is found no longer.
    """

    payload: bytes | None
    ttl_s: int


class Cache:
    """One Redis, asked within `TIMEOUT_S` or not at all.

    Args:
        url: redis://, rediss:// or unix://.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._set = self._redis.register_script(_SET)
        self.breaker = Breaker()

    async def read(self, keys: Sequence[str]) -> tuple[Cursor | None, list[bytes | None]]:
        """The cursor and the values of keys, at one moment; None for what does not count.

        Raises:
            Unavailable: Redis does not answer.
        """
        found: list[bytes | None] = await self._ask(self._redis.mget(CURSOR_KEY, *keys))
        cursor = Cursor.parse(found[0])
        if cursor is None:
            return None, [None] * len(keys)
        return cursor, [cursor.open(value) for value in found[1:]]

    async def set(self, cursor: Cursor, moved: Cursor, values: Mapping[str, Value]) -> bool:
        """Set values as of `moved` and the cursor to it, if it still is `cursor`.

        Raises:
            Unavailable: Redis does not answer; whether they were set is not known.
        """
        arguments: list[Any] = [bytes(cursor), bytes(moved)]
        for value in values.values():
            arguments += (moved.seal(value.payload), value.ttl_s)
        done = await self._ask(self._set(keys=[CURSOR_KEY, *values], args=arguments))
        return bool(done)

    async def begin(self, cursor: Cursor) -> None:
        """Begin a generation, whatever was there. It has no values yet, so none can be wrong.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._ask(self._redis.set(CURSOR_KEY, bytes(cursor)))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, asked: Any) -> Any:
        if not self.breaker.allows():
            asked.close()
            raise Unavailable("the breaker is open")
        try:
            answer = await asked
        except (RedisError, OSError, TimeoutError) as error:
            self.breaker.failed()
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        self.breaker.succeeded()
        return answer
