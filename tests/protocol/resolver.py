"""A resolver's process: the follower that ships, over simulated ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final, TypeVar

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.replication.bootstrap_sources import BootstrapSources
from cqar_resolver.replication.follower import Follower
from cqar_resolver.replication.freshness import Probe, StalenessBound
from cqar_resolver.replication.head_probe import UNKNOWN_TO_WRITER
from cqar_resolver.replication.known_terms import UNHEARD_S, KnownTerms, TermSource
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.messaging.jetstream import ConsumerLost
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.replication.positions import NO_TERM, LogPosition, term_of
from tests.protocol.asking import Asking
from tests.protocol.cluster import Door
from tests.protocol.database import NOW
from tests.protocol.file import File
from tests.protocol.keeping import Keeping
from tests.protocol.pausing import Away, Lock, Process, pause
from tests.protocol.reading import SimulatedDatabase, SimulatedHeads, SimulatedStream
from tests.protocol.stream import Stream
from tests.protocol.violation import require

STALE_AFTER_S: Final = 5.0
T = TypeVar("T")


class Batches:
    """All items at once, and then a wait. No generator: those cannot be ended while they wait."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items: Iterable[Any] | None = items

    def __aiter__(self) -> AsyncIterator[list[Any]]:
        return self

    async def __anext__(self) -> list[Any]:
        items, self._items = self._items, None
        if items is None:
            await pause()
            raise StopAsyncIteration
        return list(items)


class SimulatedScheduler:
    """As `cqar_resolver.replication.scheduler.Scheduler`: a schedule says who goes on.

    Attributes:
        probes: Whether the next step is the probe's, where it runs together with the stream.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.now_s = clock
        self.probes = False

    def uniform(self, _: float, high: float) -> float:
        return high

    async def sleep(self, seconds: float) -> None:
        until_s = self.now_s() + seconds
        while self.now_s() < until_s:
            await pause()

    def timeout(self, _: float) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    def lock(self) -> AbstractAsyncContextManager[object]:
        return Lock()

    def batches(self, items: Iterable[T], _: int) -> AsyncIterator[list[T]]:
        return Batches(items)

    def raise_if_cancelled(self) -> None:
        """Nothing is cancelled: a process ends where it waits."""

    async def supervise(
        self,
        _: str,
        step: Callable[[], Awaitable[object]],
        ended_by: type[Exception] | tuple[type[Exception], ...] = (),
        __: float = 0.0,
    ) -> None:
        while True:
            try:
                await step()
            except ended_by:
                raise
            except (Away, ConsumerLost):
                pass
            await pause()

    async def together(self, *work: Coroutine[Any, Any, None]) -> None:
        stream, probe, *others = map(Process, work)
        try:
            while True:
                others = [other for other in others if not other.step()]
                (probe if self.probes else stream).step()
                await pause()
        finally:
            for process in (stream, probe, *others):
                process.crash()


class WatchedFreshness(StalenessBound):
    """Attributes:
    has_heard: A writer told the head since what is served does not lead on from what was.
    """

    has_heard = False

    def unconfirm(self) -> None:
        self.has_heard = False
        super().unconfirm()

    def note_probe(self, probe: Probe, local: LogPosition) -> None:
        self.has_heard = True
        super().note_probe(probe, local)


class WatchedState(ReplicaState):
    """Attributes:
    poisoned: How often it met what cannot be applied.
    doubted: What it held when it came to doubt that the database has it, until asserted.
    """

    poisoned = 0
    doubted: LogPosition | None = None

    def mark_stale(self, why: str) -> None:
        self.poisoned += why == "starting over: poison"
        if why == UNKNOWN_TO_WRITER:
            self.doubted = self.snapshot.position
        super().mark_stale(why)


class WatchedTerms(KnownTerms):
    """No head counts of an earlier database than one that a writer spoke for just now."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._heard = (NO_TERM, clock())

    def takes(self, head: replication_pb2.Head, source: TermSource) -> bool:
        is_taken = super().takes(head, source)
        if is_taken and source == "probe":
            term, (latest, heard_s) = term_of(head), self._heard
            is_new = self._clock() - heard_s >= UNHEARD_S
            require(is_new or term >= latest, 7, "an earlier database is believed:", term)
            self._heard = (term, self._clock())
        return is_taken


class Resolver:
    """One process's life: a crash is the end of the object.

    Args:
        door: To PostgreSQL, as it reads that.
        asking: Reaches the writers.
        file: Outlives it.

    Attributes:
        view: What its clients read.
        stream: As it reads it.
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
        self.freshness = WatchedFreshness(STALE_AFTER_S, clock)
        self.view = WatchedState(self.freshness)
        self.stream = SimulatedStream(stream)
        self._scheduler = scheduler = SimulatedScheduler(clock)
        heads = SimulatedHeads(asking)
        ports = Ports(self.stream, SimulatedDatabase(door), heads, asking, scheduler)
        sources = BootstrapSources(images, file, _in_thread)  # type: ignore[arg-type]
        follower = Follower(
            *(self.view, ports, lambda: NOW, 0.0, sources), terms=WatchedTerms(clock)
        )
        self.keeping = Keeping(self.view, file, lambda: follower.mark)
        self._following = Process(scheduler.supervise("follower", follower.run))
        self._writing = Process(self.keeping.run())

    def step(self, *, probes: bool) -> None:
        """Advance loading, or else one of the two loops that follow it."""
        self._scheduler.probes = probes
        self._following.step()

    def keep(self) -> None:
        """Advance the writing of the file."""
        self._writing.step()

    def stop(self) -> None:
        """End as SIGTERM ends it: what is served is kept."""
        self._following.crash()
        for _ in ("what is being written", "what came since"):
            self.keep()
            while not self.keeping.is_idle:
                self.keep()
        self.crash()

    def crash(self) -> None:
        self._following.crash()
        self._writing.crash()

    # ------------------------------------------------------------ being looked at

    @property
    def position(self) -> LogPosition | None:
        """Of what it serves."""
        return self.view.snapshot.position if self.view.is_complete else None

    def is_live_at(self, head: LogPosition) -> bool:
        return self.position == head and self.view.freshness.state == pb.SNAPSHOT_STATE_LIVE


async def _in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    found = work(*arguments)
    await pause()
    return found
