"""Brings what is served to a head that was heard of: from the stream, else from the outbox.

The stream comes first: it is what PostgreSQL's primary committed, while the PostgreSQL that a
resolver reads may be a replica, which lags. Whoever takes a replica's word for the newest asks it
again for each message, and never gets there.
"""

from __future__ import annotations

import logging
from contextlib import aclosing

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import AWAY, Rebootstrap, error_text, require_same_registry
from cqar_resolver.replication.change_applier import ChangeApplier
from cqar_resolver.replication.epoch_requests import ask_for_bump
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.postgres import OutboxPage, RegistryDatabase
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.messaging.jetstream import ConsumerLost
from cqar_shared.messaging.stream_reader import StreamReader
from cqar_shared.replication.positions import LogPosition, position_of

log = logging.getLogger(__name__)


class CatchUp:
    """Reads what `view` lacks; what was of no use is not done again at once."""

    def __init__(
        self,
        view: ReplicaState,
        database: RegistryDatabase,
        stream: StreamReader,
        client: Client,
        applier: ChangeApplier,
        signed: SignedHeads,
        terms: KnownTerms,
    ) -> None:
        self._view = view
        self._database = database
        self._stream = stream
        self._client = client
        self._applier = applier
        self._signed = signed
        self._terms = terms
        self._pause = RetryDelay()
        #: Heads that were heard of while it paused, the newest; no more come, perhaps.
        self._owed: LogPosition | None = None

    @property
    def _local(self) -> LogPosition:
        return self._view.snapshot.position

    async def to(self, wanted: LogPosition | None, *, is_doubted: bool = False) -> None:
        """Apply what leads on from what is served, unless that was of no use just now.

        Args:
            wanted: A head that was heard of; None: whatever PostgreSQL has.
            is_doubted: A writer's head does not know what is served.

        Raises:
            StartOver: Nothing leads on from it.
        """
        if self._pause.left_s and not is_doubted:
            self._owed = wanted or self._owed
            return
        before, self._owed = self._local, None
        try:
            if is_doubted or wanted is None or not await self._by_stream(wanted):
                await self._by_outbox(is_doubted=is_doubted)
        except AWAY:
            self._pause.failed()
            raise
        is_there = wanted is None or not core.is_on_the_way(self._local, wanted)
        if is_there and self._local != before:
            self._pause.succeeded()
        else:
            self._pause.failed()

    async def again(self) -> None:
        """Do what a pause kept from being done, if anything.

        Raises:
            StartOver: As `to`.
        """
        if self._owed is not None:
            await self.to(self._owed)

    # ------------------------------------------------------------ the stream

    async def _by_stream(self, wanted: LogPosition) -> bool:
        """Apply what the stream still holds; whether that led to `wanted`."""
        if not core.is_on_the_way(self._local, wanted):
            return False
        try:
            mark = await self._stream.mark()
            first = await self._stream.search(mark, self._is_before)
            if first is None:
                return False
            async with aclosing(self._stream.held(first, mark.last)) as items:
                async for _, payload in items:
                    message = replication_pb2.StreamMessage.FromString(payload)
                    if not await self._takes(message):
                        break
                    if not core.is_on_the_way(self._local, wanted):
                        return True
        except (ConsumerLost, NatsError, TimeoutError, OSError, DecodeError) as error:
            log.info("not caught up from the stream: %s", error_text(error))
        return False

    def _is_before(self, payload: bytes) -> bool:
        """Whether a message comes before the first that leads on; else what follows tells."""
        try:
            head = replication_pb2.StreamMessage.FromString(payload).head
        except DecodeError:
            return False
        return core.is_before(position_of(head), self._local)

    async def _takes(self, message: replication_pb2.StreamMessage) -> bool:
        """Apply a message that leads on; whether those after it may lead on, too."""
        head, served = message.head, self._view.snapshot.head
        if head.registry_id != served.registry_id or not self._terms.takes(head, "stream"):
            return False
        try:
            action = core.on_message(self._local, message)
        except core.UnknownMessage:
            return False
        if action is Action.APPLY and self._signed.accepts(head, "stream"):
            await self._applier.apply(head, message.commit, "stream")
            return True
        return action is Action.NOTHING

    # ------------------------------------------------------------ the outbox

    async def _by_outbox(self, *, is_doubted: bool) -> None:
        while True:
            metrics.CATCH_UPS.inc()
            local = self._local
            look, rows = found = await self._database.rows_after(local.revision)
            require_same_registry(self._view, look.head)
            if not self._terms.takes(look.head, "postgres"):
                return
            head, compacted = position_of(look.head), look.head.compacted_revision
            action = core.on_head(local, head, compacted, look.row, is_doubted=is_doubted)
            if action is Action.NOTHING:
                return
            if action is Action.BUMP:
                await self._ask_for_bump(look.head)
                return
            if action is Action.BOOTSTRAP or not rows:
                raise Rebootstrap("no_way_forward")
            await self._apply(found)

    async def _apply(self, found: OutboxPage) -> None:
        for row in found.rows:
            prev_chain = row.commit.prev_chain
            action = core.on_row(self._local, row.position, prev_chain, is_reset=row.is_reset)
            if action is not Action.APPLY:
                raise Rebootstrap("no_way_forward")
            if not self._signed.accepts(row.head, "outbox"):
                raise Rebootstrap("unsigned")
            await self._applier.apply(row.head, row.commit, "outbox")

    async def _ask_for_bump(self, found: replication_pb2.Head) -> None:
        """What is served is not in the database that was read, nor, perhaps, in the writers'."""
        self._view.mark_stale("PostgreSQL does not have what is served")
        if await ask_for_bump(self._client, self._view.snapshot.head, found):
            raise Rebootstrap("lost_history")
