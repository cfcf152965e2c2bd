"""What a resolver loads instead of PostgreSQL: the image in Redis, or its own checkpoint.

Either may be old, damaged or gone. The newer of the two is preferred, but the image only if it does
not go back behind the checkpoint. What cannot be believed is logged and left out. Nothing read
here is evidence that history was lost: only PostgreSQL can say so.
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
from cqar_shared.replication.positions import StreamMark
from cqar_shared.trust.trusted_keys import Unsigned

log = logging.getLogger(__name__)


class LoadedSnapshot(NamedTuple):
    """A snapshot, with where to follow the stream from.

    Attributes:
        source: `postgres`, `redis` or `file`.
        is_own: Whether it is known to be of PostgreSQL's registry.
        leads_to: PostgreSQL's head, if that follows in few steps.
        lacked_by: PostgreSQL's head, if that does not lead on from the snapshot.
        is_in_checkpoint: Whether the checkpoint holds it and may be appended to.
    """

    snapshot: Snapshot
    mark: StreamMark | None
    source: str
    is_own: bool = False
    leads_to: replication_pb2.Head | None = None
    lacked_by: replication_pb2.Head | None = None
    is_in_checkpoint: bool = False


class BootstrapCandidate(NamedTuple):
    """The head of what may be loaded, and how to load it."""

    head: replication_pb2.Head
    source: HeadSource
    load: Callable[[], Awaitable[LoadedSnapshot]]


class BootstrapSources:
    """The image and the checkpoint; both are optional.

    Args:
        in_thread: Runs what waits for the disk or takes long, and returns its result.
        memory_limit_mib: Loading that would take this process beyond it is refused; 0: no limit.
        signed: Which heads are accepted.
    """

    def __init__(
        self,
        images: ImageStore | None,
        file: CheckpointFile | None,
        in_thread: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        memory_limit_mib: int = 0,
        signed: SignedHeads | None = None,
    ) -> None:
        self._images = images
        self._file = file
        self._in_thread = in_thread
        self._memory_limit_mib = memory_limit_mib
        self._signed = signed or SignedHeads()

    async def newest(
        self, held: replication_pb2.Head | None, required_registry_id: bytes = b""
    ) -> LoadedSnapshot | None:
        """Load the newest that can be believed; None if nothing leads on from what is held.

        Args:
            required_registry_id: The registry to load, if it is known not to be the one held.
        """
        candidates = core.bootstrap_candidates(
            *(held, await self.checkpoint(), await self._image()),
            required_registry_id=required_registry_id,
        )
        for candidate in candidates:
            if (loaded := await self.load(candidate)) is not None:
                return loaded
        return None

    async def checkpoint(self) -> BootstrapCandidate | None:
        """Read what the last process kept, if that can be read."""
        checkpoint = await self._read_file()
        if checkpoint is None:
            return None

        async def load() -> LoadedSnapshot:
            # No signature covers the index entries in a file.
            make = checkpoint.counted_snapshot if self._signed.is_asked else checkpoint.snapshot
            return LoadedSnapshot(
                *(await self._in_thread(make), checkpoint.mark, "file"),
                is_in_checkpoint=checkpoint.appendable,
            )

        return BootstrapCandidate(checkpoint.head, "file", load)

    async def _read_file(self) -> Checkpoint | None:
        if self._file is None:
            return None
        try:
            checkpoint: Checkpoint | None = await self._in_thread(self._file.read)
        except (image.DamagedImage, OSError) as error:
            if isinstance(error, image.ForgedImage):
                refused_values.note("file", str(error))
            log.warning("%s is not used: %s", self._file.path, error)
            return None
        return checkpoint

    async def _image(self) -> BootstrapCandidate | None:
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
            manifest.head, "redis", partial(self._load_image, images, manifest)
        )

    async def _load_image(
        self, images: ImageStore, manifest: replication_pb2.Image
    ) -> LoadedSnapshot:
        entities = image.entities_of(manifest, await images.chunks(manifest))
        snapshot = await self._in_thread(Snapshot, manifest.head, entities)
        return LoadedSnapshot(snapshot, image.mark_of(manifest.stream), "redis")

    async def load(self, candidate: BootstrapCandidate) -> LoadedSnapshot | None:
        """Load a candidate; None if it cannot be believed, or there is no memory for it."""
        try:
            require_room(self._memory_limit_mib, candidate.head.live_count)
            with metrics.HYDRATE_SECONDS.labels(candidate.source).time():
                loaded = await candidate.load()
            self._signed.admit(loaded.snapshot, candidate.source)
        except (
            *(image.DamagedImage, Diverged, DecodeError),
            *(Unavailable, MemoryLimitExceeded, Unsigned),
        ) as error:
            if isinstance(error, image.ForgedImage):
                refused_values.note("file" if candidate.source == "file" else "image", str(error))
            log.warning("what %s holds is not used: %s", candidate.source, error)
            return None
        return loaded
