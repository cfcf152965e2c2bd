"""Publishes the outbox on CQAR_CHANGES, in order and once, whatever fails meanwhile.

Every writer runs one. The relay that holds an advisory lock leads; leadership saves work and is
not needed for safety. Each publish states the stream's last sequence, so two relays at once cannot
publish twice or out of order, and any relay that sees the stream behind takes up a stopped
leader's work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT
from cqar_shared.replication.positions import NO_TERM, LogPosition, Term, position_of, term_of
from cqar_shared.runtime import tracing
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_shared.trust import signatures
from cqar_writer import metrics
from cqar_writer.database.fencing import Fencing, no_writers
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow, head_message
from cqar_writer.protocol.relay import RelayAction, believable_tail, parse_tail, plan
from cqar_writer.protocol.terms import Remedy
from cqar_writer.reads.entity_history import trace_of
from cqar_writer.relays.foreign_messages import note_foreign, require_own
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 1.0
#: The server drops heartbeats after a minute, so that they do not fill the stream.
HEARTBEAT_TTL_S: Final = 60
BATCH_ROWS: Final = 64
#: How often the chain is logged: it is evidence against somebody who can rewrite PostgreSQL only if
#: it is recorded elsewhere.
CHAIN_LOGGED_EVERY_S: Final = 3_600.0
#: A relay that does not lead publishes once the stream has been behind for this long.
PATIENCE_S: Final = 0.5

Bump = Callable[[int, int, int], Awaitable[bool]]


class StreamTail(NamedTuple):
    """The end of the stream.

    Attributes:
        last: The last sequence.
        head: The head in the newest message; None if there is none, or it cannot be read.
        info: The stream's state; None if this relay published the newest message itself.
    """

    last: int
    head: replication_pb2.Head | None
    info: StreamInfo | None = None


class ChangeRelay:
    """Advances the stream towards the database's head, a step at a time.

    Args:
        bump: Begins an epoch beyond a position that was seen.
        database: Judges the server behind `engine`; None: by what this relay sees alone.
        fencing: Asks other writers about a later database; None: there are none.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        js: JetStreamContext,
        bump: Bump,
        database: PrimaryDatabase | None = None,
        fencing: Fencing | None = None,
    ) -> None:
        self._engine = engine
        self._database = database or PrimaryDatabase(NewestPosition(), engine)
        self._fencing = fencing or Fencing(self._database, no_writers)
        self._js = js
        self._bump = bump
        self._heartbeat_at = 0.0
        self._chain_logged_at = -CHAIN_LOGGED_EVERY_S
        self._behind_since: float | None = None
        #: The message that this relay published last; spares reading it back.
        self._known: StreamTail | None = None

    async def step(self, *, leads: bool) -> bool:
        """Look once and act once; True if there is more to do at once.

        Raises:
            ForeignStream: the stream belongs to another registry.
            ServiceNotReady: the database is not the registry's current one.
        """
        self._database.require_unfenced()
        stream = self._known or await self._read_tail()
        raise_if_cancelled()
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ")
            head, remedy = await self._database.look(tx)
            tail = self._believable_tail(head, stream)
            readable = tail if remedy is Remedy.USE else None
            rows = await outbox.rows_after(tx, readable.revision, BATCH_ROWS) if readable else []
        if remedy is not Remedy.USE:
            # Another connection is tried at once. An epoch that is needed begins by itself
            # (`cqar_writer.database.epoch_lock.Epochs.run`), and its commit wakes this relay.
            self._known = None
            self._database.require_unfenced()
            return remedy is Remedy.LEAVE
        if stream.head is not None and await self._fencing.heed(head, stream.head):
            reason = f"claims a database of {term_of(stream.head)}"
            note_foreign(CHANGES, stream.last, reason)
            tail, rows = None, []
        if stream.info is not None and not jetstream.owner_of(stream.info):
            await jetstream.claim(self._js, stream.info, head.registry_id)
        self._measure(head, tail)
        if not leads and not self._patience_ended(head, tail):
            self._known = None
            return False
        try:
            return await self._act(head, stream.last, tail, rows)
        except jetstream.LostRace:
            self._known = None
            return True
        except BaseException:
            # A publish that was not answered may be stored or not: only the stream knows.
            self._known = None
            raise

    async def _read_tail(self) -> StreamTail:
        """Read the last sequence, then the newest message: the publish detects a race."""
        info = await self._js.stream_info(CHANGES)
        last = jetstream.mark_in(info).last
        try:
            newest = await self._js.get_msg(CHANGES, subject=CHANGES_SUBJECT)
        except NotFoundError:
            return StreamTail(last, None, info)
        head = parse_tail(newest.data)
        if head is None:
            note_foreign(CHANGES, newest.seq, "cannot be read")
        return StreamTail(last, head, info)

    def _believable_tail(self, head: HeadRow, stream: StreamTail) -> LogPosition | None:
        """Return the newest message's position, if a relay of this registry can have published it.

        Raises:
            ForeignStream: the stream belongs to another registry.
        """
        own, stated = head.registry_id, stream.head
        owner = jetstream.owner_of(stream.info) if stream.info else own.hex()
        require_own(CHANGES, owner, own)
        if stated is None:
            return None
        if stated.registry_id != own:
            if not owner:
                require_own(CHANGES, stated.registry_id.hex(), own)
            note_foreign(CHANGES, stream.last, f"is of registry {stated.registry_id.hex()[:64]}")
            return None
        position = position_of(stated)
        if believable_tail(position_of(head), position) is None:
            reason = f"states {position}, and the registry is at {head.revision}"
            note_foreign(CHANGES, stream.last, reason)
            return None
        return position

    async def _act(
        self,
        head: HeadRow,
        last: int,
        tail: LogPosition | None,
        rows: list[OutboxRow],
    ) -> bool:
        position = position_of(head)
        is_full = len(rows) == BATCH_ROWS
        for action, row in plan(position, head.compacted_revision, tail, rows, is_full=is_full):
            if action is not RelayAction.PUBLISH or row is None:
                break
            message = commit_message(head.registry_id, row, term_of(head))
            with tracing.span("publish CQAR_CHANGES", partial(trace_of, row)):
                last = await self._publish(message, last)
            self._known = StreamTail(last, message.head)
        if action is RelayAction.RESET:
            log.warning("publishing RESET to %s (tail %s)", position, tail or "none")
            last = await self._publish(reset_message(head), last)
            self._known = StreamTail(last, head_message(head))
            metrics.RESETS.inc()
        elif action is RelayAction.BUMP and tail is not None:
            log.error("the stream's tail %s is not in the database", tail)
            self._known = None
            await self._bump(head.epoch, tail.epoch, tail.revision)
            return True
        elif action is RelayAction.REST and self._heartbeat_due():
            # The tail is read back once a second, cached or not.
            self._known = None
            await self._publish(heartbeat_message(head), last, HEARTBEAT_TTL_S)
            self._heartbeat_at = time.monotonic()
            self._log_chain(head)
        return action is not RelayAction.REST

    async def _publish(
        self, message: replication_pb2.StreamMessage, last: int, ttl_s: int | None = None
    ) -> int:
        payload = message.SerializeToString()
        return await jetstream.publish_expecting(
            self._js, CHANGES, CHANGES_SUBJECT, payload, last, ttl_s=ttl_s
        )

    def _log_chain(self, head: HeadRow) -> None:
        """Log the chain hourly, and at the start: `cqar audit verify --noted` compares it."""
        if self._heartbeat_at - self._chain_logged_at >= CHAIN_LOGGED_EVERY_S:
            self._chain_logged_at = self._heartbeat_at
            position, signature = position_of(head), head.signature or b""
            key_id = head.signing_key_id or ""
            fields = {
                "epoch": position.epoch,
                "revision": position.revision,
                "chain": position.chain.hex(),
                "signing_key_id": key_id,
                "signature": signature.hex(),
            }
            said = signatures.signature_text(position.whole, key_id, signature)
            log.info("the chain is at %s", said, extra={"fields": fields})

    def _heartbeat_due(self) -> bool:
        return time.monotonic() - self._heartbeat_at >= HEARTBEAT_S

    def _patience_ended(self, head: HeadRow, tail: LogPosition | None) -> bool:
        if tail is not None and (tail.epoch, tail.revision) == (head.epoch, head.revision):
            self._behind_since = None
            return False
        now = time.monotonic()
        self._behind_since = self._behind_since or now
        return now - self._behind_since >= PATIENCE_S

    def _measure(self, head: HeadRow, tail: LogPosition | None) -> None:
        metrics.PROGRESS.committed(head.epoch, head.revision)
        if tail is not None:
            metrics.PROGRESS.published(tail.revision)


def commit_message(
    registry_id: bytes, row: OutboxRow, term: Term = NO_TERM
) -> replication_pb2.StreamMessage:
    """The message of a change set that the database of `term` committed."""
    after = replication_pb2.Head(
        registry_id=registry_id,
        timeline=term.timeline,
        promoted_at_us=term.promoted_at_us,
        epoch=row.epoch,
        revision=row.revision,
        chain=row.chain,
        live_count=row.live_count,
        set_hash=row.set_hash,
        signature=row.signature or b"",
        signing_key_id=row.signing_key_id or "",
    )
    commit = replication_pb2.Commit(
        prev_chain=row.prev_chain,
        change_set=row.payload,
        chain_version=row.chain_version,
        events_hash=row.events_hash,
    )
    return replication_pb2.StreamMessage(head=after, commit=commit)


def reset_message(head: HeadRow) -> replication_pb2.StreamMessage:
    reset = replication_pb2.Reset()
    return replication_pb2.StreamMessage(head=head_message(head), reset=reset)


def heartbeat_message(head: HeadRow) -> replication_pb2.StreamMessage:
    heartbeat = replication_pb2.Heartbeat()
    return replication_pb2.StreamMessage(head=head_message(head), heartbeat=heartbeat)
