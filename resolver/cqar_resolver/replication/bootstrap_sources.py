"""Where a resolver starts from instead of PostgreSQL: Redis, or its own file.

Either may be old, damaged or gone. The newer of the two counts, and the image never where it goes
back behind the file; what cannot be believed is said in the log and left out. Nothing read here
is evidence that history was lost: that is for PostgreSQL alone to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_resolver import metrics
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.checkpoint.checkpoint_format import Checkpoint
from cqar_resolver.process.memory_limit import MemoryLimitExceeded, require_room
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.signed_heads import HeadSource, SignedHeads
from cqar_resolver.snapshot.snapshot import Diverged, Snapshot
from cqar_shared.redis_store import refused_values
from cqar_shared.redis_store.cache import Unavailable
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.replication import image
from cqar_shared.replication.stream_mark import StreamMark
from cqar_shared.trust.trusted_keys import Unsigned

log = logging.getLogger(__name__)


class LoadedSnapshot(NamedTuple):
    """A snapshot, where to follow the stream from, and what it came from.

    Attributes:
        source: `postgres`, `redis` or `file`.
        is_own: It is of PostgreSQL's registry.
        leads_to: PostgreSQL's head, where that follows in few steps.
        lacked_by: PostgreSQL's head, where that does not lead on from it.
        is_in_checkpoint: The file has it, and what comes next may be appended there.
    """

    snapshot: Snapshot
    mark: StreamMark | None
    source: str
    is_own: bool = False
    leads_to: replication_pb2.Head | None = None
    lacked_by: replication_pb2.Head | None = None
    is_in_checkpoint: bool = False


class BootstrapCandidate(NamedTuple):
    """What may be loaded, and how."""

    head: replication_pb2.Head
    source: HeadSource
    load: Callable[[], Awaitable[LoadedSnapshot]]


class BootstrapSources:
    """Both are optional.

    Args:
        in_thread: Runs what waits for the disk or takes long, and returns what it returns.
        memory_limit_mib: What loading must not take this process beyond; 0: no limit.
        signed: Which heads are taken.
    """

    def __init__(
        self,
        images: ImageStore | None,
        last_good: CheckpointFile | None,
        in_thread: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        memory_limit_mib: int = 0,
        signed: SignedHeads | None = None,
    ) -> None:
        self._signed = signed or SignedHeads()
        self._memory_limit_mib = memory_limit_mib
        self._images = images
        self._last_good = last_good
        self._in_thread = in_thread

    async def newest(
        self, held: replication_pb2.Head | None, required_registry_id: bytes = b""
    ) -> LoadedSnapshot | None:
        """Load the newest that can be believed; None where nothing leads on from what is held.

        Args:
            required_registry_id: The registry to load, if it is known not to be the one served.
        """
        kept, published = await self.kept(), await self._in_redis()
        for candidate in core.bootstrap_candidates(
            held, kept, published, required_registry_id=required_registry_id
        ):
            if (loaded := await self.tried(candidate)) is not None:
                return loaded
        return None

    async def _read_file(self) -> Checkpoint | None:
        """What the file holds; None where it holds nothing that can be believed."""
        if self._last_good is None:
            return None
        try:
            kept: Checkpoint | None = await self._in_thread(self._last_good.read)
        except (image.DamagedImage, OSError) as error:
            if isinstance(error, image.ForgedImage):
                refused_values.note("file", str(error))
            log.warning("%s is not used: %s", self._last_good.path, error)
            return None
        return kept

    async def kept(self) -> BootstrapCandidate | None:
        """What the last process kept, if that can be read."""
        kept = await self._read_file()
        if kept is None:
            return None

        async def load() -> LoadedSnapshot:
            # What a file says of indexes, no signature covers.
            make = kept.counted_snapshot if self._signed.is_asked else kept.snapshot
            snapshot = await self._in_thread(make)
            return LoadedSnapshot(snapshot, kept.mark, "file", is_in_checkpoint=kept.appendable)

        return BootstrapCandidate(kept.head, "file", load)

    async def _in_redis(self) -> BootstrapCandidate | None:
        images = self._images
        if images is None:
            return None
        try:
            stored = await images.manifest()
            if stored is None:
                return None
            manifest = images.opened(stored)
        except (image.DamagedImage, Unavailable) as error:
            log.warning("the image in Redis is not used: %s", error)
            return None
        return BootstrapCandidate(
            manifest.head, "redis", partial(self._from_redis, images, manifest)
        )

    async def _from_redis(
        self, images: ImageStore, manifest: replication_pb2.Image
    ) -> LoadedSnapshot:
        entities = image.entities_of(manifest, await images.chunks(manifest))
        snapshot = await self._in_thread(Snapshot, manifest.head, entities)
        return LoadedSnapshot(snapshot, image.mark_of(manifest.stream), "redis")

    async def tried(self, candidate: BootstrapCandidate) -> LoadedSnapshot | None:
        """Load it; None where it cannot be believed."""
        try:
            require_room(self._memory_limit_mib, candidate.head.live_count)
            with metrics.HYDRATE_SECONDS.labels(candidate.source).time():
                loaded = await candidate.load()
            self._signed.admit(loaded.snapshot, candidate.source)
        except (
            image.DamagedImage,
            Diverged,
            DecodeError,
            Unavailable,
            MemoryLimitExceeded,
            Unsigned,
        ) as error:
            if isinstance(error, image.ForgedImage):
                refused_values.note("file" if candidate.source == "file" else "image", str(error))
            log.warning("what %s holds is not used: %s", candidate.source, error)
            return None
        return loaded
