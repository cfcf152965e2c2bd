"""Keeps the snapshot current: loads it, follows the stream, and loads it anew when in doubt.

Data flow. `BootstrapLoader` puts a whole snapshot into the `ReplicaState`. Then two loops feed it:
the stream's messages, and `HeadProbe`, which asks a writer for the head. `protocol` decides what
each of them calls for; `ChangeApplier` applies the next change set, `CatchUp` what is missing
between. Both loops work under one lock, so that catching up, which waits for PostgreSQL, is never
interleaved with another message. Where change sets cannot lead on, `Rebootstrap` ends both loops.

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

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import (
    AWAY,
    POISON_PAUSE_S,
    BootstrapLoader,
    Rebootstrap,
    require_same_registry,
)
from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_resolver.replication.catch_up import CatchUp
from cqar_resolver.replication.change_applier import ChangeApplier, poison
from cqar_resolver.replication.head_probe import HeadProbe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LogPosition, StreamMark, position_of

log = logging.getLogger(__name__)

#: Longest pause between two tries to follow the stream, while PostgreSQL or NATS is away.
STREAM_PAUSE_MAX_S: Final = 1.0
#: Entities hashed between two looks at the clock.
HASH_BATCH: Final = 64


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
        self._stream, self._scheduler = ports.stream, ports.scheduler
        self._signed = signed = signed or SignedHeads()
        self._terms = terms = terms or KnownTerms(ports.scheduler.now_s)
        sources = sources or BootstrapSources(None, None, signed=signed)
        self._applier = ChangeApplier(view, signed, ports.scheduler)
        self._catch_up = CatchUp(view, ports, self._applier, signed, terms)
        self._lock = ports.scheduler.lock()
        self._probe = HeadProbe(
            *(view, ports, self._catch_up, signed, terms, self._lock),
            mark=lambda: self._mark,
            every_s=probe_every_s,
        )
        self._loader = BootstrapLoader(
            *(view, ports, sources, signed, terms, self._probe.request_head, now)
        )
        #: Between two bootstraps that led nowhere.
        self._delay = RetryDelay(ports.scheduler.now_s, ports.scheduler.uniform)
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
        loops = [stream, self._probe.run()]
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
            await self._catch_up.look_behind()
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
