"""A resolver that waits where `resolver.follower.Follower` waits, and does what the core says."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import DecodeError

from resolver import decoding
from resolver import follower_core as core
from resolver.database import Busy
from resolver.follower import STREAM_CHECK_S
from resolver.follower_core import Do
from resolver.freshness import Freshness, Probe
from resolver.keeping import Journal
from resolver.loading import POISON_PAUSE_S, TURN_PAUSE_S, StartOver
from resolver.snapshot import Diverged, Snapshot
from resolver.sources import Loaded, Sources
from resolver.view import View
from shared.history import Position, is_believable, position_of
from shared.image_store import ImageStore
from shared.stream_mark import StreamMark
from tests.protocol.database import NOW, Database
from tests.protocol.file import File
from tests.protocol.keeping import Keeping
from tests.protocol.pausing import Away, Lock, Process, pause
from tests.protocol.stream import Consumer, Stream
from writer.heads import head_message

STALE_AFTER_S: Final = 5.0


class Resolver:
    """One process's life: a crash is the end of the object.

    Args:
        file: Outlives it.
        ask_for_bump: Asks a writer for a new epoch, beyond what is held.

    Attributes:
        view: What its clients read.
        poisoned: How often it met what cannot be applied.
        repeated: Messages that come once more, out of their order.
        doubted: What it held when it came to doubt that the database has it, until asserted.
        has_heard: PostgreSQL or a writer told it the head since it loaded what it serves.
    """

    def __init__(
        self,
        database: Database,
        stream: Stream,
        images: ImageStore,
        file: File,
        clock: Callable[[], float],
        ask_for_bump: Callable[[replication_pb2.Head], Awaitable[None]],
    ) -> None:
        self._database = database
        self._stream = stream
        self._clock = clock
        self._ask_for_bump = ask_for_bump
        self.view = View(Freshness(STALE_AFTER_S, clock))
        self.poisoned = 0
        self.repeated: deque[bytes] = deque()
        self.doubted: Position | None = None
        self._mark: StreamMark | None = None
        self._lock = Lock()
        self._sources = Sources(images, file, _in_thread)  # type: ignore[arg-type]
        self._journal = Journal()
        self.keeping = Keeping(self.view, file, lambda: self._mark, self._journal)
        self.has_heard = False
        self.consumer: Consumer | None = None
        self._loading: Process | None = Process(self._bootstrap())
        self._following: Process | None = None
        self._probing: Process | None = None
        self._writing = Process(self.keeping.run())

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
        except StartOver as error:
            self.poisoned += error.cause == "poison"
            self.view.doubt(error.cause)
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

    async def _begin_again(self, error: StartOver) -> None:
        if error.cause == "poison":
            await self._sleep(POISON_PAUSE_S)
        await self._bootstrap()

    async def _sleep(self, seconds: float) -> None:
        until_s = self._clock() + seconds
        while self._clock() < until_s:
            await pause()

    # ------------------------------------------------------------ loading everything

    async def _bootstrap(self) -> None:
        loaded = await self._load()
        snapshot = loaded.snapshot
        if loaded.source == "postgres":
            await self._require_onward(snapshot)
        held = self.view.snapshot.position if self.view.is_complete else None
        if held is not None and held.epoch != snapshot.position.epoch:
            self.view.freshness.forget()
        self._mark = loaded.mark
        self.view.replace(snapshot, loaded.source, NOW)
        self.has_heard = (loaded.as_of_s, loaded.leads_to) != (None, None)
        if loaded.as_of_s is not None:
            self.view.freshness.confirm(loaded.as_of_s)
        else:
            self.view.freshness.unconfirm()
        if loaded.leads_to is not None:
            self.view.freshness.probed(loaded.leads_to, snapshot.position)
        self._journal.begin(is_kept=loaded.is_kept)
        self.view.moved()
        if self.view.freshness.is_behind:
            with suppress(Away):
                await self._catch_up()

    async def _load(self) -> Loaded:
        while True:
            mark, as_of_s = self._stream.noted(), self._clock()
            await pause()
            failed: Exception
            try:
                if not self.view.is_complete:
                    found = head_message(self._database.head())
                    await pause()
                    near = await self._sources.near(found, as_of_s)
                    if near is not None:
                        return near
                    await pause()
                snapshot = self._database.hydrate()
                await pause()
                return Loaded(snapshot, mark, "postgres", as_of_s)
            except (Busy, Away) as error:
                failed = error
            await pause()
            held = self.view.snapshot.head if self.view.is_complete else None
            loaded = await self._sources.newest(held)
            if loaded is not None:
                return loaded
            if not isinstance(failed, Busy):
                raise failed
            await self._sleep(TURN_PAUSE_S[0])

    async def _require_onward(self, found: Snapshot) -> None:
        if not self.view.is_complete:
            await self._resume(found.head)
        if not self.view.is_complete:
            return
        held, confirmed = self.view.snapshot.head, self.view.freshness.is_confirmed
        if core.on_hydrated(held, found.head, is_confirmed=confirmed) is Do.BUMP:
            try:
                await self._ask_for_bump(held)
            except Away:
                await pause()
            await self._sleep(POISON_PAUSE_S)
            raise StartOver("lost_history")

    async def _resume(self, found: replication_pb2.Head) -> None:
        loaded = await self._sources.ahead_of(found)
        if loaded is not None:
            self._mark = loaded.mark
            self.view.replace(loaded.snapshot, loaded.source, NOW)
            self.view.moved()

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
            raise StartOver("poison") from error
        head, mine = message.head, self.view.snapshot.position
        theirs = position_of(head)
        if theirs.epoch == mine.epoch and is_believable(mine, theirs):
            self.view.freshness.heard(theirs)
        action = core.on_message(mine, message)
        if action is Do.APPLY:
            await self._apply(head, message.commit)
        elif action is Do.CATCH_UP:
            await self._catch_up()
        elif action is Do.BOOTSTRAP:
            raise StartOver("epoch")

    # ------------------------------------------------------------ the probe

    async def _probe(self) -> None:
        checked_s = self._clock()
        while True:
            await pause()
            try:
                checked_s = await self._probe_once(checked_s)
            except Away:
                continue

    async def _probe_once(self, checked_s: float) -> float:
        was_behind = self.view.freshness.is_behind
        asked = self.view.snapshot.position
        sent_s = self._clock()
        await pause()
        head = position_of(self._database.head())
        await pause()
        if sent_s - checked_s >= STREAM_CHECK_S:
            found = self._stream.mark()
            await pause()
            if self._mark is not None and not found.continues(self._mark):
                raise StartOver("stream")
            checked_s = sent_s
        async with self._lock:
            self.has_heard = True
            await self._compare(asked, Probe(sent_s, head), was_behind=was_behind)
        return checked_s

    async def _compare(self, asked: Position, probe: Probe, *, was_behind: bool) -> None:
        mine = self.view.snapshot.position
        action = core.on_probe(asked, mine, probe.head, was_behind=was_behind)
        if action is Do.BOOTSTRAP:
            raise StartOver("epoch")
        if action is Do.DOUBT:
            self.doubted = mine
            self.view.doubt("a head")
            await self._catch_up()
            return
        self.view.freshness.probed(probe, mine)
        if action is Do.CATCH_UP:
            await self._catch_up()

    # ------------------------------------------------------------ catching up, applying

    async def _catch_up(self) -> None:
        while True:
            mine = self.view.snapshot.position
            head = head_message(self._database.head())
            rows = self._database.resolver_rows(mine.revision)
            await pause()
            action = core.on_head(mine, position_of(head), head.compacted_revision)
            if action is Do.NOTHING:
                return
            if action is Do.BOOTSTRAP or not rows:
                raise StartOver("no_way_forward")
            for row in rows:
                mine = self.view.snapshot.position
                prev_chain = row.commit.prev_chain
                action = core.on_row(mine, row.position, prev_chain, is_reset=row.is_reset)
                if action is not Do.APPLY:
                    raise StartOver("no_way_forward")
                await self._apply(row.head, row.commit)

    async def _apply(self, head: replication_pb2.Head, commit: replication_pb2.Commit) -> None:
        snapshot = self.view.snapshot
        try:
            change_set = decoding.decode(snapshot.position, head, commit)
            planned = list(decoding.plan(snapshot, change_set))
            await pause()
            snapshot.apply(head, planned)
        except (decoding.Poison, Diverged) as error:
            raise StartOver("poison") from error
        self._journal.applied(head, commit)
        self.view.moved()

    # ------------------------------------------------------------ being looked at

    def is_live_at(self, head: Position) -> bool:
        view = self.view
        if not view.is_complete or view.snapshot.position != head:
            return False
        return view.freshness.state == pb.SNAPSHOT_STATE_LIVE


async def _in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    found = work(*arguments)
    await pause()
    return found
