"""Keeps the published replica up with what is served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from cqar_resolver import metrics
from cqar_resolver.local_replica.queue import Taken
from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.process.disk_space import DiskFull
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.runtime.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: How current it is is told this often; what changed, at once.
BEAT_S: Final = 0.1


class ReplicaPublisher:
    """Writes in a thread of its own, one write at a time."""

    def __init__(self, view: ReplicaState, published: ReplicaWriter) -> None:
        self._view = view
        self._published = published
        self._moves = view.moves
        self._boot_id = fmt.boot_id()
        self._told: fmt.Now | None = None
        self._thread = ThreadPoolExecutor(1, "published")

    async def run(self) -> None:
        """Publish until cancelled."""
        await self._view.loaded.wait()
        while True:
            raise_if_cancelled()
            self._moves.stirred.clear()
            await self._publish()
            try:
                async with asyncio.timeout(BEAT_S):
                    await self._moves.stirred.wait()
            except TimeoutError:
                continue

    async def _publish(self) -> None:
        """Write what changed; what is taken, and how current it is, are of one moment."""
        now, snapshot, moves = self._now(), self._view.snapshot, self._moves.take()
        begins = not self._moves.is_whole
        if begins:
            self._moves.is_whole = True
            entities = snapshot.iter_entities()
            write: Callable[[], None]
            write = partial(self._published.replace, snapshot.head, entities, now)
        elif moves or now != self._told:
            write = partial(self._published.apply, moves, now)
        else:
            await self._in_thread(self._published.tend, [])
            return
        with metrics.PUBLISH_SECONDS.time():
            await self._in_thread(write, None if begins else moves)
        self._told = now
        metrics.PUBLISHED_REVISION.set(now.revision)

    async def _in_thread(self, work: Callable[[], None], moves: Taken | None) -> None:
        """Do it there.

        Args:
            moves: What it tells; None where it begins with all that there is.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except DiskFull:
            # There is less room for all anew than for these, once there is some.
            if moves is None:
                self._moves.replaced()
            else:
                self._moves.put_back(moves)
            raise
        except BaseException:
            # Whatever was taken is in the snapshot: the next one is written from that.
            self._moves.replaced()
            raise

    def _now(self) -> fmt.Now:
        view = self._view
        epoch, revision, _ = view.snapshot.position
        confirmed_ns = view.freshness.confirmed_ns
        bound = fmt.NO_BOUND if confirmed_ns is None else confirmed_ns
        return fmt.Now(0, 0, epoch, revision, bound, view.state, self._boot_id)

    def close(self) -> None:
        self._thread.shutdown()
        self._published.close()
