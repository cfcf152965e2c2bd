"""The image of the registry in Redis: what resolvers start from when PostgreSQL cannot serve them.

Its chunks are immutable: each publication writes its own, then one script puts its manifest in
place of the one that was seen before, makes the new chunks stay and lets the old ones end a
while later, for those who are still reading them. What was never finished ends by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import redis.asyncio
from cqc.replication.v1 import replication_pb2
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cqar_shared.redis_store import refused_values
from cqar_shared.redis_store.cache import Unavailable
from cqar_shared.replication import image
from cqar_shared.runtime import tcp_keepalive
from cqar_shared.runtime.outages import MAYBE_AWAY, is_away
from cqar_shared.trust.seals import Keyring

MANIFEST_KEY: Final = "cqar:image"
#: Of the integrity key that manifests here are tagged with.
PURPOSE: Final = "image"
#: A chunk is 1 MiB at most, mostly 200 KiB.
TIMEOUT_S: Final = 2.0
CHUNKS_AT_ONCE: Final = 16
#: A publication takes seconds; what is not finished after this is abandoned.
UNFINISHED_S: Final = 600
#: Who reads the old chunks has this long to finish.
REPLACED_S: Final = 120
#: Nothing is made to stay before it is known that all can: what did stay would stay for ever.
_SWITCH: Final = """
    local seen = redis.call('GET', KEYS[1])
    if (seen or '') ~= ARGV[1] then return 0 end
    local fresh = tonumber(ARGV[3]) + 1
    for i = 2, fresh do
        if redis.call('EXISTS', KEYS[i]) == 0 then return 0 end
    end
    redis.call('SET', KEYS[1], ARGV[2])
    for i = 2, #KEYS do
        if i <= fresh then redis.call('PERSIST', KEYS[i])
        else redis.call('EXPIRE', KEYS[i], ARGV[4]) end
    end
    return 1
"""


class ImageStore:
    """One Redis.

    Args:
        url: redis://, rediss:// or unix://.
        keyring: A manifest that is not made under it is no image.
    """

    def __init__(self, url: str, keyring: Keyring) -> None:
        self._seals = keyring.seals(PURPOSE)
        self._redis = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            **tcp_keepalive.redis_settings(url),
        )
        self._switch = self._redis.register_script(_SWITCH)

    async def manifest(self) -> bytes | None:
        """The manifest as stored, of which nothing is checked; None where there is none.

        Raises:
            Unavailable: Redis does not answer.
        """
        found: bytes | None = await _ask(self._redis.get(MANIFEST_KEY))
        return found

    def opened(self, stored: bytes) -> replication_pb2.Image:
        """The manifest that was stored.

        Raises:
            Damaged: It is none of ours; counted as refused.
        """
        try:
            return image.manifest_of(stored, self._seals)
        except image.DamagedImage as error:
            refused_values.note("image", str(error))
            raise

    async def is_whole(self, manifest: replication_pb2.Image) -> bool:
        """Whether every chunk is there."""
        keys = _chunk_keys(manifest)
        return not keys or await _ask(self._redis.exists(*keys)) == len(keys)

    async def chunks(self, manifest: replication_pb2.Image) -> list[bytes]:
        """All chunks of an image.

        Raises:
            Unavailable: Redis does not answer.
            Damaged: A chunk is missing: the image was replaced long ago, or Redis lost it.
        """
        chunks: list[bytes] = []
        keys = _chunk_keys(manifest)
        for at in range(0, len(keys), CHUNKS_AT_ONCE):
            found = await _ask(self._redis.mget(keys[at : at + CHUNKS_AT_ONCE]))
            if None in found:
                raise image.DamagedImage("a chunk is missing")
            chunks += found
        return chunks

    async def put(self, publication: str, number: int, chunk: bytes) -> None:
        """Write a chunk of a publication that is not finished."""
        await _ask(self._redis.set(_key(publication, number), chunk, ex=UNFINISHED_S))

    async def switch(self, seen: bytes | None, manifest: replication_pb2.Image) -> bool:
        """Make a publication the image, if what was seen still is the image."""
        fresh = _chunk_keys(manifest)
        old = _old_keys(seen)
        arguments: list[Any] = [
            seen or b"",
            image.sealed(manifest, self._seals),
            len(fresh),
            REPLACED_S,
        ]
        done = await _ask(self._switch(keys=[MANIFEST_KEY, *fresh, *old], args=arguments))
        return bool(done)

    async def close(self) -> None:
        await self._redis.aclose()


def fresh_publication() -> str:
    return secrets.token_hex(8)


def _old_keys(seen: bytes | None) -> Sequence[str]:
    # Whoever made it: its chunks would stay for ever, and others' keys do not begin as ours do.
    try:
        return _chunk_keys(image.untagged_manifest(seen)) if seen else ()
    except image.DamagedImage:
        return ()


def _chunk_keys(manifest: replication_pb2.Image) -> list[str]:
    return [_key(manifest.publication, n) for n in range(len(manifest.chunk_hashes))]


def _key(publication: str, number: int) -> str:
    return f"{MANIFEST_KEY}:{publication}:{number}"


async def _ask(asked: Any) -> Any:
    try:
        return await asked
    except MAYBE_AWAY as error:
        if not is_away(error):
            raise
        raise Unavailable(f"{type(error).__name__}: {error}") from error
