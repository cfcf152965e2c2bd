"""Publishes an image of the registry in Redis, for resolvers that cannot read PostgreSQL.

Every writer checks whether one is due; the writer whose transaction gets the lock publishes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.redis_store.image_store import ImageStore, fresh_publication
from cqar_shared.replication import image
from cqar_shared.replication.positions import LIVE_ENTITIES, StreamMark
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_writer import metrics
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.protocol.image_schedule import is_due
from cqar_writer.protocol.log_rows import head_message

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
#: The publisher holds this transaction-level advisory lock. Any constant would do.
IMAGE_LOCK: Final = 0x6371696D
ROWS_AT_ONCE: Final = 5_000


class ImagePublisher:
    """Keeps Redis supplied with an image.

    Args:
        note_stream: Reads where the stream is now; None while NATS is away.
        now: The wall clock, for an image's age.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        images: ImageStore,
        note_stream: Callable[[], Awaitable[StreamMark | None]],
        now: Callable[[], dt.datetime],
        database: PrimaryDatabase | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._images = images
        self._note_stream = note_stream
        self._now = now

    async def run(self) -> None:
        """Publish whenever an image is due, until cancelled or until PostgreSQL or Redis fails."""
        while True:
            raise_if_cancelled()
            await self.step()
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> bool:
        """Publish an image if one is due; returns whether one was published.

        Raises:
            Unavailable: Redis does not answer.
            ServiceNotReady: the database is not the registry's current one.
        """
        self._database.require_unfenced()
        stored = await self._images.manifest()
        present = await complete_image(self._images, stored)
        # Noted before the database is read: a later commit is published after the mark.
        mark = await self._note_stream()
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            head = head_message(await self._database.head(tx))
            now = self._now()
            if not is_due(present, head, now) or not await _try_lock(tx):
                return False
            began_s = asyncio.get_running_loop().time()
            place = image.place_of(mark)
            manifest = replication_pb2.Image(
                head=head, stream=place, publication=fresh_publication()
            )
            manifest.made_at.FromDatetime(now)
            async for chunk in _chunks(tx):
                await self._images.put(manifest.publication, len(manifest.chunk_hashes), chunk)
                manifest.chunk_hashes.append(image.hash_of_chunk(chunk))
        if not await self._images.switch(stored, manifest):
            return False
        metrics.IMAGE_REVISION.set(head.revision)
        metrics.IMAGES.inc()
        log.info(
            "published the image at revision %d:%d in Redis: %d entities, %d chunks, %.1f s",
            *(head.epoch, head.revision, head.live_count, len(manifest.chunk_hashes)),
            asyncio.get_running_loop().time() - began_s,
        )
        return True


async def complete_image(images: ImageStore, stored: bytes | None) -> replication_pb2.Image | None:
    """Return the image of a stored manifest, if all of its chunks are there.

    Raises:
        Unavailable: Redis does not answer.
    """
    if stored is None:
        return None
    try:
        opened = images.opened(stored)
    except image.DamagedImage as error:
        log.warning("the image in Redis is replaced: %s", error)
        return None
    return opened if await images.is_whole(opened) else None


async def _try_lock(tx: AsyncConnection) -> bool:
    """Take the publisher's lock until the transaction ends; returns whether it was free."""
    query = sa.text("SELECT pg_try_advisory_xact_lock(:lock)")
    got: bool = (await tx.execute(query, {"lock": IMAGE_LOCK})).scalar_one()
    return got


async def _chunks(tx: AsyncConnection) -> AsyncIterator[bytes]:
    """Yield the chunks of `current`, compressed in threads."""
    async with tx.stream(sa.text(LIVE_ENTITIES).execution_options(yield_per=ROWS_AT_ONCE)) as rows:
        async for part in rows.partitions(ROWS_AT_ONCE):
            entities = [(row[0], row[1], row[2]) for row in part]
            for chunk in await asyncio.to_thread(list, image.chunks_of(entities)):
                yield chunk
