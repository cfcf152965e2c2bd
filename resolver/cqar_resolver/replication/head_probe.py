"""Asks a writer for the head, again and again, and compares it with what is served.

Only a writer's head confirms the snapshot. Where it is ahead and the stream does not lead there,
`CatchUp` does; where it does not include what is served, the snapshot is stale until that is
explained.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from cqc.replication.v1 import replication_pb2
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import (
    AWAY,
    Rebootstrap,
    error_text,
    require_same_registry,
)
from cqar_resolver.replication.catch_up import CatchUp
from cqar_resolver.replication.freshness import Probe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.replication.positions import LogPosition, StreamMark, position_of, term_of

log = logging.getLogger(__name__)

#: How often the stream is compared with what was noted of it.
STREAM_CHECK_S: Final = 5.0
#: Why the snapshot is stale while a writer's head does not include it.
UNKNOWN_TO_WRITER: Final = "a writer's head does not know what is served"


class HeadProbe:
    """The probe of a follower.

    Args:
        lock: Held while something is made of a head.
        mark: Gives how far the stream was read for what is served.
    """

    def __init__(
        self,
        view: ReplicaState,
        ports: Ports,
        catch_up: CatchUp,
        signed: SignedHeads,
        terms: KnownTerms,
        lock: AbstractAsyncContextManager[object],
        *,
        mark: Callable[[], StreamMark | None],
        every_s: float,
    ) -> None:
        self._view = view
        self._stream, self._heads, self._scheduler = ports.stream, ports.heads, ports.scheduler
        self._catch_up = catch_up
        self._signed = signed
        self._terms = terms
        self._lock = lock
        self._mark = mark
        self._every_s = every_s
        self._is_unanswered = False
        self._checked_s = 0.0
        self._was_behind = True

    async def run(self) -> None:
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
                await self._probe(is_first=is_first)
            except AWAY as error:
                # The stream goes on meanwhile; the next probe tries again.
                log.warning("could not catch up: %s: %s", type(error).__name__, error)
            is_first, pause_s = False, self._every_s

    async def _probe(self, *, is_first: bool) -> None:
        asked, sent_s = self._view.snapshot.position, self._scheduler.now_s()
        try:
            head = await self.request_head(self._view.snapshot.head.registry_id)
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
                await self._catch_up.look_behind()
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

    async def request_head(self, own: bytes) -> replication_pb2.Head:
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
            Rebootstrap: the stream was recreated, or lost its tail.
        """
        # Noted BEFORE the read: what is handled meanwhile may be newer than the answer.
        noted = self._mark()
        try:
            found = await self._stream.mark()
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("the stream is not there: %s", error_text(error))
            return False
        if noted is not None and not found.continues(noted):
            log.warning("the stream was recreated or lost its tail: following it anew")
            raise Rebootstrap("stream")
        return True
