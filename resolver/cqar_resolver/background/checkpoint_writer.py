"""Keeps the checkpoint up with what is served: now and then, and when the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cqc.replication.v1 import replication_pb2

from cqar_resolver import metrics
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication.positions import StreamMark
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: The file is rewritten once the appended part is larger than the image, and than this.
APPENDED_BYTES_MIN: Final = 4 * 1024 * 1024

T = TypeVar("T")


class CheckpointWriter:
    """Writes the file, one write at a time.

    Args:
        mark: Gives how far the stream was read for what is served.
    """

    def __init__(
        self, view: ReplicaState, file: CheckpointFile, mark: Callable[[], StreamMark | None]
    ) -> None:
        self._view = view
        self._cursor = view.change_log.checkpoint
        self._file = file
        self._mark = mark
        self._image_bytes = 0
        self._appended_bytes = 0
        # A write whose waiter was cancelled goes on: the next one queues behind it.
        self._thread = ThreadPoolExecutor(1, "last-good")

    async def run(self, every_s: float) -> None:
        """Write at once what was loaded, then what changed, every so many seconds."""
        await self._view.loaded.wait()
        while True:
            raise_if_cancelled()
            await self.write()
            await asyncio.sleep(every_s)

    async def write(self) -> None:
        """Write what is not yet in the file; a failure is logged and made good later.

        Only one task may call this at a time.
        """
        if not self._view.is_complete:
            return
        try:
            with metrics.KEEP_SECONDS.time():
                await self._write()
        except OSError as error:
            metrics.KEEP_FAILURES.inc()
            log.warning("the last good state is not kept in %s: %s", self._file.path, error)

    async def _write(self) -> None:
        is_long = self._appended_bytes > max(self._image_bytes, APPENDED_BYTES_MIN)
        mark, snapshot = self._mark(), self._view.snapshot
        head = snapshot.head
        if self._cursor.is_lost or is_long:
            self._cursor.restart()
            entities = snapshot.iter_entities()
            self._image_bytes = await self._in_thread(
                lambda: self._file.begin(head, entities, mark)
            )
            self._appended_bytes = 0
        elif pending := self._cursor.pending():
            commits = [replication_pb2.StreamMessage(head=h, commit=c) for h, c in pending]
            self._appended_bytes += await self._in_thread(lambda: self._file.append(commits, mark))
            self._cursor.advance(pending)
        metrics.KEPT_REVISION.set(head.revision)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (OSError, asyncio.CancelledError):
            # After a cancellation it is unknown whether the write succeeded.
            self._cursor.lose()
            raise

    def close(self) -> None:
        self._thread.shutdown()
