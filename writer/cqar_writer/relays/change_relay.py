"""Publishes the outbox on CQAR_CHANGES, in order and once, whatever dies meanwhile.

Every writer runs one. The one that holds an advisory lock leads, for efficiency only: each
publish states the stream's last sequence, so two relays at once cannot publish twice or out
of order, and a stopped leader's work is taken up by any relay that sees the stream behind.
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
from cqar_writer.database.fencing import Fencing, nobody
from cqar_writer.database.newest_position import Newest
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow, head_message
from cqar_writer.protocol.relay import RelayAction, believed, plan, tail_of
from cqar_writer.protocol.terms import Remedy
from cqar_writer.reads.entity_history import trace_of
from cqar_writer.store import outbox

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 1.0
#: The server drops heartbeats after a minute, so that they do not fill the stream.
HEARTBEAT_TTL_S: Final = 60
BATCH_ROWS: Final = 64
#: Against who can rewrite PostgreSQL the chain is evidence only if it is noted elsewhere: here, in
#: the log.
NOTED_EVERY_S: Final = 3_600.0
#: A relay that does not lead publishes all the same once the stream is behind for this long.
PATIENCE_S: Final = 0.5

Bump = Callable[[int, int, int], Awaitable[bool]]


class ForeignStream(Exception):
    """The stream belongs to another registry; it is never repaired by a new epoch."""


class Tail(NamedTuple):
    """How far the stream goes.

    Attributes:
        head: What its newest message says; None where there is none, or it cannot be read.
        info: The stream's; None where this relay published that message itself.
    """

    last: int
    head: replication_pb2.Head | None
    info: StreamInfo | None = None


class Relay:
    """Advances the stream towards the database's head, a step at a time.

    Args:
        bump: Begins a new epoch beyond what was seen.
        database: Judges what `engine` leads to; None: by what this relay sees alone.
        fencing: Looks whether who published last speaks for a later database; None: none does.
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
        self._database = database or PrimaryDatabase(Newest(), engine)
        self._fencing = fencing or Fencing(self._database, nobody)
        self._js = js
        self._bump = bump
        self._heartbeat_at = 0.0
        self._noted_at = -NOTED_EVERY_S
        self._behind_since: float | None = None
        #: What this relay published last, and its sequence; spares reading it back.
        self._known: Tail | None = None

    async def step(self, *, leads: bool) -> bool:
        """Look once and act once; True if there is more to do at once.

        Raises:
            ForeignStream: The stream holds another registry's messages.
            NotReady: The database is not the registry's as it stands.
        """
        self._database.require_unfenced()
        found = self._known or await self._read_tail()
        raise_if_cancelled()
        async with self._engine.connect() as tx:
            await tx.execution_options(isolation_level="REPEATABLE READ")
            head, remedy = await self._database.look(tx)
            last, tail = found.last, self._believed(head, found)
            used = tail if remedy is Remedy.USE else None
            rows = await outbox.rows_after(tx, used.revision, BATCH_ROWS) if used else []
        if remedy is not Remedy.USE:
            return await self._renew(head, found, tail, remedy)
        if found.head is not None and await self._fencing.heed(head, found.head):
            self._note_foreign(last, f"speaks for a database of {term_of(found.head)}")
            tail, rows = None, []
        if found.info is not None and not jetstream.owner_of(found.info):
            await jetstream.claim(self._js, found.info, head.registry_id)
        self._note(head, tail)
        if not leads and not self._patience_ended(head, tail):
            self._known = None
            return False
        try:
            return await self._act(head, last, tail, rows)
        except jetstream.LostRace:
            self._known = None
            return True
        except BaseException:
            # An unanswered publish may or may not be stored: only the stream knows.
            self._known = None
            raise

    async def _renew(
        self, head: HeadRow, found: Tail, tail: LogPosition | None, remedy: Remedy
    ) -> bool:
        """Nothing is published from a database that was left, or that needs a new epoch."""
        self._known = None
        self._database.require_unfenced()
        if remedy is Remedy.RENEW:
            if found.head is not None and not head.database_changed:
                # It lacks commits: is it an older one, to which the address leads again?
                await self._fencing.heed(head, found.head)
            seen = tail or position_of(head)
            await self._bump(head.epoch, seen.epoch, seen.revision)
        return True

    async def _read_tail(self) -> Tail:
        """The stream's last sequence, then its newest message: a race is seen by the publish."""
        info = await self._js.stream_info(CHANGES)
        last = jetstream.mark_in(info).last
        try:
            newest = await self._js.get_msg(CHANGES, subject=CHANGES_SUBJECT)
        except NotFoundError:
            return Tail(last, None, info)
        head = tail_of(newest.data)
        if head is None:
            self._note_foreign(newest.seq, "cannot be read")
        return Tail(last, head, info)

    def _believed(self, head: HeadRow, found: Tail) -> LogPosition | None:
        """Where the stream's newest message is, if it can be of this registry's making.

        Raises:
            ForeignStream: The stream is another registry's.
        """
        own, stated = head.registry_id, found.head
        owner = jetstream.owner_of(found.info) if found.info else own.hex()
        if owner not in ("", own.hex()):
            raise _foreign_stream(owner, own)
        if stated is None:
            return None
        if stated.registry_id != own:
            if not owner:
                raise _foreign_stream(stated.registry_id.hex(), own)
            self._note_foreign(found.last, f"is of registry {stated.registry_id.hex()[:64]}")
            return None
        at = position_of(stated)
        if believed(position_of(head), at) is None:
            self._note_foreign(found.last, f"says {at}, where the registry is at {head.revision}")
            return None
        return at

    def _note_foreign(self, sequence: int | None, why: str) -> None:
        metrics.FOREIGN.labels(CHANGES).inc()
        log.error("message %s of %s is stepped over: it %s", sequence, CHANGES, why)

    async def _act(
        self,
        head: HeadRow,
        last: int,
        tail: LogPosition | None,
        rows: list[OutboxRow],
    ) -> bool:
        at = position_of(head)
        whole = len(rows) == BATCH_ROWS
        for action, row in plan(at, head.compacted_revision, tail, rows, whole=whole):
            if action is not RelayAction.PUBLISH or row is None:
                break
            message = commit_message(head.registry_id, row, term_of(head))
            with tracing.span("publish CQAR_CHANGES", partial(trace_of, row)):
                last = await self._publish(message, last)
            self._known = Tail(last, message.head)
        if action is RelayAction.RESET:
            log.warning("publishing RESET to %s (tail %s)", at, tail or "none")
            last = await self._publish(reset_message(head), last)
            self._known = Tail(last, head_message(head))
            metrics.RESETS.inc()
        elif action is RelayAction.BUMP and tail is not None:
            log.error("the stream's tail %s is not in the database", tail)
            self._known = None
            await self._bump(head.epoch, tail.epoch, tail.revision)
            return True
        elif action is RelayAction.REST and self._heartbeat_due():
            # Once a second the tail is read back, cached or not.
            self._known = None
            await self._publish(heartbeat_message(head), last, HEARTBEAT_TTL_S)
            self._heartbeat_at = time.monotonic()
            self._log_head(head)
        return action is not RelayAction.REST

    async def _publish(
        self, message: replication_pb2.StreamMessage, last: int, ttl_s: int | None = None
    ) -> int:
        payload = message.SerializeToString()
        return await jetstream.publish_expecting(
            self._js, CHANGES, CHANGES_SUBJECT, payload, last, ttl_s=ttl_s
        )

    def _log_head(self, head: HeadRow) -> None:
        """Once an hour, and when this relay begins: what `cqar audit verify --noted` compares."""
        if self._heartbeat_at - self._noted_at >= NOTED_EVERY_S:
            self._noted_at = self._heartbeat_at
            at, signature, key_id = position_of(head), head.signature or b"", head.signing_key_id
            fields = {"epoch": at.epoch, "revision": at.revision, "chain": at.chain.hex()}
            fields |= {"signing_key_id": key_id or "", "signature": signature.hex()}
            said = signatures.signature_text(at.whole, key_id or "", signature)
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

    def _note(self, head: HeadRow, tail: LogPosition | None) -> None:
        metrics.PROGRESS.committed(head.epoch, head.revision)
        if tail is not None:
            metrics.PROGRESS.published(tail.revision)


def _foreign_stream(theirs: str, own: bytes) -> ForeignStream:
    return ForeignStream(
        f"{CHANGES} belongs to registry {theirs}, this database to {own.hex()}:"
        " point the writer at its own NATS account, or delete the stream"
    )


def commit_message(
    registry_id: bytes, row: OutboxRow, term: Term = NO_TERM
) -> replication_pb2.StreamMessage:
    """A committed change set, as the database of `term` has it."""
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
