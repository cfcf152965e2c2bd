"""Brings what is served up to a known head: from the stream, else from the outbox.

The stream comes first. It holds what PostgreSQL's primary committed, while the PostgreSQL that a
resolver reads may be a replica, which lags. A resolver that took a replica's head for the newest
would ask it again for each message, and never get there.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import Final

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import (
    AWAY,
    Rebootstrap,
    error_text,
    require_same_registry,
)
from cqar_resolver.replication.change_applier import ChangeApplier
from cqar_resolver.replication.epoch_requests import ask_for_bump
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.postgres import OutboxPage
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.messaging.jetstream import ConsumerLost
from cqar_shared.replication.positions import LogPosition, position_of

log = logging.getLogger(__name__)

#: Refused heads make a resolver look into the outbox no more often than this.
LOOK_INTERVAL_S: Final = 1.0


class CatchUp:
    """Applies what `view` lacks. After a try that was of no use it waits before the next."""

    def __init__(
        self,
        view: ReplicaState,
        ports: Ports,
        applier: ChangeApplier,
        signed: SignedHeads,
        terms: KnownTerms,
    ) -> None:
        self._view = view
        self._ports = ports
        self._applier = applier
        self._signed = signed
        self._terms = terms
        self._delay = RetryDelay(ports.scheduler.now_s, ports.scheduler.uniform)
        self._looked_s = -LOOK_INTERVAL_S
        #: The newest head that was heard of during a delay: perhaps no other one follows.
        self._owed: LogPosition | None = None

    @property
    def _local(self) -> LogPosition:
        return self._view.snapshot.position

    async def to(self, wanted: LogPosition | None, *, is_doubted: bool = False) -> None:
        """Apply what leads on from what is served, unless a delay runs.

        Args:
            wanted: A known head; None: whatever PostgreSQL has.
            is_doubted: A writer's head does not include what is served; the delay does not count.

        Raises:
            Rebootstrap: Nothing leads on from what is served.
        """
        if self._delay.left_s and not is_doubted:
            self._owed = wanted or self._owed
            return
        before, self._owed = self._local, None
        try:
            if is_doubted or wanted is None or not await self._from_stream(wanted):
                await self._from_outbox(is_doubted=is_doubted)
        except AWAY:
            self._delay.failed()
            raise
        is_there = wanted is None or not core.is_on_the_way(self._local, wanted)
        if is_there and self._local != before:
            self._delay.succeeded()
        else:
            self._delay.failed()

    async def again(self) -> None:
        """Do what a delay has put off, if anything.

        Raises:
            Rebootstrap: As for `to`.
        """
        if self._owed is not None:
            await self.to(self._owed)

    async def look_behind(self) -> None:
        """Catch up after a head was refused: PostgreSQL may lead to it, with a new signing key.

        Whoever sends heads does not decide how often PostgreSQL is asked.
        """
        now_s = self._ports.scheduler.now_s()
        if now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            await self.to(None)

    # ------------------------------------------------------------ the stream

    async def _from_stream(self, wanted: LogPosition) -> bool:
        """Apply what the stream still holds; True if that led to `wanted`."""
        if not core.is_on_the_way(self._local, wanted):
            return False
        stream = self._ports.stream
        try:
            mark = await stream.mark()
            first = await stream.search(mark, self._is_before)
            if first is None:
                return False
            async with aclosing(stream.held(first, mark.last)) as items:
                async for _, payload in items:
                    message = replication_pb2.StreamMessage.FromString(payload)
                    if not await self._apply_message(message):
                        break
                    if not core.is_on_the_way(self._local, wanted):
                        return True
        except (ConsumerLost, NatsError, TimeoutError, OSError, DecodeError) as error:
            log.info("not caught up from the stream: %s", error_text(error))
        return False

    def _is_before(self, payload: bytes) -> bool:
        """Whether a message comes before the first that leads on; False if it is unreadable."""
        try:
            head = replication_pb2.StreamMessage.FromString(payload).head
        except DecodeError:
            return False
        return core.is_before(position_of(head), self._local)

    async def _apply_message(self, message: replication_pb2.StreamMessage) -> bool:
        """Apply a message if it leads on; False if those behind it cannot lead on."""
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

    async def _from_outbox(self, *, is_doubted: bool) -> None:
        while True:
            metrics.CATCH_UPS.inc()
            local = self._local
            page = await self._ports.database.rows_after(local.revision)
            (head, row), rows = page
            require_same_registry(self._view, head)
            if not self._terms.takes(head, "postgres"):
                return
            action = core.on_head(
                *(local, position_of(head), head.compacted_revision, row), is_doubted=is_doubted
            )
            if action is Action.NOTHING:
                return
            if action is Action.BUMP:
                await self._ask_for_bump(head)
                return
            if action is Action.BOOTSTRAP or not rows:
                raise Rebootstrap("no_way_forward")
            await self._apply_page(page)

    async def _apply_page(self, page: OutboxPage) -> None:
        for row in page.rows:
            prev_chain = row.commit.prev_chain
            action = core.on_row(self._local, row.position, prev_chain, is_reset=row.is_reset)
            if action is not Action.APPLY:
                raise Rebootstrap("no_way_forward")
            if not self._signed.accepts(row.head, "outbox"):
                raise Rebootstrap("unsigned")
            await self._applier.apply(row.head, row.commit, "outbox")

    async def _ask_for_bump(self, found: replication_pb2.Head) -> None:
        """Ask whether what is served, which the database that was read does not have, was lost."""
        self._view.mark_stale("PostgreSQL does not have what is served")
        if await ask_for_bump(self._ports.requests, self._view.snapshot.head, found):
            raise Rebootstrap("lost_history")
