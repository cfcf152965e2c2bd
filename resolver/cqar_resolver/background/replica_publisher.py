"""Keeps the published replica up with what is served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from cqar_resolver import metrics
from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.process.disk_space import DiskFull
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Freshness is published this often; change sets at once.
BEAT_S: Final = 0.1


class ReplicaPublisher:
    """Writes in a thread of its own, one write at a time."""

    def __init__(self, view: ReplicaState, writer: ReplicaWriter) -> None:
        self._view = view
        self._writer = writer
        self._cursor = view.change_log.replica
        self._boot_id = fmt.boot_id()
        self._published: fmt.Now | None = None
        self._thread = ThreadPoolExecutor(1, "published")

    async def run(self) -> None:
        """Publish until cancelled."""
        await self._view.loaded.wait()
        while True:
            raise_if_cancelled()
            await self._publish()
            if self._cursor.is_current:
                await self._view.wait_for_revision(BEAT_S)

    async def _publish(self) -> None:
        """Write what changed; change sets and freshness are of one moment."""
        now, snapshot, pending = self._now(), self._view.snapshot, self._cursor.pending()
        is_anew = self._cursor.is_lost
        if is_anew:
            self._cursor.restart()
            entities = snapshot.iter_entities()
            write: Callable[[], None]
            write = partial(self._writer.replace, snapshot.head, entities, now)
        elif pending or now != self._published:
            write = partial(self._writer.apply, pending, now)
        else:
            await self._in_thread(self._writer.tend, is_anew=False)
            return
        with metrics.PUBLISH_SECONDS.time():
            await self._in_thread(write, is_anew=is_anew)
        self._cursor.advance(pending)
        self._published = now
        metrics.PUBLISHED_REVISION.set(now.revision)

    async def _in_thread(self, work: Callable[[], None], *, is_anew: bool) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except DiskFull:
            # Change sets wait: they need less room than writing everything anew.
            if is_anew:
                self._cursor.lose()
            raise
        except BaseException:
            # It is unknown what was written: the next write is of the whole snapshot.
            self._cursor.lose()
            raise

    def _now(self) -> fmt.Now:
        view = self._view
        epoch, revision, _ = view.snapshot.position
        confirmed_ns = view.freshness.confirmed_ns
        bound = fmt.NO_BOUND if confirmed_ns is None else confirmed_ns
        return fmt.Now(0, 0, epoch, revision, bound, view.state, self._boot_id)

    def close(self) -> None:
        self._thread.shutdown()
        self._writer.close()
