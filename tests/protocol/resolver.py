"""A resolver that waits where `follower.Follower` waits, and does what the core says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import DecodeError

from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import POISON_PAUSE_S, Rebootstrap
from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_resolver.replication.catch_up import CatchUp
from cqar_resolver.replication.follower import STREAM_CHECK_S
from cqar_resolver.replication.freshness import Probe, StalenessBound
from cqar_resolver.replication.known_terms import UNHEARD_S, KnownTerms
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.retry_delays import RetryDelay
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.snapshot import change_sets
from cqar_resolver.snapshot.snapshot import Diverged
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.replication.positions import (
    NO_TERM,
    LogPosition,
    is_believable,
    position_of,
    term_of,
)
from cqar_shared.replication.stream_mark import StreamMark
from tests.protocol.asking import Asking
from tests.protocol.cluster import Door
from tests.protocol.file import File
from tests.protocol.keeping import Keeping
from tests.protocol.loading import Loader
from tests.protocol.pausing import Away, Lock, Process, pause
from tests.protocol.reading import Reader, Reading
from tests.protocol.stream import Consumer, Stream
from tests.protocol.violation import require

STALE_AFTER_S: Final = 5.0


class Applier:
    """As `cqar_resolver.replication.change_applier.Applier`: whatever happens meanwhile."""

    def __init__(self, view: ReplicaState) -> None:
        self._view = view

    async def apply(
        self, head: replication_pb2.Head, commit: replication_pb2.Commit, _: str
    ) -> None:
        snapshot = self._view.snapshot
        try:
            change_set = change_sets.decode(snapshot.position, head, commit)
            planned = list(change_sets.plan(snapshot, change_set))
            await pause()
            snapshot.apply(head, planned)
        except (change_sets.UndecodableChangeSet, Diverged) as error:
            raise Rebootstrap("poison") from error
        self._view.note_applied(head, commit, change_set, planned)


class Resolver:
    """One process's life: a crash is the end of the object.

    Args:
        door: To PostgreSQL, as it reads that.
        asking: Reaches the writers.
        file: Outlives it.

    Attributes:
        view: What its clients read.
        poisoned: How often it met what cannot be applied.
        repeated: Messages that come once more, out of their order.
        doubted: What it held when it came to doubt that the database has it, until asserted.
    """

    def __init__(
        self,
        door: Door,
        stream: Stream,
        images: ImageStore,
        file: File,
        clock: Callable[[], float],
        asking: Asking,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._asking = asking
        self.reading = Reading(door)
        self.view = ReplicaState(StalenessBound(STALE_AFTER_S, clock))
        self.terms = KnownTerms(clock)
        self.poisoned = 0
        self.repeated: deque[bytes] = deque()
        self.doubted: LogPosition | None = None
        self._mark: StreamMark | None = None
        self._lock = Lock()
        sources = BootstrapSources(images, file, _in_thread)  # type: ignore[arg-type]
        self.keeping = Keeping(self.view, file, lambda: self._mark)
        self._loader = Loader(
            *(self.view, self.reading, asking, stream.noted),
            *(sources, self.terms, clock, self._sleep, self._ask_head),
        )
        self._applier = Applier(self.view)
        self._catch_up = CatchUp(
            *(self.view, self.reading, Reader(stream), asking, self._applier),  # type: ignore[arg-type]
            *(SignedHeads(), self.terms),
        )
        self._catch_up._pause = self._new_pause()
        self._pause = self._new_pause()
        self._began_at: LogPosition | None = None
        self._heard = (NO_TERM, clock())
        self.consumer: Consumer | None = None
        self._loading: Process | None = Process(self._bootstrap())
        self._following: Process | None = None
        self._probing: Process | None = None
        self._writing = Process(self.keeping.run())

    def _new_pause(self) -> RetryDelay:
        return RetryDelay(self._clock, lambda: 1.0)

    # ------------------------------------------------------------ supervision

    def step(self, *, probes: bool) -> None:
        """Advance loading, or else one of the two loops that follow it."""
        try:
            if self._loading is not None:
                self._load_on(self._loading)
            elif probes and self._probing is not None:
                self._probing.step()
            elif self._following is not None:
                self._follow_on(self._following)
        except Rebootstrap as error:
            self.poisoned += error.cause == "poison"
            self.view.mark_stale(error.cause)
            if self.position == self._began_at:
                self._pause.failed()
            else:
                self._pause.succeeded()
            self._end()
            self._loading = Process(self._begin_again(error))

    def keep(self) -> None:
        """Advance the writing of the file."""
        self._writing.step()

    def _load_on(self, loading: Process) -> None:
        try:
            if loading.step():
                self._loading = None
                self._following = Process(self._consume())
                self._probing = Process(self._probe())
        except Away:
            self._loading = Process(self._bootstrap())

    def _follow_on(self, following: Process) -> None:
        try:
            following.step()
        except Away:
            self._following = Process(self._consume())

    def stop(self) -> None:
        """End as SIGTERM ends it: what is served is kept."""
        self._end()
        for _ in ("what is being written", "what came since"):
            self.keep()
            while not self.keeping.is_idle:
                self.keep()
        self.crash()

    def crash(self) -> None:
        self._end()
        self._writing.crash()

    def _end(self) -> None:
        for process in (self._loading, self._following, self._probing):
            if process is not None:
                process.crash()
        self._loading = self._following = self._probing = None

    async def _begin_again(self, error: Rebootstrap) -> None:
        if error.cause == "poison":
            await self._sleep(POISON_PAUSE_S)
        await self._sleep(self._pause.left_s)
        await self._bootstrap()

    async def _sleep(self, seconds: float) -> None:
        until_s = self._clock() + seconds
        while self._clock() < until_s:
            await pause()

    async def _bootstrap(self) -> None:
        self._began_at = self.position
        loaded = await self._loader.load()
        if loaded is None:
            self._mark = self._loader.noted
            return
        self._mark = loaded.mark
        if loaded.leads_to is not None:
            with suppress(Away):
                await self._catch_up.to(None)

    @property
    def position(self) -> LogPosition | None:
        """Of what it serves."""
        return self.view.snapshot.position if self.view.is_complete else None

    # ------------------------------------------------------------ the stream

    async def _consume(self) -> None:
        found = self._stream.mark()
        await pause()
        after = core.resume_after(self._mark, found)
        self._mark = StreamMark(found.created, found.first, after)
        self.consumer = consumer = Consumer(self._stream, after)
        while True:
            await pause()
            if self.repeated:
                async with self._lock:
                    await self._handle(self.repeated.popleft())
            item = consumer.take()
            if item is None:
                continue
            sequence, payload = item
            async with self._lock:
                await self._handle(payload)
                self._mark = StreamMark(found.created, found.first, sequence)

    async def _handle(self, payload: bytes) -> None:
        try:
            message = replication_pb2.StreamMessage.FromString(payload)
        except DecodeError as error:
            raise Rebootstrap("poison") from error
        head = message.head
        if not self.terms.takes(head, "stream"):
            return
        mine, theirs = self.view.snapshot.position, position_of(head)
        if theirs.epoch == mine.epoch and is_believable(mine, theirs):
            self.view.freshness.note_head(theirs)
        action = core.on_message(mine, message)
        if action is Action.APPLY:
            await self._applier.apply(head, message.commit, "stream")
        elif action is Action.CATCH_UP:
            await self._catch_up.to(theirs)
        elif action is Action.BOOTSTRAP:
            raise Rebootstrap("epoch")

    # ------------------------------------------------------------ the probe

    async def _probe(self) -> None:
        checked_s, was_behind = self._clock(), True
        while True:
            await pause()
            was_behind = was_behind or self.view.freshness.is_behind
            try:
                checked_s = await self._probe_once(checked_s, was_behind=was_behind)
                was_behind = False
            except Away:
                continue

    async def _probe_once(self, checked_s: float, *, was_behind: bool) -> float:
        asked = self.view.snapshot.position
        sent_s = self._clock()
        head = await self._ask_head(self.view.snapshot.head.registry_id)
        await pause()
        if sent_s - checked_s >= STREAM_CHECK_S:
            found = self._stream.mark()
            await pause()
            if self._mark is not None and not found.continues(self._mark):
                raise Rebootstrap("stream")
            checked_s = sent_s
        async with self._lock:
            if self.terms.takes(head, "probe"):
                self._require_latest(head)
                self._loader.has_heard = True
                probe = Probe(sent_s, position_of(head))
                await self._compare(asked, probe, was_behind=was_behind)
        return checked_s

    async def _ask_head(self, own: bytes) -> replication_pb2.Head:
        """A writer's; one of this registry and its database, if any answers so."""
        latest = self.terms.latest
        return await self._asking.head(
            lambda head: head.registry_id == own and not core.is_earlier(term_of(head), latest)
        )

    def _require_latest(self, head: replication_pb2.Head) -> None:
        """No head counts of an earlier database than one that a writer spoke for just now."""
        term, (latest, heard_s) = term_of(head), self._heard
        is_new = self._clock() - heard_s >= UNHEARD_S
        require(is_new or term >= latest, 7, "an earlier database is believed:", term)
        self._heard = (term, self._clock())

    async def _compare(self, asked: LogPosition, probe: Probe, *, was_behind: bool) -> None:
        mine = self.view.snapshot.position
        action = core.on_probe(asked, mine, probe.head, was_behind=was_behind)
        if action is Action.BOOTSTRAP:
            raise Rebootstrap("epoch")
        if action is Action.MARK_STALE:
            self.doubted = mine
            self.view.mark_stale("a head")
            await self._catch_up.to(None, is_doubted=True)
            return
        self.view.freshness.note_probe(probe, mine)
        if action is Action.CATCH_UP:
            await self._catch_up.to(probe.head)

    # ------------------------------------------------------------ being looked at

    @property
    def has_heard(self) -> bool:
        """A writer told it the head since it loaded what it serves."""
        return self._loader.has_heard

    def is_live_at(self, head: LogPosition) -> bool:
        view = self.view
        if not view.is_complete or view.snapshot.position != head:
            return False
        return view.freshness.state == pb.SNAPSHOT_STATE_LIVE


async def _in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    found = work(*arguments)
    await pause()
    return found
