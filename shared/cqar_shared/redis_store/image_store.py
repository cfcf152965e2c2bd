"""Stores the registry's image in Redis, for resolvers that start without PostgreSQL.

Each publication writes its own chunks, which expire unless it is finished. Then one script replaces
the manifest that was read before, keeps the new chunks, and lets the old ones expire a while later,
for resolvers that are still reading them.
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
#: Purpose of the tags of manifests here.
PURPOSE: Final = "image"
#: A chunk has at most 1 MiB, usually 200 KiB.
TIMEOUT_S: Final = 2.0
CHUNKS_AT_ONCE: Final = 16
#: Chunks of an unfinished publication expire after this; one takes seconds.
UNFINISHED_S: Final = 600
#: Replaced chunks expire after this, for resolvers that are reading them.
REPLACED_S: Final = 120
#: Checks that all chunks exist before it keeps any: kept chunks never expire.
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
    """The image in one Redis.

    Args:
        url: redis://, rediss:// or unix://.
        keyring: Tags the manifests; others are refused.
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
        """Read the stored manifest without verifying it; None if there is none.

        Raises:
            Unavailable: Redis does not answer.
        """
        found: bytes | None = await _ask(self._redis.get(MANIFEST_KEY))
        return found

    def opened(self, stored: bytes) -> replication_pb2.Image:
        """Verify and decode a stored manifest.

        Raises:
            DamagedImage: the manifest is refused, and counted.
        """
        try:
            return image.manifest_of(stored, self._seals)
        except image.DamagedImage as error:
            refused_values.note("image", str(error))
            raise

    async def is_whole(self, manifest: replication_pb2.Image) -> bool:
        """Whether every chunk exists."""
        keys = _chunk_keys(manifest)
        return not keys or await _ask(self._redis.exists(*keys)) == len(keys)

    async def chunks(self, manifest: replication_pb2.Image) -> list[bytes]:
        """Read all chunks of an image.

        Raises:
            Unavailable: Redis does not answer.
            DamagedImage: a chunk is missing: the image was replaced, or Redis lost it.
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
        """Write a chunk of an unfinished publication."""
        await _ask(self._redis.set(_key(publication, number), chunk, ex=UNFINISHED_S))

    async def switch(self, seen: bytes | None, manifest: replication_pb2.Image) -> bool:
        """Make a publication the image, if the manifest in Redis still is `seen`."""
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
    # Whoever made that image: otherwise its chunks would never expire. Keys of other programs have
    # another prefix.
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
