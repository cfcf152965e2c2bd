"""Keeps the view current: follows the stream from what was loaded, and starts over when in doubt.

Two loops feed one snapshot: the stream's messages, and a probe that asks a writer for the
head. Whatever they see is handled under one lock, so that catching up, which waits for
PostgreSQL, is never interleaved with another message.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import (
    AWAY,
    POISON_PAUSE_S,
    BootstrapLoader,
    Rebootstrap,
    error_text,
    require_same_registry,
)
from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_resolver.replication.catch_up import CatchUp
from cqar_resolver.replication.change_applier import ChangeApplier, poison
from cqar_resolver.replication.freshness import Probe, boot_clock_s
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.messaging import jetstream
from cqar_shared.messaging.head_requests import HeadRequests
from cqar_shared.messaging.stream_reader import StreamReader
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, position_of, term_of
from cqar_shared.replication.stream_mark import StreamMark
from cqar_shared.runtime.event_loop import yielding
from cqar_shared.runtime.tasks import heeding, raise_if_cancelled, supervise

log = logging.getLogger(__name__)

#: Between two tries to consume the stream, while PostgreSQL or NATS is away.
STREAM_PAUSE_MAX_S: Final = 1.0
#: The stream is compared with what was noted at least this often.
STREAM_CHECK_S: Final = 5.0
#: Heads that are refused make a resolver look into the outbox no more often.
LOOK_INTERVAL_S: Final = 1.0


class Follower:
    """Feeds `view` until cancelled."""

    def __init__(
        self,
        view: ReplicaState,
        database: RegistryDatabase,
        client: Client,
        now: Callable[[], dt.datetime],
        probe_every_s: float,
        sources: BootstrapSources | None = None,
        signed: SignedHeads | None = None,
        *,
        api_prefix: str = jetstream.API_PREFIX,
    ) -> None:
        self._signed = signed or SignedHeads()
        self._view = view
        self._terms = KnownTerms()
        self._stream = StreamReader(client, api_prefix=api_prefix)
        self._loader = BootstrapLoader(
            view,
            database,
            client,
            self._stream.note,
            now,
            sources or BootstrapSources(None, None, signed=self._signed),
            self._signed,
            self._terms,
            self._asked_head,
        )
        self._heads = HeadRequests(client)
        applier = ChangeApplier(view, self._signed)
        self._catch_up = CatchUp(
            view, database, self._stream, client, applier, self._signed, self._terms
        )
        self._applier = applier
        #: Between two starts that led nowhere.
        self._pause = RetryDelay()
        self._probe_every_s = probe_every_s
        self._lock = asyncio.Lock()
        self._unanswered = False
        self._looked_s = -LOOK_INTERVAL_S
        #: The stream as noted, with `last` moved to the last message handled.
        self._mark: StreamMark | None = None

    @property
    def mark(self) -> StreamMark | None:
        """How far the stream was read for what is served."""
        return self._mark

    async def run(self) -> None:
        """Load everything and follow; returns when it must be done again."""
        await asyncio.sleep(self._pause.left_s)
        began_at = self._place
        try:
            await self._load()
            async with asyncio.TaskGroup() as group:
                stream = supervise("stream", self._consume, Rebootstrap, STREAM_PAUSE_MAX_S)
                group.create_task(stream)
                group.create_task(self._probe())
                if self._view.hydrated_from == "file" and not self._signed.is_asked:
                    group.create_task(self._verify_set_hash())
        except* Rebootstrap as causes:
            (cause, *_) = _flatten(causes)
            self._loader.required_registry_id = cause.registry_id
            metrics.REHYDRATES.labels(cause.cause).inc()
            self._view.mark_stale(f"starting over: {cause.cause}")
            log.warning("starting over: %s", cause.cause)
            if self._place == began_at:
                self._pause.failed()
            else:
                self._pause.succeeded()
            if cause.cause == "poison":
                await asyncio.sleep(POISON_PAUSE_S)

    @property
    def _place(self) -> LogPosition | None:
        return self._view.snapshot.position if self._view.is_complete else None

    async def _load(self) -> None:
        loaded = await self._loader.load()
        if loaded is None:
            # What is served goes on, and not with what ended it: a gap is caught up.
            self._mark = self._loader.noted
            return
        self._mark = loaded.mark
        if loaded.leads_to is not None:
            # A file lacks what came since; where this fails, a probe will make it good.
            with suppress(*AWAY):
                await self._catch_up.to(None)

    # ------------------------------------------------------------ the stream

    async def _consume(self) -> None:
        """Follow the stream from where it was noted, or from its beginning if it is another."""
        with heeding():
            info = await self._stream.info()
            found, owner = jetstream.mark_in(info), jetstream.owner_of(info)
            after = core.resume_after(self._mark, found)
            self._mark = StreamMark(found.created, found.first, after)
            async for item in self._stream.read(after):
                raise_if_cancelled()
                if item is None:
                    async with self._lock:
                        await self._catch_up.again()
                    continue
                sequence, payload = item
                async with self._lock:
                    await self._handle(payload, owner)
                    self._mark = StreamMark(found.created, found.first, sequence)

    async def _handle(self, payload: bytes, owner: str) -> None:
        """Do what a message of the stream asks for.

        Args:
            owner: The registry that claimed the stream, in hex; empty where none did.
        """
        try:
            message = replication_pb2.StreamMessage.FromString(payload)
        except DecodeError as error:
            raise poison("a message of the stream", error) from error
        head = message.head
        if self._is_foreign(head, owner) or not self._terms.takes(head, "stream"):
            return
        local, remote = self._view.snapshot.position, position_of(head)
        try:
            action = core.on_message(local, message)
        except core.UnknownMessage as error:
            if not self._signed.accepts(head, "stream"):
                return
            require_same_registry(self._view, head)
            raise poison("a message of the stream", "of no known kind") from error
        if self._is_news(head, action) and not self._signed.accepts(head, "stream"):
            await self._look_behind()
            return
        require_same_registry(self._view, head)
        if remote.epoch == local.epoch and positions.is_believable(local, remote):
            self._view.freshness.note_head(remote)
        if action is Action.APPLY:
            await self._applier.apply(head, message.commit, "stream")
        elif action is Action.CATCH_UP:
            metrics.GAPS.inc()
            await self._catch_up.to(remote)
        elif action is Action.BOOTSTRAP:
            raise Rebootstrap("epoch")

    def _is_foreign(self, head: replication_pb2.Head, owner: str) -> bool:
        """Whether a message is of another registry than the one that claimed the stream."""
        own = self._view.snapshot.head.registry_id
        if head.registry_id == own or own.hex() != owner:
            return False
        metrics.FOREIGN.inc()
        log.error("a message of registry %s is stepped over", head.registry_id.hex()[:64])
        return True

    def _is_news(self, head: replication_pb2.Head, action: Action) -> bool:
        """Whether something is made of a head: what says nothing need not be signed."""
        return (
            action is not Action.NOTHING or head.registry_id != self._view.snapshot.head.registry_id
        )

    async def _look_behind(self) -> None:
        """A head was refused. PostgreSQL may lead to it, as where another signing key came since.

        Whoever sends heads does not decide how often PostgreSQL is asked.
        """
        now_s = boot_clock_s()
        if now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            await self._catch_up.to(None)

    async def _verify_set_hash(self) -> None:
        """Count up the hash that a file was believed, while its entities are served already."""
        snapshot = self._view.snapshot
        expected, total = snapshot.set_hash, 0
        async for some in yielding(snapshot.iter_entities()):
            total += sum(positions.hash_of(*entity) for entity in some)
        if positions.set_hash_bytes(total) != expected:
            raise poison("the last good file", "its entities do not have the hash that it says")
        log.info("the last good file's entities have the hash that it says")

    # ------------------------------------------------------------ the probe

    async def _probe(self) -> None:
        """Ask a writer for the head, again and again; catch up when the stream is not enough.

        At once at first: what was loaded is confirmed by nothing else, and may lack what the
        stream will not tell again.
        """
        checked_s = boot_clock_s()
        pause_s, was_behind = 0.0, True
        while True:
            raise_if_cancelled()
            await asyncio.sleep(pause_s)
            was_behind = was_behind or self._view.freshness.is_behind
            is_first, pause_s = not pause_s, self._probe_every_s
            asked = self._view.snapshot.position
            sent_s = boot_clock_s()
            try:
                head = await self._asked_head(self._view.snapshot.head.registry_id)
            except (NatsError, TimeoutError, OSError) as error:
                self._note_answers(error_text(error))
                if self._view.is_own or not is_first:
                    # Else the stream has not had the time to tell of a head.
                    self._view.note_head_request()
                continue
            self._note_answers("")
            if sent_s - checked_s >= STREAM_CHECK_S and await self._check_stream():
                checked_s = sent_s
            try:
                async with self._lock:
                    if self._is_taken(asked, head):
                        require_same_registry(self._view, head)
                        if not self._terms.takes(head, "probe"):
                            self._view.note_head_request()
                            continue
                        probe = Probe(sent_s, position_of(head))
                        behind, was_behind = was_behind, False
                        await self._compare(asked, probe, was_behind=behind)
                    else:
                        self._view.note_head_request()
                        await self._look_behind()
            except AWAY as error:
                # The stream goes on meanwhile; the next probe tries again.
                log.warning("could not catch up: %s: %s", type(error).__name__, error)

    def _is_taken(self, asked: LogPosition, head: replication_pb2.Head) -> bool:
        """Whether a writer's head confirms anything: one that was served was taken before."""
        served = self._view.snapshot
        is_own = head.registry_id == served.head.registry_id
        if is_own and position_of(head) in (asked, served.position):
            return True
        return self._signed.accepts(head, "probe")

    async def _asked_head(self, own: bytes) -> replication_pb2.Head:
        """A writer's; one of this registry and its database, if any answers so.

        Args:
            own: The registry's id.

        Raises:
            ConnectionError: Something else answers there.
        """
        latest = self._terms.latest

        def is_wanted(head: replication_pb2.Head) -> bool:
            return head.registry_id == own and not core.is_earlier(term_of(head), latest)

        try:
            answer = await self._heads.head(is_wanted)
        except (NatsError, TimeoutError, OSError):
            metrics.PROBES.labels("nobody").inc()
            raise
        metrics.PROBES.labels("group" if answer.of_group else "everybody").inc()
        return answer.head

    def _note_answers(self, failure: str) -> None:
        """Log when probes cease to be answered, and when they are again: not once a second."""
        if failure and not self._unanswered:
            log.warning("no writer answers probes: %s", failure)
        elif self._unanswered and not failure:
            log.info("a writer answers probes again")
        self._unanswered = bool(failure)

    async def _compare(self, asked: LogPosition, probe: Probe, *, was_behind: bool) -> None:
        local = self._view.snapshot.position
        action = core.on_probe(asked, local, probe.head, was_behind=was_behind)
        if action is Action.BOOTSTRAP:
            raise Rebootstrap("epoch")
        if action is Action.MARK_STALE:
            self._view.mark_stale("a writer's head does not know what is served")
            await self._catch_up.to(None, is_doubted=True)
            return
        self._view.freshness.note_probe(probe, local)
        self._view.note_head_request()
        if action is Action.CATCH_UP:
            await self._catch_up.to(probe.head)

    async def _check_stream(self) -> bool:
        """Compare the stream with what was noted; False where it is not to be had.

        Who reads on after a recreated stream's end hears nothing of what it holds. A head that a
        writer told counts without any stream: catching up is done from the outbox.

        Raises:
            StartOver: It is another stream, or lost its tail.
        """
        try:
            found, noted = await self._stream.mark(), self._mark
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("the stream is not there: %s", error_text(error))
            return False
        if noted is not None and not found.continues(noted):
            log.warning("the stream was recreated or lost its tail: following it anew")
            raise Rebootstrap("stream")
        return True


def _flatten(group: BaseExceptionGroup[Rebootstrap]) -> list[Rebootstrap]:
    found: list[Rebootstrap] = []
    for error in group.exceptions:
        found += _flatten(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
