"""The registry's head, read for many askers at once.

A probe's answer must have been read after the probe came, or it proves nothing about
freshness. So an asker never joins a read that has begun; all who come during one share the next.
"""

from __future__ import annotations

import asyncio
from typing import Final

from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import NotReady
from shared.history import is_reached
from writer import store
from writer.newest import Newest

#: To read the head takes a millisecond; who asks a writer for it waits for 2 s.
READ_TIMEOUT_S: Final = 1.5


class Heads:
    def __init__(self, engine: AsyncEngine, newest: Newest | None = None) -> None:
        self._engine = engine
        self._newest = newest or Newest()
        self._running: asyncio.Task[store.HeadRow] | None = None
        self._next: asyncio.Task[store.HeadRow] | None = None

    async def read(self) -> store.HeadRow:
        """The head, as it was at some moment after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._running))
        return await asyncio.shield(self._next)

    async def _read_after(self, running: asyncio.Task[store.HeadRow] | None) -> store.HeadRow:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        # A read that hangs must not keep the next one waiting: that has a connection of its own.
        async with asyncio.timeout(READ_TIMEOUT_S), self._engine.connect() as tx:
            head = await store.read_head(tx)
        self._newest.note_head(head)
        return head

    async def reach(self, epoch: int, revision: int, _: float) -> None:
        """Return if the registry is at least there: nobody is further than PostgreSQL.

        Raises:
            NotReady: It is not, and waiting would not help.
            EpochChanged: It is of a later epoch.
        """
        head = await self.read()
        if not is_reached((epoch, revision), head.epoch, head.revision):
            message = f"the registry is at {head.epoch}:{head.revision}, before {epoch}:{revision}"
            raise NotReady(message)

    async def answer(self, _: bytes) -> bytes:
        """Answer a resolver's probe."""
        return head_message(await self.read()).SerializeToString()


def head_message(head: store.HeadRow) -> replication_pb2.Head:
    return replication_pb2.Head(
        registry_id=head.registry_id,
        epoch=head.epoch,
        revision=head.revision,
        chain=head.chain,
        live_count=head.live_count,
        set_hash=head.set_hash,
        compacted_revision=head.compacted_revision,
        signature=head.signature or b"",
        signing_key_id=head.signing_key_id or "",
        timeline=head.timeline,
        promoted_at_us=head.promoted_at_us,
    )
