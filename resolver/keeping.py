"""Keeps the last good file up with what is served: now and then, and when the process ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cqc.replication.v1 import replication_pb2

from resolver import metrics
from resolver.last_good import LastGood
from resolver.view import View
from shared.stream_mark import StreamMark
from shared.tasks import heed_cancellation

log = logging.getLogger(__name__)

#: What waits to be appended; beyond it a new image is written instead.
WAITING_BYTES_MAX: Final = 8 * 1024 * 1024
#: The file is rewritten when what was appended is larger than its image, and than this.
APPENDED_BYTES_MIN: Final = 4 * 1024 * 1024

T = TypeVar("T")


class Journal:
    """What is served and not yet in the file. Pure."""

    def __init__(self) -> None:
        self.needs_image = True
        self._waiting: list[replication_pb2.StreamMessage] = []
        self._bytes = 0

    def replaced(self) -> None:
        """The file does not lead to what is served."""
        self.begin(is_kept=False)

    def begin(self, *, is_kept: bool) -> None:
        """What is served was loaded.

        Args:
            is_kept: From the file, where what comes next may be appended.
        """
        self.needs_image = not is_kept
        self._waiting.clear()
        self._bytes = 0

    def applied(self, head: replication_pb2.Head, commit: replication_pb2.Commit) -> None:
        """What is served moved on by a change set."""
        if self.needs_image:
            return
        self._waiting.append(replication_pb2.StreamMessage(head=head, commit=commit))
        self._bytes += len(commit.change_set)
        if self._bytes > WAITING_BYTES_MAX:
            self.replaced()

    def take(self) -> list[replication_pb2.StreamMessage]:
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken


class Keeping:
    """Writes the file, one write at a time.

    Args:
        mark: How far the stream was read for what is served.
    """

    def __init__(
        self,
        view: View,
        last_good: LastGood,
        mark: Callable[[], StreamMark | None],
        journal: Journal,
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
            heed_cancellation()
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
            head, entities = self._view.snapshot.head, self._view.snapshot.copied()
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
