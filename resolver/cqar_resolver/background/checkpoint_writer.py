"""Keeps the last good file up with what is served: now and then, and when the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cqar_resolver import metrics
from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.checkpoint.checkpoint_log import CheckpointLog
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication.stream_mark import StreamMark
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: The file is rewritten when what was appended is larger than its image, and than this.
APPENDED_BYTES_MIN: Final = 4 * 1024 * 1024

T = TypeVar("T")


class CheckpointWriter:
    """Writes the file, one write at a time.

    Args:
        mark: How far the stream was read for what is served.
    """

    def __init__(
        self,
        view: ReplicaState,
        last_good: CheckpointFile,
        mark: Callable[[], StreamMark | None],
        journal: CheckpointLog,
    ) -> None:
        self._view = view
        self._last_good = last_good
        self._mark = mark
        self._journal = journal
        self._image_bytes = 0
        self._appended_bytes = 0
        # A write whose waiter was cancelled goes on: the next one queues behind it.
        self._thread = ThreadPoolExecutor(1, "last-good")

    async def run(self, every_s: float) -> None:
        """Keep what was loaded at once, then what changed, every so many seconds."""
        await self._view.loaded.wait()
        while True:
            raise_if_cancelled()
            await self.keep()
            await asyncio.sleep(every_s)

    async def keep(self) -> None:
        """Write what is not yet in the file, if anything; a failure is logged, and made good later.

        To be called by one task at a time.
        """
        if not self._view.is_complete:
            return
        try:
            with metrics.KEEP_SECONDS.time():
                await self._write()
        except OSError as error:
            self._journal.replaced()
            metrics.KEEP_FAILURES.inc()
            log.warning("the last good state is not kept in %s: %s", self._last_good.path, error)

    async def _write(self) -> None:
        long = self._appended_bytes > max(self._image_bytes, APPENDED_BYTES_MIN)
        mark, revision = self._mark(), self._view.snapshot.position.revision
        if self._journal.needs_image or long:
            self._journal.needs_image = False
            self._journal.take()
            head, entities = self._view.snapshot.head, self._view.snapshot.iter_entities()
            self._image_bytes = await self._in_thread(
                lambda: self._last_good.begin(head, entities, mark)
            )
            self._appended_bytes = 0
        elif commits := self._journal.take():
            self._appended_bytes += await self._in_thread(
                lambda: self._last_good.append(commits, mark)
            )
        metrics.KEPT_REVISION.set(revision)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except asyncio.CancelledError:
            # Whether it was written will never be known here.
            self._journal.replaced()
            raise

    def close(self) -> None:
        self._thread.shutdown()
