"""Where a resolver starts from when PostgreSQL cannot serve it: Redis, or its own file.

Either may be old, damaged or gone. The newer of the two counts; what cannot be believed is said
in the log and left out. Nothing read here is evidence that history was lost: that is for
PostgreSQL alone to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from cqc.replication.v1 import replication_pb2

from resolver import metrics
from resolver.last_good import Kept, LastGood
from resolver.snapshot import Diverged, Snapshot
from shared import image
from shared.cache import Unavailable
from shared.image_store import ImageStore
from shared.stream_mark import StreamMark

log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A snapshot, where to follow the stream from, and what it came from.

    Attributes:
        source: `postgres`, `redis` or `file`.
        as_of_s: Boot clock; nothing committed before is missing. None where that is not known.
    """

    snapshot: Snapshot
    mark: StreamMark | None
    source: str
    as_of_s: float | None = None


class _Candidate(NamedTuple):
    """What may be loaded, and how."""

    head: replication_pb2.Head
    source: str
    load: Callable[[], Awaitable[Loaded]]


class Sources:
    """Both are optional."""

    def __init__(self, images: ImageStore | None, last_good: LastGood | None) -> None:
        self._images = images
        self._last_good = last_good

    async def newest(self, wanted: Callable[[replication_pb2.Head], bool]) -> Loaded | None:
        """Load the newest that is wanted and can be believed; None where there is none."""
        found = [c for c in (await self._in_file(), await self._in_redis()) if c is not None]
        found = [candidate for candidate in found if wanted(candidate.head)]
        found.sort(key=lambda candidate: candidate.head.revision, reverse=True)
        found.sort(key=lambda candidate: candidate.head.epoch, reverse=True)
        for candidate in found:
            try:
                with metrics.HYDRATE_SECONDS.labels(candidate.source).time():
                    return await candidate.load()
            except (image.Damaged, Diverged, Unavailable) as error:
                log.warning("what %s holds is not used: %s", candidate.source, error)
        return None

    async def kept(self) -> Kept | None:
        """What the file holds; None where it holds nothing that can be believed."""
        if self._last_good is None:
            return None
        try:
            return await asyncio.to_thread(self._last_good.read)
        except (image.Damaged, OSError) as error:
            log.warning("%s is not used: %s", self._last_good.path, error)
            return None

    async def _in_file(self) -> _Candidate | None:
        kept = await self.kept()
        if kept is None:
            return None

        async def load() -> Loaded:
            return Loaded(await asyncio.to_thread(kept.snapshot), kept.mark, "file")

        return _Candidate(kept.head, "file", load)

    async def _in_redis(self) -> _Candidate | None:
        if self._images is None:
            return None
        try:
            stored = await self._images.manifest()
            if stored is None:
                return None
            manifest = image.manifest_of(stored)
        except (image.Damaged, Unavailable) as error:
            log.warning("the image in Redis is not used: %s", error)
            return None
        return _Candidate(manifest.head, "redis", partial(_from_redis, self._images, manifest))


async def _from_redis(images: ImageStore, manifest: replication_pb2.Image) -> Loaded:
    chunks = await images.chunks(manifest)
    entities = image.entities_of(manifest, chunks)
    snapshot = await asyncio.to_thread(Snapshot, manifest.head, entities)
    return Loaded(snapshot, image.mark_of(manifest.stream), "redis")
