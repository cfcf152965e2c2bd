"""A resolver that loads everything, waiting where `bootstrap.Loader` waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cqc.replication.v1 import replication_pb2

from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap import TURN_PAUSE_S, DatabaseBehind, Rebootstrap
from cqar_resolver.replication.bootstrap_sources import BootstrapSources, LoadedSnapshot
from cqar_resolver.replication.epoch_requests import ask_for_bump
from cqar_resolver.replication.freshness import Probe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.postgres import LoadTurnsTaken
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.replication.positions import position_of
from cqar_shared.replication.stream_mark import StreamMark
from tests.protocol.asking import Asking
from tests.protocol.database import NOW
from tests.protocol.pausing import Away, pause
from tests.protocol.reading import Reading


class Loader:
    """Attributes:
    has_heard: A writer told the head since what is served does not lead on from what was.
    """

    def __init__(
        self,
        view: ReplicaState,
        reading: Reading,
        asking: Asking,
        note: Callable[[], StreamMark | None],
        sources: BootstrapSources,
        terms: KnownTerms,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        ask_head: Callable[[bytes], Awaitable[replication_pb2.Head]],
    ) -> None:
        self._view = view
        self._reading = reading
        self._asking = asking
        self._note = note
        self.noted: StreamMark | None = None
        self._sources = sources
        self._terms = terms
        self._clock = clock
        self._sleep = sleep
        self._ask_head = ask_head
        self.has_heard = False

    async def load(self) -> LoadedSnapshot | None:
        loaded = await self._load()
        if loaded is None:
            return None
        snapshot = loaded.snapshot
        confirmation = await self._confirmation(snapshot.head)
        held = self._view.snapshot.head if self._view.is_complete else None
        if held is not None and held.epoch != snapshot.position.epoch:
            self._view.freshness.forget()
        if loaded.source != "postgres" or held is None:
            self._view.freshness.unconfirm()
            self.has_heard = False
        if confirmation is not None:
            self.has_heard = True
            self._view.freshness.note_probe(confirmation, snapshot.position)
        self._view.replace(
            *(snapshot, loaded.source, NOW),
            is_own=loaded.is_own,
            is_in_checkpoint=loaded.is_in_checkpoint,
        )
        if loaded.leads_to is not None:
            self._view.freshness.note_head(position_of(loaded.leads_to))
        self._view.announce_revision()
        if loaded.lacked_by is not None:
            await self._ask_for_bump(loaded.lacked_by)
        return loaded

    async def _confirmation(self, loaded: replication_pb2.Head) -> Probe | None:
        """A writer's head, if one tells at once that the registry is at what was loaded."""
        sent_s = self._clock()
        try:
            head = await self._ask_head(loaded.registry_id)
        except Away:
            return None
        await pause()
        is_it = position_of(head) == position_of(loaded)
        taken = is_it and self._terms.takes(head, "probe")
        return Probe(sent_s, position_of(head)) if taken else None

    async def _load(self) -> LoadedSnapshot | None:
        while True:
            self.noted = mark = self._note()
            await pause()
            failed: Exception
            try:
                own = None if self._view.is_complete else await self._from_own_file()
                await pause()
                return own or LoadedSnapshot(self._hydrate(), mark, "postgres", is_own=True)
            except (LoadTurnsTaken, ConnectionError) as error:
                failed = error
            await pause()
            if isinstance(failed, DatabaseBehind) and failed.found is not None:
                await self._ask_for_bump(failed.found)
            held = self._view.snapshot.head if self._view.is_complete else None
            loaded = await self._sources.newest(held)
            if loaded is not None:
                return loaded
            if isinstance(failed, DatabaseBehind) and self._view.is_complete:
                return None
            if not isinstance(failed, LoadTurnsTaken):
                raise Away from failed
            await self._sleep(TURN_PAUSE_S[0])

    async def _from_own_file(self) -> LoadedSnapshot | None:
        kept = await self._sources.kept()
        look = self._reading.look(kept.head.revision if kept is not None else 0)
        await pause()
        if kept is None or not self._terms.takes(look.head, "postgres"):
            return None
        if core.is_ahead(kept.head, look.head, look.row):
            loaded = await self._sources.tried(kept)
            return loaded and loaded._replace(is_own=True, lacked_by=look.head)
        if core.is_near(kept.head, look.head):
            loaded = await self._sources.tried(kept)
            return loaded and loaded._replace(is_own=True, leads_to=look.head)
        return None

    def _hydrate(self) -> Snapshot:
        """All that the database holds, if it leads on from what is served."""
        held = self._view.snapshot.head if self._view.is_complete else None
        look, snapshot = self._reading.hydrate(held.revision if held is not None else 0)
        action = Action.APPLY
        if held is not None:
            is_own = self._view.is_own
            action = core.on_hydrated(held, look.head, look.row, is_confirmed=is_own)
        if not self._terms.takes(look.head, "postgres"):
            raise DatabaseBehind(None, "it is of a database that is not the registry's any more")
        if action is Action.BUMP:
            raise DatabaseBehind(look.head, "it does not have what is served")
        return snapshot

    async def _ask_for_bump(self, found: replication_pb2.Head) -> None:
        if await ask_for_bump(self._asking, self._view.snapshot.head, found):  # type: ignore[arg-type]
            raise Rebootstrap("lost_history")
