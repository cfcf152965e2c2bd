"""Keeps the snapshot current: loads it, follows the stream, and loads it anew when in doubt.

Data flow. `BootstrapLoader` puts a whole snapshot into the `ReplicaState`. Then two loops feed it:
the stream's messages, and a probe that asks a writer for the head. `protocol` decides what each of
them calls for; `ChangeApplier` applies the next change set, `CatchUp` what is missing between. Both
loops work under one lock, so that catching up, which waits for PostgreSQL, is never interleaved
with another message. Where change sets cannot lead on, `Rebootstrap` ends both loops.

The follower reaches the world, and time, only through its `Ports`: the protocol fuzz drives the
same code with simulated ones.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
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
from cqar_resolver.replication.freshness import Probe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, StreamMark, position_of, term_of

log = logging.getLogger(__name__)

#: Longest pause between two tries to follow the stream, while PostgreSQL or NATS is away.
STREAM_PAUSE_MAX_S: Final = 1.0
#: How often the stream is compared with what was noted of it.
STREAM_CHECK_S: Final = 5.0
#: Refused heads make a resolver look into the outbox no more often than this.
LOOK_INTERVAL_S: Final = 1.0
#: Entities hashed between two looks at the clock.
HASH_BATCH: Final = 64
#: Why the snapshot is stale while a writer's head does not include it.
UNKNOWN_TO_WRITER: Final = "a writer's head does not know what is served"


class Follower:
    """Feeds `view` until cancelled.

    Args:
        now: Gives the wall clock's time, for when the snapshot was loaded.
        terms: Which database is the registry's, as far as is known.
    """

    def __init__(
        self,
        view: ReplicaState,
        ports: Ports,
        now: Callable[[], dt.datetime],
        probe_every_s: float,
        sources: BootstrapSources | None = None,
        signed: SignedHeads | None = None,
        terms: KnownTerms | None = None,
    ) -> None:
        self._view = view
        self._stream, self._heads, self._scheduler = ports.stream, ports.heads, ports.scheduler
        self._signed = signed = signed or SignedHeads()
        self._terms = terms = terms or KnownTerms(ports.scheduler.now_s)
        sources = sources or BootstrapSources(None, None, signed=signed)
        self._loader = BootstrapLoader(view, ports, sources, signed, terms, self._request_head, now)
        self._applier = ChangeApplier(view, signed, ports.scheduler)
        self._catch_up = CatchUp(view, ports, self._applier, signed, terms)
        #: Between two bootstraps that led nowhere.
        self._delay = RetryDelay(ports.scheduler.now_s, ports.scheduler.uniform)
        self._probe_every_s = probe_every_s
        self._lock = ports.scheduler.lock()
        self._is_unanswered = False
        self._looked_s = -LOOK_INTERVAL_S
        self._checked_s = 0.0
        self._was_behind = True
        self._mark: StreamMark | None = None

    @property
    def mark(self) -> StreamMark | None:
        """The stream as it was noted, with `last` at the last message that was handled."""
        return self._mark

    async def run(self) -> None:
        """Load the snapshot and follow; returns when that must be done again."""
        await self._scheduler.sleep(self._delay.left_s)
        began_at = self._position
        try:
            await self._load()
            await self._scheduler.together(*self._loops())
        except Rebootstrap as rebootstrap:
            self._loader.required_registry_id = rebootstrap.registry_id
            metrics.REHYDRATES.labels(rebootstrap.cause).inc()
            self._view.mark_stale(f"starting over: {rebootstrap.cause}")
            log.warning("starting over: %s", rebootstrap.cause)
            if self._position == began_at:
                self._delay.failed()
            else:
                self._delay.succeeded()
            if rebootstrap.cause == "poison":
                await self._scheduler.sleep(POISON_PAUSE_S)

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        stream = self._scheduler.supervise("stream", self._consume, Rebootstrap, STREAM_PAUSE_MAX_S)
        loops = [stream, self._probe()]
        if self._view.hydrated_from == "file" and not self._signed.is_asked:
            loops.append(self._verify_set_hash())
        return loops

    @property
    def _position(self) -> LogPosition | None:
        return self._view.snapshot.position if self._view.is_complete else None

    async def _load(self) -> None:
        loaded = await self._loader.load()
        if loaded is None:
            # What is served stays, without the part of the stream that ended it: a gap is caught
            # up.
            self._mark = self._loader.noted
            return
        self._mark = loaded.mark
        if loaded.leads_to is not None:
            # A checkpoint lacks what came since; if this fails, a probe will make it good.
            with suppress(*AWAY):
                await self._catch_up.to(None)

    async def _verify_set_hash(self) -> None:
        """Compute the set hash that was taken from a checkpoint, while it is served already."""
        snapshot = self._view.snapshot
        expected, total = snapshot.set_hash, 0
        async for batch in self._scheduler.batches(snapshot.iter_entities(), HASH_BATCH):
            total += sum(positions.hash_of(*entity) for entity in batch)
        if positions.set_hash_bytes(total) != expected:
            raise poison("the last good file", "its entities do not have the hash that it says")
        log.info("the last good file's entities have the hash that it says")

    # ------------------------------------------------------------ the stream

    async def _consume(self) -> None:
        """Follow the stream from where it was noted, or from its beginning if it is another."""
        found, owner = await self._stream.mark_and_owner()
        after = core.resume_after(self._mark, found)
        self._mark = StreamMark(found.created, found.first, after)
        async for item in self._stream.read(after):
            self._scheduler.raise_if_cancelled()
            if item is None:
                async with self._lock:
                    await self._catch_up.again()
                continue
            sequence, payload = item
            async with self._lock:
                await self._handle(payload, owner)
                self._mark = StreamMark(found.created, found.first, sequence)

    async def _handle(self, payload: bytes, owner: str) -> None:
        """Do what a message of the stream calls for.

        Args:
            owner: The registry that claimed the stream, in hex; empty if none did.
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
        if self._has_effect(head, action) and not self._signed.accepts(head, "stream"):
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

    def _has_effect(self, head: replication_pb2.Head, action: Action) -> bool:
        """Whether a head leads to anything: one that does not need not be signed."""
        own = self._view.snapshot.head.registry_id
        return action is not Action.NOTHING or head.registry_id != own

    async def _look_behind(self) -> None:
        """Catch up after a head was refused: PostgreSQL may lead to it, with a new signing key.

        Whoever sends heads does not decide how often PostgreSQL is asked.
        """
        now_s = self._scheduler.now_s()
        if now_s - self._looked_s >= LOOK_INTERVAL_S:
            self._looked_s = now_s
            await self._catch_up.to(None)

    # ------------------------------------------------------------ the probe

    async def _probe(self) -> None:
        """Ask a writer for the head, again and again; catch up where the stream is not enough.

        The first probe is sent at once: nothing else confirms what was loaded, which may lack what
        the stream will not repeat.
        """
        self._checked_s, self._was_behind = self._scheduler.now_s(), True
        is_first, pause_s = True, 0.0
        while True:
            self._scheduler.raise_if_cancelled()
            await self._scheduler.sleep(pause_s)
            self._was_behind = self._was_behind or self._view.freshness.is_behind
            try:
                await self._probe_once(is_first=is_first)
            except AWAY as error:
                # The stream goes on meanwhile; the next probe tries again.
                log.warning("could not catch up: %s: %s", type(error).__name__, error)
            is_first, pause_s = False, self._probe_every_s

    async def _probe_once(self, *, is_first: bool) -> None:
        asked, sent_s = self._view.snapshot.position, self._scheduler.now_s()
        try:
            head = await self._request_head(self._view.snapshot.head.registry_id)
        except (NatsError, TimeoutError, OSError) as error:
            self._note_answers(error_text(error))
            if self._view.is_own or not is_first:
                # Else the stream has not had the time to bring a head.
                self._view.note_head_request()
            return
        self._note_answers("")
        if sent_s - self._checked_s >= STREAM_CHECK_S and await self._check_stream():
            self._checked_s = sent_s
        async with self._lock:
            if not self._is_confirming(asked, head):
                self._view.note_head_request()
                await self._look_behind()
                return
            require_same_registry(self._view, head)
            if not self._terms.takes(head, "probe"):
                self._view.note_head_request()
                return
            await self._compare(asked, Probe(sent_s, position_of(head)))

    def _is_confirming(self, asked: LogPosition, head: replication_pb2.Head) -> bool:
        """Whether a writer's head is signed as it must be; one that was served was checked then."""
        served = self._view.snapshot
        is_own = head.registry_id == served.head.registry_id
        if is_own and position_of(head) in (asked, served.position):
            return True
        return self._signed.accepts(head, "probe")

    async def _request_head(self, own: bytes) -> replication_pb2.Head:
        """Get a writer's head; one of this registry and its latest database, if any answers so.

        Args:
            own: The registry's id.

        Raises:
            ConnectionError: What answers is no writer.
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
        """Log when probes cease to be answered, and when they are answered again."""
        if failure and not self._is_unanswered:
            log.warning("no writer answers probes: %s", failure)
        elif self._is_unanswered and not failure:
            log.info("a writer answers probes again")
        self._is_unanswered = bool(failure)

    async def _compare(self, asked: LogPosition, probe: Probe) -> None:
        was_behind, self._was_behind = self._was_behind, False
        local = self._view.snapshot.position
        action = core.on_probe(asked, local, probe.head, was_behind=was_behind)
        if action is Action.BOOTSTRAP:
            raise Rebootstrap("epoch")
        if action is Action.MARK_STALE:
            self._view.mark_stale(UNKNOWN_TO_WRITER)
            await self._catch_up.to(None, is_doubted=True)
            return
        self._view.freshness.note_probe(probe, local)
        self._view.note_head_request()
        if action is Action.CATCH_UP:
            await self._catch_up.to(probe.head)

    async def _check_stream(self) -> bool:
        """Compare the stream with what was noted of it; False if the stream cannot be reached.

        A reader behind the end of a stream that was created anew would receive nothing. A writer's
        head counts without any stream, since catching up reads the outbox.

        Raises:
            Rebootstrap: It is another stream, or lost its tail.
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
