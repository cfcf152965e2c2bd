"""Keeps a file up with what is served, waiting where `checkpoint_writer.CheckpointWriter` waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cqc.replication.v1 import replication_pb2

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.redis_store.image_store import fresh_publication
from cqar_shared.replication.positions import StreamMark, position_of
from tests.protocol.file import File
from tests.protocol.pausing import pause
from tests.support.integrity_keys import FILES


class Keeping:
    """Attributes:
    rewrites: The next write is of an image, as after many change sets.
    is_idle: Nothing is being written.
    """

    def __init__(
        self,
        view: ReplicaState,
        file: File,
        mark: Callable[[], StreamMark | None],
    ) -> None:
        self._view = view
        self._file = file
        self._mark = mark
        self._cursor = view.change_log.checkpoint
        self.rewrites = False
        self.is_idle = True

    async def run(self) -> None:
        while True:
            if self._view.is_complete:
                self.is_idle = False
                try:
                    await self._write()
                except OSError:
                    self._cursor.lose()
                self.is_idle = True
            await pause()

    async def _write(self) -> None:
        mark, snapshot = self._mark(), self._view.snapshot
        if self._cursor.is_lost or self.rewrites:
            self.rewrites = False
            self._cursor.restart()
            head, entities = snapshot.head, snapshot.iter_entities()
            await pause()
            parts = list(
                checkpoint_format.image_parts(head, entities, mark, FILES, fresh_publication())
            )
            await pause()
            self._file.put(b"".join(parts), position_of(head))
            self._file.tag = checkpoint_format.tag_of(parts[1])
        elif pending := self._cursor.pending():
            commits = [replication_pb2.StreamMessage(head=h, commit=c) for h, c in pending]
            await pause()
            await self._append(commits, mark)
            self._cursor.advance(pending)

    async def _append(
        self, commits: Sequence[replication_pb2.StreamMessage], mark: StreamMark | None
    ) -> None:
        """As a disk may do it: in no order, at last all of it."""
        part = checkpoint_format.since_part(commits, mark, FILES, self._file.tag)
        if self._file.data is None:
            raise FileNotFoundError
        size, proven, third = len(self._file.data), self._file.proves, len(part) // 3
        torn = (part[:third], bytes(len(part)), part[:third] + bytes(third) + part[2 * third :])
        for written in torn:
            self._file.write_at(size, written)
            self._file.require_room()
            await pause()
        self._file.write_at(size, part)
        self._file.tag = checkpoint_format.tag_of(part)
        if proven is not None and self._file.proves is not None:
            self._file.proves = position_of(commits[-1].head)
